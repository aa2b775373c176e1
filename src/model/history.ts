/**
 * Which of two servers has more, and what exactly. MySQL's histories are sets and always compare; MariaDB's are
 * positions, which prove containment only together with binlog states (see `history/mariadb-known.ts` for the axioms),
 * so any answer may be `unprovable`. `yes` and `no` are never guesses. Histories of two flavours never compare.
 *
 * `context`: further histories of the same cluster that help to order MariaDB's positions: other servers', the dead
 * primary's last known one, those kept from the openings of reigns. They must be true, they need not be recent.
 */
import type { Answer, History, MariadbHistory, Relation, Surplus } from './history/kinds.ts'
import { mariadbDrained, mariadbWithin, type Part } from './history/mariadb.ts'
import { mariadbSurplus } from './history/mariadb-surplus.ts'
import { relationOfSets, setSurplus, setWithin } from './history/mysql.ts'

export type {
  Answer,
  History,
  MariadbHistory,
  MysqlHistory,
  ReceivedPosition,
  Relation,
  Surplus,
} from './history/kinds.ts'
export { parseHistory, printHistory } from './history/text.ts'

/** `a` relative to `b` by what they executed: `behind` means that `a` has less. */
export function compareExecuted(a: History, b: History, context: readonly History[] = []): Relation {
  if (a.kind === 'mysql' && b.kind === 'mysql') return relationOfSets(a.executed, b.executed)
  return relationOf(executedWithin(a, b, context), executedWithin(b, a, context))
}

/** `a` relative to `b` by what they received: executed, or still in a relay log. */
export function compareReceived(a: History, b: History, context: readonly History[] = []): Relation {
  if (a.kind === 'mysql' && b.kind === 'mysql') return relationOfSets(a.received, b.received)
  const parts = { of: 'received', in: 'received' } as const
  return relationOf(withinOf(a, b, { ...parts, context }), withinOf(b, a, { ...parts, context }))
}

/** Whether everything that `a` executed is contained in what `b` executed. */
export function executedWithin(a: History, b: History, context: readonly History[] = []): Answer {
  if (a.kind === 'mysql' && b.kind === 'mysql') return setWithin(a.executed, b.executed)
  return withinOf(a, b, { of: 'executed', in: 'executed', context })
}

/** Whether everything that `a` executed is contained in what `b` received. */
export function executedWithinReceived(a: History, b: History, context: readonly History[] = []): Answer {
  if (a.kind === 'mysql' && b.kind === 'mysql') return setWithin(a.executed, b.received)
  return withinOf(a, b, { of: 'executed', in: 'received', context })
}

/** Whether everything that `a` received is contained in what `b` received: the question of the seal. */
export function receivedWithin(a: History, b: History, context: readonly History[] = []): Answer {
  if (a.kind === 'mysql' && b.kind === 'mysql') return setWithin(a.received, b.received)
  return withinOf(a, b, { of: 'received', in: 'received', context })
}

/** Whether everything that was received has been applied. */
export function drained(h: History): Answer {
  return h.kind === 'mysql' ? setWithin(h.received, h.executed) : mariadbDrained(h)
}

/** What `a` executed and `reference` did not. */
export function errant(a: History, reference: History, context: readonly History[] = []): Surplus {
  if (a.kind === 'mysql' && reference.kind === 'mysql') return setSurplus(a.executed, reference.executed)
  if (a.kind === 'mariadb' && reference.kind === 'mariadb') return mariadbSurplus(a, reference, mariadbOnly(context))
  return { kind: 'unprovable', because: 'histories of MySQL and MariaDB do not compare', suspects: '' }
}

interface Question {
  readonly of: Part
  readonly in: Part
  readonly context: readonly History[]
}

function withinOf(a: History, b: History, question: Question): Answer {
  if (a.kind !== 'mariadb' || b.kind !== 'mariadb') return 'unprovable'
  return mariadbWithin(a, b, { ...question, context: mariadbOnly(question.context) })
}

function relationOf(aInB: Answer, bInA: Answer): Relation {
  if (aInB === 'unprovable' || bInA === 'unprovable') return 'unprovable'
  if (aInB === 'yes') return bInA === 'yes' ? 'equal' : 'behind'
  return bInA === 'yes' ? 'ahead' : 'diverged'
}

function mariadbOnly(histories: readonly History[]): readonly MariadbHistory[] {
  return histories.filter((h) => h.kind === 'mariadb')
}
