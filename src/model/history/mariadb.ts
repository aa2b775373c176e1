/** MariaDB: whether one history lies within another, domain by domain. The axioms stand in `mariadb-known.ts`. */
import { type MariadbGtid, sameGtid } from '../gtid/mariadb-position.ts'
import { lesser } from '../gtid/sequence.ts'
import type { Answer, MariadbHistory } from './kinds.ts'
import {
  cannotHaveExecuted,
  cannotHaveReceived,
  executedEvents,
  holds,
  type Known,
  knownIn,
  receivedEvents,
  type Vector,
  withPasts,
} from './mariadb-known.ts'

export type Part = 'executed' | 'received'

export interface Containment {
  readonly of: Part
  readonly in: Part
  readonly context: readonly MariadbHistory[]
}

/** One history, or what it received, as something that events are looked up in. */
export interface Whole {
  readonly part: Part
  readonly known: Known
  readonly vector: Vector
  /** All histories at hand, with what each is known to have executed. */
  readonly witnesses: readonly Witness[]
}

export interface Witness {
  readonly known: Known
  readonly vector: Vector
}

export function mariadbWithin(a: MariadbHistory, b: MariadbHistory, question: Containment): Answer {
  const histories = [a, b, ...question.context]
  const answers = domainsOf(histories).map((domain) => withinDomain(domain, histories, question))
  const untracked = question.of === 'received' && a.ioPos.includes('untracked')
  return all(untracked ? [...answers, 'unprovable'] : answers)
}

/** Whether every channel's last received event was executed. */
export function mariadbDrained(h: MariadbHistory): Answer {
  return mariadbWithin(h, h, { of: 'received', in: 'executed', context: [] })
}

/** Everything in `a` must be in `b`: a "no" anywhere decides, a doubt anywhere leaves it open. */
export function all(answers: readonly Answer[]): Answer {
  if (answers.includes('no')) return 'no'
  return answers.includes('unprovable') ? 'unprovable' : 'yes'
}

export function domainsOf(histories: readonly MariadbHistory[]): readonly number[] {
  const domains = new Set<number>()
  for (const { binlogState, slavePos, ioPos } of histories) {
    for (const { domain } of binlogState.domains) domains.add(domain)
    for (const pos of [slavePos, ...ioPos])
      if (pos !== 'untracked') for (const { domain } of pos.gtids) domains.add(domain)
  }
  return [...domains].sort((x, y) => x - y)
}

export function wholeOf(domain: number, h: MariadbHistory, part: Part, all: readonly MariadbHistory[]): Whole {
  const everybody = all.map((each) => knownIn(domain, each))
  const known = knownIn(domain, h)
  const events = part === 'executed' ? executedEvents(known) : receivedEvents(known)
  const witnesses = everybody.map((each) => ({ known: each, vector: withPasts(executedEvents(each), everybody) }))
  return { part, known, vector: withPasts(events, everybody), witnesses }
}

/**
 * Whether the event is there. What the server names itself is certain. What is only concluded must not clash with any
 * sign of a branch: such a sign alone does not prove absence, as strays may have been merged.
 */
export function isThere(event: MariadbGtid, whole: Whole): Answer {
  const named = whole.part === 'executed' ? executedEvents(whole.known) : receivedEvents(whole.known)
  if (named.some((own) => sameGtid(own, event))) return 'yes'
  const impossible = cannotBeThere(event, whole)
  if (!holds(whole.vector, event)) return impossible ? 'no' : 'unprovable'
  const clashes = named.some((own) => own.seq === event.seq)
  return impossible || clashes || isOnAnotherBranch(event, whole) ? 'unprovable' : 'yes'
}

function cannotBeThere(event: MariadbGtid, { part, known, witnesses }: Whole): boolean {
  if (part === 'executed') return cannotHaveExecuted(known, event)
  const everybody = witnesses.map((witness) => witness.known)
  return cannotHaveReceived(known, event, everybody)
}

function withinDomain(domain: number, histories: readonly MariadbHistory[], question: Containment): Answer {
  const [a, b] = histories
  if (a === undefined || b === undefined) return 'unprovable'
  const known = knownIn(domain, a)
  const events = question.of === 'executed' ? executedEvents(known) : receivedEvents(known)
  if (events.length === 0) return 'yes'
  const whole = wholeOf(domain, b, question.in, histories)
  return all(events.map((event) => isThere(event, whole)))
}

/** Some witness shares a later event with the server and cannot have this one: it was written on a branch beside. */
function isOnAnotherBranch(event: MariadbGtid, { vector, witnesses }: Whole): boolean {
  return witnesses.some(
    (witness) => cannotHaveExecuted(witness.known, event) && sharesLater(event, vector, witness.vector),
  )
}

function sharesLater(event: MariadbGtid, a: Vector, b: Vector): boolean {
  for (const [server, seq] of a) {
    const other = b.get(server)
    if (other !== undefined && lesser(other, seq) >= event.seq) return true
  }
  return false
}
