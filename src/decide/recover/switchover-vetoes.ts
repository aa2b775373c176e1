import type { RefusalReason } from '../../model/plan.ts'
import { edgesOf } from '../../model/topology.ts'
import { rank } from './rank.ts'
import type { Follower, Situation } from './situation.ts'

/** All that speaks against a switchover, said before anything is changed. */
export function vetoes(situation: Situation, found: readonly Follower[]): readonly RefusalReason[] {
  const { topology, policy } = situation
  if (situation.wanted === situation.subject)
    return [
      {
        code: 'is_the_primary',
        says: `${situation.subject} is the primary already`,
        tryThis: `regent topology ${topology.alias}, or name another server with --to`,
      },
    ]
  const ranking = rank(situation, found)
  const reasons: RefusalReason[] = []
  const say = (when: boolean, code: string, says: string, tryThis: string): void =>
    void (when && reasons.push({ code, says, tryThis }))
  say(
    topology.reign?.primary !== situation.subject,
    'not_the_primary',
    'the present reign is of another server, or none is recorded',
    `regent topology ${topology.alias}`,
  )
  say(
    situation.subjectState !== 'answers',
    'primary_not_answering',
    'the primary does not answer: this is a failover, not a switchover',
    `regent diagnose ${topology.alias}`,
  )
  say(
    ranking.winner === undefined,
    'no_candidate',
    `no replica may become the primary: ${ranking.ranked.map((r) => `${r.server}: ${r.reasons.join(', ')}`).join('; ') || 'none answers'}`,
    `regent topology ${topology.alias}`,
  )
  const foreign = edgesOf(topology, situation.subject).filter((e) => e.channel.receiver !== 'stopped')
  say(
    foreign.length > 0,
    'foreign_channels',
    `the primary receives from another server itself (${foreign.map((e) => e.channel.name || 'default').join(', ')})`,
    'move these channels by hand first',
  )
  const channel = ranking.winner?.channel
  say(
    channel !== undefined && channel.receiver !== 'running',
    'winner_not_receiving',
    `${ranking.winner?.id} does not receive from the primary`,
    `regent diagnose ${topology.alias}`,
  )
  say(
    channel !== undefined && channel.applier !== 'running',
    'winner_not_applying',
    `the applier of ${ranking.winner?.id} does not run`,
    `regent diagnose ${topology.alias}`,
  )
  say(
    (channel?.lagMs ?? 0) > policy.switchoverBoundMs,
    'lag_over_limit',
    `${ranking.winner?.id} is ${Math.round((channel?.lagMs ?? 0) / 1000)} s behind, the bound of a switchover is ${policy.switchoverBoundMs / 1000} s`,
    'wait until it has caught up',
  )
  return reasons
}
