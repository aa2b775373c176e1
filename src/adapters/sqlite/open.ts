import { join } from 'node:path'
import type { Clock } from '../../ports/clock.ts'
import type { Journal } from '../../ports/journal.ts'
import type { Leases } from '../../ports/lease.ts'
import type { Store } from '../../ports/store.ts'
import { WriteBehind } from './behind.ts'
import { Bridge } from './bridge.ts'
import { journalOver } from './journal.ts'
import { type LeaseTimes, leasesOver, leaseTimes } from './leases.ts'
import { type ProcessMark, thisProcess } from './process.ts'
import { storeOver } from './store.ts'

export const STORE_FILE = 'regent.db'

export interface StoreOptions {
  /** Directory of the store; made (0700) where it is missing. On a local file system: the lease and WAL need one machine's memory. */
  readonly dir: string
  /** The system's: its instants must count from boot, or two processes could not compare a lease's deadline. */
  readonly clock: Clock
  /** Written beside every reading and piece of evidence. */
  readonly vantage: string
  /** Hears of every write that nobody waits for and that failed. */
  readonly onTrouble: (error: Error) => void
  readonly lease?: LeaseTimes
  /** How many pieces of evidence are kept per cluster. */
  readonly keepEvidence?: number
  readonly me?: ProcessMark
  /** Bounds the file, as a full disk would. */
  readonly maxPages?: number
}

export interface OpenedStore extends AsyncDisposable {
  readonly store: Store
  readonly journal: Journal
  readonly leases: Leases
  /** Writes what was posted, closes the file, ends the thread. Give the lease back before. */
  end(): Promise<void>
}

const KEEP_EVIDENCE = 10_000

/** Rejects with a ProblemError: `store_locked`, `store_full`, `store_corrupt`, `store_newer`, `store_unwritable`. */
export async function openStore(options: StoreOptions): Promise<OpenedStore> {
  const { clock, onTrouble } = options
  const settings = {
    path: join(options.dir, STORE_FILE),
    vantage: options.vantage,
    keepEvidence: options.keepEvidence ?? KEEP_EVIDENCE,
    me: options.me ?? thisProcess(),
    openedAt: clock.wall(),
    ...(options.maxPages === undefined ? {} : { maxPages: options.maxPages }),
  }
  const bridge = await Bridge.open(settings, onTrouble)
  const behind = new WriteBehind(bridge, onTrouble)
  const shared = new WriteBehind(bridge, onTrouble)
  const leases = leasesOver({ bridge, clock, onTrouble, times: options.lease ?? leaseTimes(5000) })
  let ending: Promise<void> | undefined
  const end = (): Promise<void> => {
    ending ??= endAll({ bridge, behind, shared, onTrouble })
    return ending
  }
  return {
    store: storeOver({ bridge, shared, end }),
    journal: journalOver({ bridge, behind, clock, token: leases.lastToken }),
    leases,
    end,
    [Symbol.asyncDispose]: end,
  }
}

interface Ending {
  readonly bridge: Bridge
  readonly behind: WriteBehind
  readonly shared: WriteBehind
  readonly onTrouble: (error: Error) => void
}

async function endAll({ bridge, behind, shared, onTrouble }: Ending): Promise<void> {
  shared.push()
  // Told already when it failed; told once more because nobody will try again after this.
  await behind.flush().catch(onTrouble)
  await bridge.end()
}
