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
    const { routes, policy } = situation
    // Of a configuration that has changed since: a route that it has no more can show nothing, one that it has got may lead there.
    const { routesAreComplete } = policy
    const current = { ...s, stopped, addresses, routesAreComplete, routeSteps: routes.map((r) => `withdraw:${r}`) }
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

/** What is done to a winner's channel; each of them fails where there is none. */
const ON_CHANNEL: readonly Step['kind'][] = ['seal', 'unseal', 'drain', 'reach', 'start_applier', 'stop_applier']

/**
 * Of a winner whose old channel is forgotten. `ready`: it has all that it was to have. That comes after the opening alone, and a server
 * forgets none that is not drained: whoever did it ended before the opening was written down. What opens is proven anew, and nothing
 * waits for a channel that never comes back. `behind`: somebody forgot it before the opening. Nothing is left to drain, and what it is
 * still to catch up with it must reach all the same: where it was to follow a living old primary once more, it is led back to that one.
 */
export function planWithoutChannel(plan: Plan, found: 'ready' | 'behind'): Plan {
  const winner = plan.mints?.winner
  const isMoot = (s: Step): boolean =>
    'server' in s &&
    s.server === winner &&
    (found === 'behind'
      ? s.kind === 'drain'
      : ON_CHANNEL.includes(s.kind) || (s.kind === 'attach' && s.id.startsWith('catch_up:')))
  const moot = plan.steps.filter(isMoot)
  const led = found === 'behind' ? ledBack(plan) : undefined
  const instead = (id: string): readonly string[] => {
    if (led && id === led.instead.id) return [led.step.id]
    const gone = moot.find((s) => s.id === id)
    return gone === undefined ? [id] : found === 'behind' ? gone.after : []
  }
  const without = (ids: readonly string[]): readonly string[] => ids.flatMap(instead)
  const steps = plan.steps
    .filter((s) => !moot.includes(s))
    .map((s) => (s === led?.instead ? led.step : s))
    .map((s): Step => ({ ...s, after: without(s.after), ...(s.needs ? { needs: without(s.needs) } : {}) }))
  return { ...plan, steps }
}

/** It has applied all that it ever received, so a channel that is made anew drops nothing. Undefined where it was to follow nobody. */
function ledBack({ steps, subject }: Plan): { readonly instead: Step; readonly step: Step } | undefined {
  const reach = steps.find((s) => s.kind === 'reach' && s.of === subject)
  const instead = steps.find((s) => s.kind === 'start_applier' && reach?.kind === 'reach' && s.server === reach.server)
  if (instead?.kind !== 'start_applier') return undefined
  const id = `follow:${instead.server}`
  return { instead, step: { ...instead, kind: 'attach', id, to: subject, keepRelayLog: false } }
}

/**
 * A switchover whose reign is minted and not opened: what made the winner ready is done again before the opening. While the old primary
 * answers, the winner first follows it once more and applies what it has; where it does not, what was drained before has to do.
 */
export function planSwitchoverAgain(act1: Plan, act2: Plan, situation: Situation): Plan {
  const winner = act1.switchover?.winner
  if (winner === undefined) return act2
  const oldAnswers = situation.subjectState === 'answers'
  // What its ackers had it has had since act 1: only the old primary may have written since.
  const asks = (s: Step): boolean => s.kind !== 'reach' || (oldAnswers && s.of === situation.subject)
  const again = act1.steps.filter((s) => readies(s, winner) && asks(s)).map(withoutUndo)
  const kept = oldAnswers || situation.policy.ackers === 'refuse' ? again : withoutAckers(again, [situation.subject])
  const ready = attachedAgain(act1, kept)
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

/** A replacement that was begun and taken back meanwhile has sealed them, and undoes nothing: whoever is to be counted is led to the winner once more. */
function attachedAgain(act1: Plan, steps: readonly Step[]): readonly Step[] {
  return steps.flatMap((s): readonly Step[] => {
    if (s.kind !== 'count_ackers') return [s]
    const led = act1.steps.filter((a) => a.kind === 'attach' && a.to === s.server && s.ackers.includes(a.server))
    return [...led.map((a): Step => ({ ...withoutUndo(a), ifItFails: 'go_on' })), s]
  })
}

/** The count is lowered to those that are left; at none the source side is off. */
export function withoutAckers(steps: readonly Step[], gone: readonly ServerId[]): readonly Step[] {
  const count = steps.find((s) => s.kind === 'count_ackers' && s.ackers.some((a) => gone.includes(a)))
  if (count?.kind !== 'count_ackers') return steps
  const ackers = count.ackers.filter((a) => !gone.includes(a))
  const waitCount = Math.min(count.atLeast, ackers.length)
  const dropped = waitCount === 0 ? count.id : undefined
  return steps.flatMap((s): readonly Step[] => {
    const after =
      dropped && s.after.includes(dropped) ? [...s.after.filter((id) => id !== dropped), ...count.after] : s.after
    if (s.kind === 'semi_sync_source' && s.server === count.server)
      return [{ ...s, to: waitCount === 0 ? 'off' : 'on', waitCount }]
    if (s.kind === 'attach' && gone.includes(s.server) && s.to === count.server) return [{ ...s, ifItFails: 'go_on' }]
    if (s.kind !== 'count_ackers') return [{ ...s, after }]
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
