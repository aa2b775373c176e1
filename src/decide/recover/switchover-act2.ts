import type { ServerId } from '../../model/ids.ts'
import { type Plan, type Planned, refuse } from '../../model/plan.ts'
import type { Step } from '../../model/step.ts'
import { leaksWhenClosed } from '../fence/privileged.ts'
import { barrierStep } from '../fence/proof.ts'
import { attachStep, keepsRelayLog, opening } from './gates.ts'
import { newChannelOf } from './naming.ts'
import { type Follower, followers, type Situation, subjectAddresses } from './situation.ts'

/** What both acts of a switchover have in common. */
export const skeleton = (situation: Situation, act: 1 | 2): Omit<Plan, 'steps' | 'ranking' | 'risks'> => ({
  version: 1,
  recovery: situation.recovery,
  cluster: situation.topology.cluster,
  kind: 'switchover',
  act,
  subject: situation.subject,
  fence: {
    demand: { atLeast: 'readonly', alsoRoutes: false },
    because: 'the old primary is closed and read back before another opens',
  },
  because: 'nothing is lost: the winner applies all that the closed primary has executed before it opens',
})

/** Act 2: from here on there is no way back. Sessions end, open, tell; then what is left of them, the old primary and the rest. */
export function planSwitchoverAct2(situation: Situation, act1: Plan): Planned {
  const chosen = act1.switchover
  const winner = chosen && situation.topology.members.find((m) => m.id === chosen.winner)
  if (!chosen || winner?.sighting.latest.kind !== 'answered')
    return refuse({
      code: 'winner_gone',
      says: `${chosen?.winner ?? 'the winner'} does not answer any more`,
      tryThis: `regent topology ${situation.topology.alias}`,
    })
  const attached = act1.steps.flatMap((s) => (s.kind === 'attach' ? [s.server] : []))
  const rest = followers(situation).filter((f) => f.id !== winner.id && !attached.includes(f.id))
  const sealed = act1.steps.find(
    (s): s is Extract<Step, { kind: 'seal' }> => s.kind === 'seal' && s.server === winner.id,
  )
  const demand = { atLeast: 'readonly', alsoRoutes: false } as const
  const barrier = barrierStep(situation.policy, {
    server: situation.subject,
    demand,
    stopped: false,
    routes: situation.routes,
    addresses: subjectAddresses(situation),
    leaks: leaksWhenClosed(situation.topology),
  })
  const ending = endingSessions(situation)
  const plan: Plan = {
    ...skeleton(situation, 2),
    mints: { epoch: situation.nextEpoch, winner: winner.id, semiSync: chosen.semiSync },
    steps: [
      barrier,
      ...ending,
      ...opening(situation, winner.id, [barrier.id]).map(afterItsSessions),
      ...afterwards(situation, {
        winner: winner.id,
        channel: sealed?.channel ?? '',
        rest,
        oldFollows: attached.includes(situation.subject),
      }),
    ],
    ranking: act1.ranking,
    risks: act1.risks,
  }
  return { kind: 'plan', plan }
}

/** Longer than one look at a busy server takes; beyond it the naming of the new primary cuts the sessions. */
const ENDING_MS = 250

/**
 * Beside the opening, which costs the clients no time, and before the announcement: what a client says once it could know of the
 * new primary never reaches the old one. Until then that one refuses writes, and whom read-only does not hold was cut by act 1.
 */
const endingSessions = (situation: Situation): readonly Step[] =>
  situation.routes.map((route) => ({
    kind: 'close_idle_sessions',
    id: `end:${route}`,
    route,
    server: situation.subject,
    until: 'held',
    after: [],
    deadlineMs: ENDING_MS,
    ifItFails: 'go_on',
  }))

/** Named only once the sessions to the old one are closed or held: the naming cuts those that are neither. */
const afterItsSessions = (step: Step): Step =>
  step.kind === 'announce' ? { ...step, after: [...step.after, `end:${step.route}`] } : step

interface Aftermath {
  readonly winner: ServerId
  readonly channel: string
  readonly rest: readonly Follower[]
  /** It was made an acker before the opening. */
  readonly oldFollows: boolean
}

/** The rest follows; the old primary follows the new one, with its source side off before its channel starts. */
function afterwards(situation: Situation, { winner, channel, rest, oldFollows }: Aftermath): readonly Step[] {
  const announced = situation.routes.length > 0 ? situation.routes.map((r) => `announce:${r}`) : [`open:${winner}`]
  return [
    ...situation.routes.map(
      (route): Step => ({
        kind: 'close_idle_sessions',
        id: `sessions:${route}`,
        route,
        server: situation.subject,
        until: 'closed',
        after: announced,
        deadlineMs: situation.policy.switchoverBoundMs,
        ifItFails: 'go_on',
      }),
    ),
    ...rest.map((f) =>
      attachStep(situation, f, { to: winner, after: announced, keepRelayLog: keepsRelayLog(f), ifItFails: 'go_on' }),
    ),
    {
      kind: 'reset_channel',
      id: `reset:${winner}`,
      server: winner,
      channel: channel,
      after: announced,
      deadlineMs: 10_000,
      ifItFails: 'go_on',
    },
    ...(oldFollows ? [] : followsAfter(situation, winner, announced)),
  ]
}

/** Its source side goes off before its channel starts: an applier waits for acknowledgements otherwise. */
function followsAfter(situation: Situation, winner: ServerId, announced: readonly string[]): readonly Step[] {
  const old = situation.subject
  const common = { deadlineMs: situation.policy.attachDeadlineMs, ifItFails: 'go_on' } as const
  return [
    {
      kind: 'semi_sync_source',
      id: `source_off:${old}`,
      server: old,
      to: 'off',
      waitCount: 0,
      after: announced,
      ...common,
    },
    {
      kind: 'attach',
      id: `attach:${old}`,
      server: old,
      channel: newChannelOf(situation.topology, old, old),
      to: winner,
      keepRelayLog: false,
      after: [`source_off:${old}`],
      ...common,
    },
  ]
}
