import type { Risk } from '../../model/plan.ts'
import type { Step } from '../../model/step.ts'
import { bar, leaksWhenClosed, privilegedRisk, STILL } from '../fence/privileged.ts'
import { openedAgain } from './fencing.ts'
import { type Follower, type Situation, withdrawalMs } from './situation.ts'

export function closing(situation: Situation, early: readonly Follower[]): readonly Step[] {
  const server = situation.subject
  const moved = early.map((a) => `attach:${a.id}`)
  const lockWaitS = Math.max(1, Math.floor(situation.policy.switchoverBoundMs / 1000) - 1)
  const deadlineMs = situation.policy.switchoverBoundMs
  const withdrawn = situation.routes.map(
    (route): Step => ({
      kind: 'withdraw_route',
      id: `withdraw:${route}`,
      route,
      sessions: 'leave',
      after: moved,
      deadlineMs: withdrawalMs(situation, route),
      ifItFails: 'stop',
      undo: { kind: 'announce', route, server },
    }),
  )
  const barred = barring(situation, [...moved, ...withdrawn.map((s) => s.id)])
  return [
    ...withdrawn,
    ...barred,
    {
      kind: 'close_server',
      id: `close:${server}`,
      server,
      lockWaitS,
      after: [...moved, ...withdrawn.map((s) => s.id), ...barred.map((s) => s.id)],
      deadlineMs,
      ifItFails: 'stop',
      ...openedAgain(situation),
    },
  ]
}

/**
 * Before the closing, while other clients still write: where such sessions come back by themselves and write, the switchover ends here,
 * and nobody has waited for it. New connections through the routes wait meanwhile, so clients of a route do not count as coming back.
 */
function barring(situation: Situation, after: readonly string[]): readonly Step[] {
  const { topology, subject, policy } = situation
  if (!leaksWhenClosed(topology)) return []
  return [bar(subject, { after, deadlineMs: policy.switchoverBoundMs, ifItFails: 'stop' })]
}

/**
 * The last step of act 1: the old primary still has nothing that the winner lacks. What a session that read-only does not hold wrote
 * meanwhile would be missing on the new primary, so the switchover is taken back instead.
 */
export function stillClosed(situation: Situation, winner: Follower, after: readonly string[]): readonly Step[] {
  if (!leaksWhenClosed(situation.topology)) return []
  const { id: server, channel } = winner
  return [
    {
      kind: 'reach',
      id: `${STILL}${server}`,
      server,
      channel: channel.name,
      of: situation.subject,
      after,
      deadlineMs: 500,
      ifItFails: 'stop',
    },
  ]
}

/** What remains open on such a server, said before it is risked. */
export const closingRisks = ({ topology, subject }: Situation): readonly Risk[] =>
  leaksWhenClosed(topology) ? [privilegedRisk(subject, 'its position is compared once more before the opening')] : []
