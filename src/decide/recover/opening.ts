import type { FenceDemand } from '../../model/fence.ts'
import { receivedWithin } from '../../model/history.ts'
import type { Plan, Risk } from '../../model/plan.ts'
import type { ServerStatus } from '../../model/server.ts'
import type { Step } from '../../model/step.ts'
import { leaksWhenClosed } from '../fence/privileged.ts'
import { barrierStep, fenceDemand, type SubjectState } from '../fence/proof.ts'
import { fencing } from './fencing.ts'
import { fromOthers } from './rank.ts'
import {
  atHome,
  knownHistories,
  type Predecessor,
  type Settled,
  type Situation,
  subjectAddresses,
} from './situation.ts'

/** Whoever must not take writes when the next one opens: the subject, and those before a reign that is only being opened. */
export interface Fenced extends Predecessor {
  readonly demand: FenceDemand
  readonly because: string
}

export function fenced(situation: Situation): readonly Fenced[] {
  const { subject, subjectState, stopped, opening } = situation
  const first = { server: subject, state: subjectState, stopped, addresses: subjectAddresses(situation) }
  return [first, ...(opening?.predecessors ?? [])].map((p) => ({ ...p, ...demandOn(situation, p.state) }))
}

/**
 * Where nobody is asked, routes are demanded as well: that they were never told of the reign which is being opened is known only
 * because they took a message of the epoch before it.
 */
export function demandOn(
  situation: Situation,
  state: SubjectState,
): { readonly demand: FenceDemand; readonly because: string } {
  const { policy, opening, topology, subject } = situation
  const found = ofLiving(situation, state) ?? fenceDemand(policy, state)
  const { atLeast } = found.demand
  const givenUp = opening !== undefined && topology.reign?.primary === subject
  // A person may accept it by name without any proof. Else: that it refuses us is one pair of eyes, for nobody need follow it yet.
  if (!givenUp || (opening.unannounced === undefined && (atLeast === 'none' || state !== 'refused'))) return found
  return {
    demand: atLeast === 'none' ? { atLeast: 'routes', alsoRoutes: false } : { atLeast, alsoRoutes: true },
    because: `${found.because}; and its routes must not have been told of it`,
  }
}

/**
 * Where commits of a living one wait for acknowledgements, it stops waiting before it is closed: a route that still leads clients to it
 * would let them in between, and be answered what no replica has. Where servers may start writable, such a route leads them to a
 * second primary as soon as it is restarted.
 */
function ofLiving(situation: Situation, state: SubjectState) {
  const { policy, routes, lastReading } = situation
  const semiSync = lastReading?.status.semiSync
  const waits = semiSync?.kind === 'present' && semiSync.source.enabled
  // Routes that a policy names are meant as such: read-only, which is more, comes after clients were let in once more. Whoever names
  // read-only accepts that, as a risk that is told.
  const acceptsIt = policy.fence.kind === 'at_least' && policy.fence.level !== 'routes'
  if (state !== 'answers' || acceptsIt || (!waits && policy.startsReadOnly)) return undefined
  if (!policy.routesAreComplete || routes.length === 0) return undefined
  const { demand, because } = fenceDemand(policy, state)
  return { demand: { ...demand, alsoRoutes: true }, because: `${because}, and clients have lost the way to it before` }
}

export function barriers(situation: Situation, after: readonly string[]): readonly Step<'barrier'>[] {
  const { policy, routes, subject, topology } = situation
  const leaks = leaksWhenClosed(topology)
  return fenced(situation).map(({ server, demand, stopped, addresses }) => {
    const step = { ...barrierStep(policy, { server, demand, stopped, routes, addresses, leaks }), after }
    return server === subject ? step : { ...step, id: `${step.id}:${server}` }
  })
}

/** Those of them that answer are closed for good: what undoes act 1 opens none of them. */
export const fencingPredecessors = (situation: Situation): readonly Step[] =>
  (situation.opening?.predecessors ?? []).flatMap(({ server, state }) =>
    fencing({ ...situation, subject: server, subjectState: state }).map(withoutUndo),
  )

/**
 * While a reign is only being opened its routes lead nowhere and its replicas are sealed: that is the state in which it waits for its
 * winner, and going back means to that state. An undo would announce a winner that is not open, and let replicas receive what it lacks.
 */
export const keptShut = ({ opening }: Situation, steps: readonly Step[]): readonly Step[] =>
  opening === undefined ? steps : steps.map(withoutUndo)

export function withoutUndo({ undo: _, ...step }: Step): Step {
  return step as Step
}

/**
 * Whether `best` has received all that was received by the most advanced one when the recovery before this one sealed it, its winner
 * included: then whatever that recovery settled about loss holds here as well. `unprovable` is no.
 */
export function holdsAllOf(situation: Situation, settled: Settled, best: ServerStatus | undefined): boolean {
  if (best === undefined || settled.sealed.size === 0) return false
  const before = [...settled.sealed].map(([id, status]) =>
    fromOthers(situation, { id, status: atHome(situation, id, status) }),
  )
  const context = [...knownHistories(situation), ...before]
  return before.every((history) => receivedWithin(history, best.history, context) === 'yes')
}

const OF_LOSS: readonly string[] = ['unproven_loss', 'acker_left_out']

/** Of the risks that a plan named, those about what is lost. */
export const lossRisks = ({ risks }: Plan): readonly Risk[] => risks.filter((r) => OF_LOSS.includes(r.code))
