import type { BinlogState, MariadbGtid, Position } from '../../model/gtid/mariadb-position.ts'
import type { GtidSet } from '../../model/gtid/mysql-set.ts'

/** `uid` is the truth of the simulation: two transactions of one GTID, should there ever be two, are not the same. */
export interface Transaction {
  readonly uid: number
  /** server_id of the server on which a client wrote it. */
  readonly origin: number
  readonly sequence: number
}

export const uuidOf = (numericId: number): string => `00000000-0000-4000-8000-${String(numericId).padStart(12, '0')}`

export function setOf(transactions: Iterable<Transaction>): GtidSet {
  const numbers = new Map<number, Set<number>>()
  for (const { origin, sequence } of transactions) numbers.set(origin, (numbers.get(origin) ?? new Set()).add(sequence))
  const parts = [...numbers].sort(([a], [b]) => a - b)
  return { parts: parts.map(([origin, found]) => ({ uuid: uuidOf(origin), tag: '', bounds: boundsOf(found) })) }
}

function boundsOf(found: ReadonlySet<number>): readonly number[] {
  const bounds: number[] = []
  for (const n of [...found].sort((a, b) => a - b)) {
    if (bounds.at(-1) === n) bounds[bounds.length - 1] = n + 1
    else bounds.push(n, n + 1)
  }
  return bounds
}

const gtidOf = ({ origin, sequence }: Transaction): MariadbGtid => ({ domain: 0, server: origin, seq: sequence })

export const positionOf = (last: Transaction | undefined): Position => ({ gtids: last ? [gtidOf(last)] : [] })

/** Of a binlog, in its order: per server the last it wrote, and the newest of all. */
export function stateOf(binlog: readonly Transaction[]): BinlogState {
  const newest = binlog.at(-1)
  if (newest === undefined) return { domains: [] }
  const last = new Map<number, Transaction>()
  for (const transaction of binlog) last.set(transaction.origin, transaction)
  const gtids = [...last.values()].map(gtidOf).sort((a, b) => a.server - b.server)
  return { domains: [{ domain: 0, gtids, last: gtidOf(newest) }] }
}
