import { type FenceDemand, printDemand, satisfies } from '../../model/fence.ts'
import type { ServerId } from '../../model/ids.ts'
import type { Plan, Risk } from '../../model/plan.ts'
import { PROOF_LEVELS, type ProofLevel } from '../../model/policy.ts'

export type DifferenceKind = 'other_winner' | 'left_out' | 'more_loss' | 'fewer_acks' | 'weaker_fence' | 'was_refused'

/** One way in which the real plan is not the one that a person said yes to. Servers are named by id. */
export interface Difference {
  readonly kind: DifferenceKind
  readonly says: string
}

/** A yes that was given beforehand (`--yes`) covers who it is, and never what it may cost. */
export const COVERED_BY_YES: { readonly [K in DifferenceKind]: boolean } = {
  other_winner: true,
  left_out: true,
  more_loss: false,
  fewer_acks: false,
  weaker_fence: false,
  was_refused: false,
}

/**
 * The second act as it was shown, against the real one. `shown` is undefined where the dry run showed a refusal in its place. What is
 * better than shown (less loss, a stronger fence, one more follower) is no difference: nobody need be asked again for it.
 */
export function differences(shown: Plan | undefined, real: Plan): readonly Difference[] {
  if (!shown)
    return [
      { kind: 'was_refused', says: 'the second act was shown as refused, and is possible now: nobody agreed to it' },
    ]
  return [
    ...otherWinner(shown, real),
    ...leftOut(shown, real),
    ...moreLoss(shown, real),
    ...fewerAcks(shown, real),
    ...weakerFence(shown, real),
  ]
}

/** An act that is about to begin has the steps that were shown, and costs no more. */
export const isAsShown = (shown: Plan, real: Plan): boolean =>
  stepsOf(shown) === stepsOf(real) && moreLoss(shown, real).length === 0 && weakerFence(shown, real).length === 0

const stepsOf = ({ subject, mints, switchover, steps }: Plan): string =>
  JSON.stringify([subject, mints?.winner, switchover?.winner, steps])

const winnerOf = (plan: Plan): ServerId | undefined => plan.mints?.winner ?? plan.switchover?.winner

function otherWinner(shown: Plan, real: Plan): readonly Difference[] {
  const [before, now] = [winnerOf(shown), winnerOf(real)]
  if (before === now) return []
  return [{ kind: 'other_winner', says: `${now ?? 'nobody'} becomes the primary, not ${before ?? 'nobody'}` }]
}

/** Whoever missed the seal, or stopped answering, is left behind: it has to be attached later. */
function leftOut(shown: Plan, real: Plan): readonly Difference[] {
  const now = serversIn(real)
  return [...serversIn(shown)]
    .filter((server) => !now.has(server))
    .map((server) => ({
      kind: 'left_out',
      says: `${server} is left out: it was not sealed in time, or does not answer`,
    }))
}

const serversIn = (plan: Plan): ReadonlySet<ServerId> =>
  new Set(plan.steps.flatMap((step) => ('server' in step ? [step.server] : [])))

/** Ages are read anew for each plan: they move by a round of looks without anything having changed. */
const AGE_SLACK_S = 1
/** Compared by how much, not by its words. Without a measure it is any loss, accepted by name. */
const MEASURED: ReadonlySet<string> = new Set(['unproven_loss'])

function moreLoss(shown: Plan, real: Plan): readonly Difference[] {
  return real.risks
    .filter((risk) => risk.code !== 'fewer_ackers' && !shown.risks.some((known) => covers(known, risk, [shown, real])))
    .map(({ says }) => ({ kind: 'more_loss', says }))
}

/** The same risk in the same measure. Where it names the winner, another winner makes it no other risk. */
function covers(known: Risk, risk: Risk, [shown, real]: readonly [Plan, Plan]): boolean {
  if (known.code !== risk.code) return false
  if (MEASURED.has(risk.code))
    return (risk.seconds ?? Number.POSITIVE_INFINITY) <= (known.seconds ?? Number.POSITIVE_INFINITY) + AGE_SLACK_S
  return withoutWinner(known.says, shown) === withoutWinner(risk.says, real)
}

function withoutWinner(says: string, plan: Plan): string {
  const winner = winnerOf(plan)
  return winner === undefined ? says : says.replaceAll(winner, 'the winner')
}

/** What each commit waits for from the opening on. A switchover settles it in its first act, which is compared by its steps. */
function fewerAcks(shown: Plan, real: Plan): readonly Difference[] {
  const [before, now] = [waitCountOf(shown), waitCountOf(real)]
  if (before === undefined || now === undefined || now >= before) return []
  return [{ kind: 'fewer_acks', says: `commits wait for ${now} acknowledgement${now === 1 ? '' : 's'}, not ${before}` }]
}

function waitCountOf(plan: Plan): number | undefined {
  if (plan.kind !== 'failover' || plan.act !== 2) return undefined
  const sides = plan.steps.flatMap((s) => (s.kind === 'semi_sync_source' && s.server === winnerOf(plan) ? [s] : []))
  return Math.max(0, ...sides.filter((s) => s.to === 'on').map((s) => s.waitCount))
}

function weakerFence(shown: Plan, real: Plan): readonly Difference[] {
  if (!isWeaker(real.fence.demand, shown.fence.demand)) return []
  const says = `of the old primary ${printDemand(real.fence.demand)} is demanded, not ${printDemand(shown.fence.demand)}`
  return [{ kind: 'weaker_fence', says }]
}

/** There is a proof that would satisfy `one` and not `other`. All proofs that there can be are tried: they are 32. */
export function isWeaker(one: FenceDemand, other: FenceDemand): boolean {
  return PROOFS.some((proven) => satisfies(proven, one) && !satisfies(proven, other))
}

const PROOFS: readonly (readonly ProofLevel[])[] = PROOF_LEVELS.reduce<readonly (readonly ProofLevel[])[]>(
  (sets, level) => sets.flatMap((set) => [set, [...set, level]]),
  [[]],
)
