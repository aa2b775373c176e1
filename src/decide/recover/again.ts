import type { ServerId } from '../../model/ids.ts'
import type { Plan } from '../../model/plan.ts'
import type { ProofLevel } from '../../model/policy.ts'
import type { Step } from '../../model/step.ts'
import { fenceDemand, type SubjectState } from '../fence/proof.ts'
import { fencing, withdrawals } from './fencing.ts'
import { fenced, fencingPredecessors, withoutUndo } from './opening.ts'
import type { Situation } from './situation.ts'

/**
 * The fencing of act 1 once more, as the old primary is found now: what another process proved before it ended may not hold any more.
 * Its outcomes, and no older ones, are what the barrier is judged by.
 */
export function planFencingAgain(situation: Situation, before: Plan): Plan {
  const answers = { ...situation, subjectState: 'answers' } as const
  const living = situation.subjectState === 'answers' ? fencing(answers) : []
  return { ...before, steps: [...withdrawals(situation), ...living, ...fencingPredecessors(situation)] }
}

/**
 * A primary that was refused when it was replaced may answer now, and one that was closed may be dead. What was demanded can then never
 * be shown again: demanded is what a failover would demand of it as it is found now. What a person accepted by name stays as it was
 * accepted, and so does what can still be shown.
 */
export function planBarrierAgain(plan: Plan, situation: Situation): Plan {
  const found = fenced(situation)
  const steps = plan.steps.map((s): Step => {
    const now = s.kind === 'barrier' ? found.find((f) => f.server === s.server) : undefined
    if (s.kind !== 'barrier' || now === undefined) return s
    const { stopped, addresses, state } = now
    const current = { ...s, stopped, addresses }
    if (canBeShown(s.demand.atLeast, state)) return current
    const { demand } = fenceDemand(situation.policy, state)
    return { ...current, demand: { ...demand, alsoRoutes: demand.alsoRoutes || s.demand.alsoRoutes } }
  })
  return { ...plan, steps }
}

const canBeShown = (level: ProofLevel, state: SubjectState): boolean =>
  level === 'stopped' ? state === 'refused' : level === 'readonly' ? state === 'answers' : true

/** Unlike the step of a catch-up, which seals once more as well. */
const RESEAL = 'reseal'

/**
 * Act 2 from its beginning, for a winner that may have been restarted in between: it is sealed again first (its receiver starts by
 * itself), and every step looks again. Nothing is skipped before the opening.
 */
export function planForwardAgain(plan: Plan): Plan {
  const winner = plan.mints?.winner
  const stop = plan.steps.find((s) => s.kind === 'stop_applier' && s.server === winner)
  if (winner === undefined || stop?.kind !== 'stop_applier' || plan.steps.some((s) => s.id === `${RESEAL}:${winner}`))
    return plan
  const seal: Step = {
    kind: 'seal',
    id: `${RESEAL}:${winner}`,
    server: winner,
    channel: stop.channel,
    killAfterMs: 300,
    after: [],
    deadlineMs: 2000,
    ifItFails: 'go_on',
  }
  const steps = plan.steps.map(
    (s): Step => (s.kind === 'drain' && s.server === winner ? { ...s, after: [...s.after, seal.id] } : s),
  )
  return { ...plan, steps: [seal, ...steps] }
}

/**
 * A switchover whose reign is minted and not opened: what made the winner ready is done again before the opening. While the old primary
 * answers, the winner first follows it once more and applies what it has; where it does not, what was drained before has to do.
 */
export function planSwitchoverAgain(act1: Plan, act2: Plan, situation: Situation): Plan {
  const winner = act1.switchover?.winner
  if (winner === undefined) return act2
  const oldAnswers = situation.subjectState === 'answers'
  const again = act1.steps.filter((s) => readies(s, winner) && (oldAnswers || s.kind !== 'reach')).map(withoutUndo)
  const ready = oldAnswers || situation.policy.ackers === 'refuse' ? again : withoutAcker(again, situation.subject)
  const follow = oldAnswers ? followOnceMore(ready, winner) : []
  const chained = chain([...follow, ...ready])
  const last = chained.at(-1)?.id
  const rest = act2.steps.map(
    (s): Step =>
      (s.kind === 'open_server' || s.kind === 'barrier') && last !== undefined
        ? { ...s, after: [...s.after, last] }
        : s,
  )
  return { ...act2, steps: [...chained, ...rest] }
}

/** The old primary itself may have been to acknowledge: the count is lowered to those that are left, at none the source side is off. */
function withoutAcker(steps: readonly Step[], gone: ServerId): readonly Step[] {
  const count = steps.find((s) => s.kind === 'count_ackers' && s.ackers.includes(gone))
  if (count?.kind !== 'count_ackers') return steps
  const ackers = count.ackers.filter((a) => a !== gone)
  const waitCount = Math.min(count.atLeast, ackers.length)
  return steps.flatMap((s): readonly Step[] => {
    if (s.kind === 'semi_sync_source') return [{ ...s, to: waitCount === 0 ? 'off' : 'on', waitCount }]
    if (s.kind !== 'count_ackers') return [s]
    return waitCount === 0 ? [] : [{ ...s, ackers, atLeast: waitCount }]
  })
}

const readies = (step: Step, winner: ServerId): boolean =>
  (step.kind === 'reach' ||
    step.kind === 'seal' ||
    step.kind === 'stop_applier' ||
    step.kind === 'count_ackers' ||
    (step.kind === 'semi_sync_source' && step.to === 'on')) &&
  step.server === winner &&
  !step.id.startsWith('still:')

function followOnceMore(ready: readonly Step[], winner: ServerId): readonly Step[] {
  const reach = ready.find((s) => s.kind === 'reach')
  if (reach?.kind !== 'reach') return []
  const common = {
    server: winner,
    channel: reach.channel,
    after: [],
    deadlineMs: reach.deadlineMs,
    ifItFails: 'stop',
  } as const
  return [
    { kind: 'start_applier', id: `start_applier:${winner}`, ...common },
    { kind: 'unseal', id: `unseal:${winner}`, ...common },
  ]
}

/** One after the other: nothing here is in a hurry. */
const chain = (steps: readonly Step[]): readonly Step[] =>
  steps.map((s, i): Step => ({ ...s, after: i === 0 ? [] : [steps[i - 1]?.id ?? ''] }))
