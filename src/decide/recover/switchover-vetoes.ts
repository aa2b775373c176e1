import type { Ranked, RefusalReason } from '../../model/plan.ts'
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
  if (ranking.winner === undefined) reasons.push(noCandidate(situation, found))
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

/** Whoever named a server learns what stands against that one, and whether another could lead. */
function noCandidate({ wanted, ...free }: Situation, found: readonly Follower[]): RefusalReason {
  const { winner, ranked } = rank(free, found)
  const code = 'no_candidate'
  const then = `regent switchover ${free.topology.alias}`
  const against = (those: readonly Ranked[]): string =>
    those.map((r) => `${r.server}: ${r.reasons.join(', ')}`).join('; ')
  const listed = against(ranked.filter((r) => !r.eligible))
  if (wanted === undefined || winner === undefined)
    return {
      code,
      says: `no replica may become the primary: ${listed || 'none answers'}`,
      tryThis:
        listed === ''
          ? `bring a replica back, or attach one: regent rejoin <server>; then: ${then}`
          : `mend what stands against one of them, then: ${then}`,
    }
  const own = ranked.find((r) => r.server === wanted)
  const why = own?.reasons.join(', ') ?? 'it does not answer, or does not follow the primary'
  return {
    code,
    says: `${wanted} may not become the primary: ${why}`,
    tryThis: `leave --to out (${winner.id} would lead): ${then}; or mend what stands against ${wanted}: ${own ? why : `regent rejoin ${wanted}`}`,
  }
}
