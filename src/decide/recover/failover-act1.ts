import { receivedWithin } from '../../model/history.ts'
import type { ServerId } from '../../model/ids.ts'
import { type Plan, type Planned, type RefusalReason, type Risk, refuse } from '../../model/plan.ts'
import type { Step } from '../../model/step.ts'
import { edgesOf } from '../../model/topology.ts'
import { unattainable } from '../fence/proof.ts'
import { fencing, fencingRisks, unfencedRisks, withdrawals } from './fencing.ts'
import { turnedAway } from './logins.ts'
import { byName, settleLoss } from './loss.ts'
import { answering } from './one-act.ts'
import { demandOn, fenced, fencingPredecessors, keptShut } from './opening.ts'
import { rank, undrainable } from './rank.ts'
import { absentFollowers, type Follower, followers, knownHistories, type Situation } from './situation.ts'

/**
 * Act 1: withdraw the routes, begin to fence, seal every replica that answers. Nothing in it chooses a winner: until all are
 * sealed, a silent primary can still get an acknowledgement from a loser. All vetoes that can be foreseen are settled here,
 * before the first change.
 */
export function planFailoverAct1(situation: Situation): Planned {
  const found = followers(situation)
  const ranking = rank(situation, found)
  const { demand, because } = demandOn(situation, situation.subjectState)
  const loss = settleLoss(situation, found, ranking.mostAdvanced?.status)
  const reasons = [
    ...vetoes(situation, found),
    ...fenceVeto(situation),
    ...(loss.kind === 'refused' ? loss.refusal.reasons : []),
  ]
  if (reasons.length > 0) return refuse(...reasons)
  const sealed = found.flatMap((f) => sealing(situation, f))
  const plan: Plan = {
    version: 1,
    recovery: situation.recovery,
    cluster: situation.topology.cluster,
    kind: 'failover',
    act: 1,
    subject: situation.subject,
    steps: keptShut(situation, [
      ...withdrawals(situation),
      ...cutAfter(sealed, fencing(situation)),
      ...fencingPredecessors(situation),
      ...sealed,
    ]),
    ranking: ranking.ranked,
    risks: [
      ...(loss.kind === 'refused' ? [] : loss.risks),
      ...absentRisks(situation),
      ...openingRisks(situation, ranking.mostAdvanced),
      ...turnedAway(found),
      ...fencingRisks(situation),
      ...unfencedRisks(fenced(situation), situation.policy),
    ],
    fence: { demand, because },
    because: loss.kind === 'refused' ? '' : loss.says,
  }
  return { kind: 'plan', plan }
}

/**
 * Clients are cut when every commit waits. On MariaDB a KILL that meets a commit on its way to the wait lets it through, and those behind
 * it: they are answered OK, and no replica has them.
 */
function cutAfter(sealed: readonly Step[], fencing: readonly Step[]): readonly Step[] {
  const seals = sealed.flatMap((s) => (s.kind === 'seal' ? [s.id] : []))
  return fencing.map((s) => (s.kind === 'cut_clients' ? { ...s, after: [...s.after, ...seals] } : s))
}

/** While a reign is only being opened, the primary before it is no replica of anybody: it can reign again by name, if the winner is gone. */
function nobodyLeft({ topology, opening, subject, subjectState }: Situation): string {
  if (opening === undefined) return `regent topology ${topology.alias}`
  if (subjectState === 'answers')
    return `mend what keeps ${subject} from being opened (regent diagnose ${topology.alias}), and that goes on by itself; or open it by name, without any proof: regent unfence ${subject} --abandon --reason "…" --for 10m`
  return `regent adopt ${topology.alias} --server <old primary> --open --over-reign --abandon --reason "…"`
}

function vetoes(situation: Situation, found: readonly Follower[]): readonly RefusalReason[] {
  const { topology, policy } = situation
  const reasons: RefusalReason[] = []
  const say = (when: boolean, code: string, says: string, tryThis: string): void =>
    void (when && reasons.push({ code, says, tryThis }))
  const ranking = rank(situation, found)
  say(
    topology.reign === undefined,
    'no_reign',
    'no reign is recorded, so nobody knows who the primary was',
    `regent adopt ${topology.alias}`,
  )
  say(
    topology.reign !== undefined && topology.reign.primary !== situation.subject,
    'not_the_primary',
    'the present reign is of another server',
    `regent topology ${topology.alias}`,
  )
  say(
    situation.automatic && situation.opening !== undefined && situation.opening.unannounced === undefined,
    'waits_for_winner',
    `it is not shown that no client was led to ${situation.subject}, which may have been opened`,
    `bring it back, or give it up: regent failover ${topology.alias} --abandon --reason "…"`,
  )
  say(found.length === 0, 'no_replica', 'no replica of it answers', nobodyLeft(situation))
  say(
    found.length > 0 && ranking.winner === undefined,
    'no_candidate',
    `no replica may become the primary: ${against(ranking.ranked)}`,
    `regent plan failover ${topology.alias}`,
  )
  if (ranking.parted)
    say(
      true,
      'replicas_parted',
      `what ${ranking.parted.a} and ${ranking.parted.b} received cannot be ordered (${ranking.parted.relation}): choosing one would drop what only the other has`,
      `regent explain ${topology.alias}`,
    )
  const lagMs = ranking.winner?.channel.lagMs ?? 0
  say(
    lagMs > policy.drainLimitMs,
    'lag_over_limit',
    `${ranking.winner?.id ?? ''} is ${Math.round(lagMs / 1000)} s behind, the limit is ${policy.drainLimitMs / 1000} s`,
    'raise policy drain_limit, or wait until it has caught up',
  )
  const stuck = undrainable(ranking)
  say(
    stuck !== undefined,
    'most_advanced_undrainable',
    `${stuck}, so nobody can catch up from it`,
    `repair its applier (or end its delay), then: regent failover ${topology.alias}`,
  )
  // A winner that died before it opened still has the channel to its predecessor: that link ends with both of them.
  const inherited = (source: ServerId | undefined) => source !== undefined && situation.formerPrimaries.includes(source)
  const foreign = edgesOf(topology, situation.subject).filter(
    (e) => e.channel.receiver !== 'stopped' && !inherited(e.source),
  )
  say(
    foreign.length > 0,
    'foreign_channels',
    `it receives from another server itself (${foreign.map((e) => e.channel.name || 'default').join(', ')}), and that link would be lost`,
    'move these channels by hand first',
  )
  return reasons
}

const against = (ranked: readonly { readonly server: string; readonly reasons: readonly string[] }[]): string =>
  ranked.map((r) => `${r.server}: ${r.reasons.join(', ')}`).join('; ')

function fenceVeto(situation: Situation): readonly RefusalReason[] {
  const whys = fenced(situation).flatMap(
    ({ demand, state, stopped }) =>
      unattainable(demand, { stopped, routes: situation.routes, reachable: state === 'answers' }, situation.policy) ??
      [],
  )
  return [...new Set(whys)].map((says) => ({
    code: 'fence_not_provable',
    says,
    tryThis: `register a route and declare clients_only_by_routes, or accept the risk: ${byName(situation, '--fence none')}`,
  }))
}

/** A stopped applier is started before the receiver is stopped: MariaDB deletes received relay log when both were stopped. */
function sealing(situation: Situation, follower: Follower): readonly Step[] {
  const { id: server, channel } = follower
  const deadlineMs = situation.policy.act1DeadlineMs
  const keepsRelayLog = channel.receiver !== 'stopped' || follower.status.version.flavour === 'mysql'
  const startFirst = channel.applier === 'stopped' && keepsRelayLog && channel.applierError === undefined
  const start: Step = {
    kind: 'start_applier',
    id: `start_applier:${server}`,
    server,
    channel: channel.name,
    after: [],
    deadlineMs,
    ifItFails: 'go_on',
  }
  const seal: Step = {
    kind: 'seal',
    id: `seal:${server}`,
    server,
    channel: channel.name,
    killAfterMs: situation.policy.sealKillAfterMs,
    after: startFirst ? [start.id] : [],
    deadlineMs,
    ifItFails: 'count_missing',
    undo: { kind: 'unseal', server, channel: channel.name },
  }
  return startFirst ? [start, seal] : [seal]
}

const absentRisks = (situation: Situation): readonly Risk[] =>
  absentFollowers(situation).map((id) => ({
    code: 'replica_absent',
    says: `${id} does not answer: it is neither sealed nor counted`,
  }))

/**
 * While a reign is only being opened two servers may have taken writes: the one that it names, whose opening may have happened without
 * anybody having written that down, and the primary before it.
 */
function openingRisks(situation: Situation, best: Follower | undefined): readonly Risk[] {
  const { subject, opening } = situation
  if (opening === undefined) return []
  const unseen = opening.predecessors.filter((p) => p.state !== 'answers')
  const unknown = {
    code: 'opening_unknown',
    says: `whether ${subject} was opened is not known: what it may have acknowledged since is not covered by what is said of loss`,
  }
  return [
    ...(opening.unannounced === undefined ? [unknown] : []),
    ...opening.predecessors.flatMap(({ server }) => aheadOf(situation, server, best)),
    ...unseen.map(({ server, stopped }) => ({
      code: 'predecessor_unseen',
      says: `${server}, a primary before ${subject}, does not answer: of it no more is proven now than that ${stopped ? 'it refuses connections' : 'the routes are withdrawn'}`,
    })),
  ]
}

/** It answers, so what it wrote since the readings that the loss was settled by can be seen, and goes with it. */
function aheadOf(situation: Situation, server: ServerId, best: Follower | undefined): readonly Risk[] {
  const own = answering(situation, server)
  const within = own && best && receivedWithin(own.history, best.status.history, knownHistories(situation))
  if (own === undefined || within === 'yes') return []
  const says = `${server}, a primary before ${situation.subject}, answers, and it is not shown that the others have all that it has: what they lack is not lost, and stays on ${server} alone`
  return [{ code: 'predecessor_ahead', says }]
}
