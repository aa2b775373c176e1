/** MySQL: histories are sets, so every question has an answer. */
import { contains, count, equals, type GtidSet, isEmpty, subtract } from '../gtid/mysql-set.ts'
import { printGtidSet } from '../gtid/mysql-text.ts'
import type { Answer, Relation, Surplus } from './kinds.ts'

export function relationOfSets(a: GtidSet, b: GtidSet): Relation {
  if (equals(a, b)) return 'equal'
  if (contains(b, a)) return 'behind'
  return contains(a, b) ? 'ahead' : 'diverged'
}

export function setWithin(part: GtidSet, whole: GtidSet): Answer {
  return contains(whole, part) ? 'yes' : 'no'
}

export function setSurplus(of: GtidSet, over: GtidSet): Surplus {
  const surplus = subtract(of, over)
  if (isEmpty(surplus)) return { kind: 'none' }
  return { kind: 'some', gtids: printGtidSet(surplus), count: count(surplus), counted: 'exactly' }
}
