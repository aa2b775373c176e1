import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type OpenedStore, openStore } from '../../src/adapters/sqlite/open.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { JournalWorld } from './journal.ts'
import type { LeaseParty, LeaseWorld } from './lease.ts'

const fail = (error: Error): void => {
  throw error
}

/** A store of its own in a directory of its own. */
export async function sqliteWorld(dir = mkdtempSync(join(tmpdir(), 'regent-store-'))): Promise<JournalWorld> {
  const opened = await openStore({ dir, clock: systemClock(), vantage: 'here', onTrouble: () => undefined })
  return {
    ...opened,
    reopen: async () => {
      await opened.end()
      return sqliteWorld(dir)
    },
    [Symbol.asyncDispose]: async () => {
      await opened.end()
      rmSync(dir, { recursive: true })
    },
  }
}

/** Several stores over one file; each has a clock whose timers can be stopped. */
export async function sqliteLeaseWorld(): Promise<LeaseWorld> {
  const dir = mkdtempSync(join(tmpdir(), 'regent-lease-'))
  const clock = systemClock()
  const opened: OpenedStore[] = []
  const times = { ttlMs: 400, renewEveryMs: 80 }
  const joinIt = async (): Promise<LeaseParty> => {
    const freezer = freezable(clock)
    const store = await openStore({ dir, clock: freezer.clock, vantage: 'here', onTrouble: fail, lease: times })
    opened.push(store)
    return { leases: store.leases, freeze: freezer.freeze, thaw: freezer.thaw }
  }
  return {
    ttlMs: times.ttlMs,
    join: joinIt,
    wait: (ms) => clock.sleep(ms),
    now: () => clock.now(),
    [Symbol.asyncDispose]: async () => {
      for (const store of opened) await store.end()
      rmSync(dir, { recursive: true })
    },
  }
}

function freezable(real: Clock): { readonly clock: Clock; freeze(): void; thaw(): void } {
  let frozen: Promise<void> | undefined
  let melt: () => void = () => undefined
  const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    await real.sleep(ms, signal)
    while (frozen !== undefined) await frozen
    signal?.throwIfAborted()
  }
  return {
    clock: { ...real, sleep },
    freeze: () => {
      frozen ??= new Promise((resolve) => {
        melt = resolve
      })
    },
    thaw: () => {
      frozen = undefined
      melt()
    },
  }
}
