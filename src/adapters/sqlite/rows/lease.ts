import { ProblemError } from '../../../model/problem.ts'
import type { Database } from '../database.ts'
import { isGone, type ProcessMark } from '../process.ts'
import { number, type Row, text } from '../row.ts'
import { leaseLost } from '../trouble.ts'

export interface AcquireInput {
  readonly who: string
  /** Monotonic ms of this boot, read before the call was sent: a late arrival only makes others wait longer. */
  readonly now: number
  readonly ttlMs: number
  /** Tokens that this very process held and lost: it may follow itself at once. */
  readonly lostTokens: readonly number[]
}

export type AcquireOutput =
  | { readonly kind: 'held'; readonly token: number }
  | { readonly kind: 'taken'; readonly by: string; readonly leftMs: number }

export interface Holder {
  readonly by: string
  readonly pid: number
  readonly leftMs: number
}

/** Far longer than a call can be under way: a renewal that overtook our question must not look like another boot's. */
const FOREIGN_CLOCK_MS = 60_000

/**
 * The one lease of a store. Tokens only grow, so a write that carries an older one is known to come from a former holder;
 * `acquire` decides inside a transaction that has the write lock from its start, so of two that ask at once one wins.
 */
export function leaseRows(db: Database, me: ProcessMark) {
  return {
    acquire: (input: AcquireInput): AcquireOutput =>
      db.write(() => {
        const row = leaseRow(db)
        const holder = holderOf(row, me, input.now)
        if (holder !== undefined && !input.lostTokens.includes(number(row, 'token'))) {
          return { kind: 'taken', by: holder.by, leftMs: holder.leftMs }
        }
        const token = number(row, 'token') + 1
        db.run(
          `UPDATE lease SET token = ?, held = 1, who = ?, boot = ?, pid_namespace = ?, pid = ?, started = ?, deadline = ?, ttl = ?`,
          ...[token, input.who, me.boot, me.pidNamespace, me.pid, me.started, input.now + input.ttlMs, input.ttlMs],
        )
        return { kind: 'held', token }
      }),

    /** False where another token stands in the store. */
    renew: (input: { readonly token: number; readonly now: number; readonly ttlMs: number }): boolean =>
      db.write(() => {
        const deadline = input.now + input.ttlMs
        return db.run('UPDATE lease SET deadline = ? WHERE token = ? AND held = 1', deadline, input.token) === 1
      }),

    release: (input: { readonly token: number }): void =>
      db.write(() => {
        db.run('UPDATE lease SET held = 0 WHERE token = ?', input.token)
      }),

    holder: (input: { readonly now: number }): Holder | undefined => holderOf(leaseRow(db), me, input.now),
  }
}

/** Inside the transaction of the write that it guards: a former holder cannot write. */
export const holdsLease = (db: Database, token: number): boolean =>
  db.get('SELECT 1 FROM lease WHERE token = ? AND held = 1', token) !== undefined

/** As `holdsLease`, for writes that have no other way to say no. */
export function demandLease(db: Database, token: number): void {
  if (holdsLease(db, token)) return
  const row = leaseRow(db)
  const who = number(row, 'held') === 1 ? `${text(row, 'who')} has it` : 'nobody has it at this moment'
  throw new ProblemError(leaseLost(who))
}

function leaseRow(db: Database): Row {
  const row = db.get('SELECT * FROM lease')
  if (row === undefined) throw new Error('the row of the lease is missing')
  return row
}

/** Who holds it validly now. */
function holderOf(row: Row, me: ProcessMark, now: number): Holder | undefined {
  if (number(row, 'held') !== 1) return undefined
  const pid = number(row, 'pid')
  const mark = { boot: text(row, 'boot'), pidNamespace: text(row, 'pid_namespace'), pid, started: text(row, 'started') }
  if (isGone(mark, me)) return undefined
  const leftMs = number(row, 'deadline') - now
  // Where boots cannot be told apart by id: a deadline so far ahead was written on another boot's clock, and would hold for days.
  const ofAnotherBoot = me.boot === '' && leftMs > number(row, 'ttl') + FOREIGN_CLOCK_MS
  return leftMs > 0 && !ofAnotherBoot ? { by: text(row, 'who'), pid, leftMs } : undefined
}
