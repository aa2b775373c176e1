import type { Database } from './database.ts'
import type { ProcessMark } from './process.ts'
import { clusterRows } from './rows/clusters.ts'
import { historyRows } from './rows/history.ts'
import { leaseRows } from './rows/lease.ts'
import { evidenceRows, orderRows } from './rows/orders.ts'
import { recoveryRows } from './rows/recoveries.ts'
import { reignRows } from './rows/reigns.ts'
import { stepRows } from './rows/steps.ts'

export interface HandlerOptions {
  readonly vantage: string
  readonly keepEvidence: number
  readonly me: ProcessMark
}

/** Everything the worker can be asked, by name. The other side takes its types from here. */
export function handlersOf(db: Database, options: HandlerOptions) {
  return {
    ...leaseRows(db, options.me),
    ...clusterRows(db, options.vantage),
    ...reignRows(db),
    ...recoveryRows(db),
    ...stepRows(db),
    ...historyRows(db),
    ...orderRows(db),
    ...evidenceRows(db, { vantage: options.vantage, keep: options.keepEvidence }),
  }
}

export type Handlers = ReturnType<typeof handlersOf>
export type CallName = keyof Handlers
export type Input<K extends CallName> = Parameters<Handlers[K]>[0]
export type Output<K extends CallName> = ReturnType<Handlers[K]>
