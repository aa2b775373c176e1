import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { clusterId, instant, type RecoveryId, serverId, wallTime } from '../../model/ids.ts'
import type { Plan } from '../../model/plan.ts'
import { ProblemError } from '../../model/problem.ts'
import type { Clock } from '../../ports/clock.ts'
import type { HeldLease } from '../../ports/lease.ts'
import { type OpenedStore, openStore, type StoreOptions } from './open.ts'

/** For the tests of this adapter, some of which run in processes of their own. */
export const SHOP = clusterId('c-5a0b')

export const CLOCK: Clock = {
  now: () => instant(Number(process.hrtime.bigint()) / 1e6),
  wall: () => wallTime(Date.now()),
  sleep: async (ms, signal) => {
    await setTimeout(ms, undefined, signal === undefined ? {} : { signal })
  },
  deadline: (ms) => ({ signal: AbortSignal.timeout(ms), [Symbol.dispose]: () => undefined }),
}

export interface TestDir extends Disposable {
  readonly path: string
}

export function testDir(): TestDir {
  const path = mkdtempSync(join(tmpdir(), 'regent-sqlite-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

export interface Opened extends OpenedStore {
  readonly troubles: readonly Error[]
}

export async function open(dir: string, options: Partial<StoreOptions> = {}): Promise<Opened> {
  const troubles: Error[] = []
  const onTrouble = (error: Error): number => troubles.push(error)
  const opened = await openStore({ dir, clock: CLOCK, vantage: 'here', onTrouble, ...options })
  return { ...opened, troubles }
}

export async function take(opened: OpenedStore, who = 'a test'): Promise<HeldLease> {
  const answer = await opened.leases.acquire(who)
  if (answer.kind !== 'held') throw new Error(`taken by ${answer.by}`)
  return answer.lease
}

export async function until<T>(look: () => T | undefined | Promise<T | undefined>, withinMs = 15_000): Promise<T> {
  const end = CLOCK.now() + withinMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (CLOCK.now() > end) throw new Error(`it did not come true within ${withinMs} ms`)
    await setTimeout(5)
  }
}

export function plan(recovery: RecoveryId, because = 'dead'): Plan {
  const subject = serverId('s1')
  return {
    ...{
      version: 1,
      recovery,
      cluster: SHOP,
      kind: 'failover',
      act: 1,
      subject,
      steps: [],
      ranking: [],
      risks: [],
      because,
    },
    fence: { demand: { atLeast: 'none', alsoRoutes: false }, because: '' },
  }
}

export function recovery(id: RecoveryId) {
  const kind = 'failover' as const
  return { id, cluster: SHOP, kind, subject: serverId('s1'), automatic: true, startedAt: wallTime(1), because: 'dead' }
}

/** The code of the problem that a promise rejects with. */
export async function problemOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'it went well'
  } catch (error) {
    return error instanceof ProblemError ? error.problem.code : `not a problem: ${String(error)}`
  }
}
