import type { ServerId } from '../../model/ids.ts'
import { type Plan, type Planned, type Refusal, type RefusalReason, refuse } from '../../model/plan.ts'
import type { Step } from '../../model/step.ts'
import { edgesOf, member } from '../../model/topology.ts'
import { type AckerPlan, planAckers, wantedSemiSync } from './ackers.ts'
import { attachStep, counting, keepsRelayLog, sourceSide } from './gates.ts'
import { rank } from './rank.ts'
import { type Follower, followers, type Situation, withdrawalMs } from './situation.ts'
import { skeleton } from './switchover-act2.ts'

/**
 * Act 1 of a switchover: all that can be taken back. Checks; an acker is moved below the winner while the old primary keeps at least
 * its wait count of others; new connections wait; the old primary is closed within a bound; the winner applies all of it and is made
 * ready. Each step has an undo that returns the old primary to service.
 */
export function planSwitchoverAct1(situation: Situation): Planned {
  const found = followers(situation)
  const { winner, ranked } = rank(situation, found)
  const reasons = vetoes(situation, found)
  if (reasons.length > 0 || !winner) return refuse(...reasons)
  const ackers = enoughAckers(situation, winner, found)
  if (ackers.kind === 'refusal') return ackers
  const early = earlyAckers(situation, winner, found, ackers)
  const close = closing(situation, early)
  const plan: Plan = {
    ...skeleton(situation, 1),
    steps: [
      ...early.flatMap((a) => movingEarly(situation, winner, a)),
      ...close,
      ...readying(situation, { winner, ackers, early }),
    ],
    ranking: ranked,
    risks: ackers.risks,
    switchover: { winner: winner.id, semiSync: ackers.wanted },
  }
  return { kind: 'plan', plan }
}

function vetoes(situation: Situation, found: readonly Follower[]): readonly RefusalReason[] {
  const { topology, policy } = situation
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

/** Where the other replicas are too few (1+1), the old primary, closed and with its source side off, is an acker before the opening. */
function enoughAckers(situation: Situation, winner: Follower, found: readonly Follower[]): AckerPlan | Refusal {
  const among = planAckers(situation, winner, found)
  const wanted = wantedSemiSync(situation)
  if (wanted.kind === 'off' || (among.kind === 'ackers' && among.waitCount >= wanted.waitCount)) return among
  const old = member(situation.topology, situation.subject)
  if (old?.sighting.latest.kind !== 'answered') return among
  const asAcker: Follower = {
    member: old,
    id: old.id,
    status: old.sighting.latest.status,
    channel: { ...winner.channel, name: '' },
  }
  return planAckers(situation, winner, [...found, asAcker])
}

/** Moved before the closing only while the old primary keeps its own wait count of others attached. */
function earlyAckers(
  situation: Situation,
  winner: Follower,
  found: readonly Follower[],
  ackers: AckerPlan,
): readonly Follower[] {
  const others = found.filter(
    (f) => f.id !== winner.id && f.channel.receiver === 'running' && f.channel.applier === 'running',
  )
  const acknowledging = (f: Follower): boolean =>
    f.channel.receiver === 'running' && f.status.semiSync.kind === 'present' && f.status.semiSync.replicaEnabled
  const keeps = found.filter(acknowledging).length - ackers.ackers.length
  const source = situation.lastReading?.status.semiSync
  const needed = source?.kind === 'present' && source.source.enabled ? source.source.waitCount : 0
  return keeps >= needed && ackers.ackers.every((a) => others.some((o) => o.id === a.id)) ? ackers.ackers : []
}

/** MariaDB's acker must not have applied more than the winner has: it is sealed, drained, stopped, and waits for the winner first. */
function movingEarly(situation: Situation, winner: Follower, acker: Follower): readonly Step[] {
  const server = acker.id
  const channel = acker.channel.name
  const deadlineMs = situation.policy.switchoverBoundMs
  const back = { kind: 'attach', server, channel, to: situation.subject, keepRelayLog: false } as const
  if (keepsRelayLog(acker))
    return [
      {
        ...attachStep(situation, acker, { to: winner.id, after: [], keepRelayLog: true, ifItFails: 'stop' }),
        undo: back,
      },
    ]
  const stop = { ifItFails: 'stop', deadlineMs } as const
  return [
    {
      kind: 'seal',
      id: `seal:${server}`,
      server,
      channel,
      killAfterMs: situation.policy.sealKillAfterMs,
      after: [],
      ...stop,
      undo: { kind: 'unseal', server, channel },
    },
    { kind: 'drain', id: `drain:${server}`, server, channel, after: [`seal:${server}`], ...stop },
    {
      kind: 'stop_applier',
      id: `stop_applier:${server}`,
      server,
      channel,
      rollBack: false,
      after: [`drain:${server}`],
      ...stop,
      undo: { kind: 'start_applier', server, channel },
    },
    {
      kind: 'reach',
      id: `reach:${winner.id}:${server}`,
      server: winner.id,
      channel: winner.channel.name,
      of: server,
      after: [`stop_applier:${server}`],
      ...stop,
    },
    {
      ...attachStep(situation, acker, {
        to: winner.id,
        after: [`reach:${winner.id}:${server}`],
        keepRelayLog: false,
        ifItFails: 'stop',
      }),
      undo: back,
    },
  ]
}

function closing(situation: Situation, early: readonly Follower[]): readonly Step[] {
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
  return [
    ...withdrawn,
    {
      kind: 'close_server',
      id: `close:${server}`,
      server,
      lockWaitS,
      after: [...moved, ...withdrawn.map((s) => s.id)],
      deadlineMs,
      ifItFails: 'stop',
      undo: { kind: 'open_server', server },
    },
  ]
}

interface Cast {
  readonly winner: Follower
  readonly ackers: AckerPlan
  readonly early: readonly Follower[]
}

/** The winner applies all that the closed primary executed; only then its applier is stopped and its source side goes on. */
function readying(situation: Situation, cast: Cast): readonly Step[] {
  const { winner, ackers, early } = cast
  const server = winner.id
  const channel = winner.channel.name
  const bound = situation.policy.switchoverBoundMs
  const common = { server, channel, deadlineMs: bound, ifItFails: 'stop' } as const
  const reach: Step = {
    kind: 'reach',
    id: `reach:${server}`,
    of: situation.subject,
    after: [`close:${situation.subject}`],
    ...common,
  }
  const seal: Step = {
    kind: 'seal',
    id: `seal:${server}`,
    killAfterMs: situation.policy.sealKillAfterMs,
    after: [reach.id],
    ...common,
    undo: { kind: 'unseal', server, channel },
  }
  const stop: Step = {
    kind: 'stop_applier',
    id: `stop_applier:${server}`,
    rollBack: false,
    after: [seal.id],
    ...common,
    undo: { kind: 'start_applier', server, channel },
  }
  const late = ackers.ackers
    .filter((a) => a.id !== situation.subject && !early.some((e) => e.id === a.id))
    .map(
      (a): Step => ({
        ...attachStep(situation, a, {
          to: server,
          after: [reach.id],
          keepRelayLog: keepsRelayLog(a),
          ifItFails: 'stop',
        }),
        undo: { kind: 'attach', server: a.id, channel: a.channel.name, to: situation.subject, keepRelayLog: false },
      }),
    )
  const source = sourceSide(situation, server, ackers, [stop.id]).map(
    (s): Step => ({ ...s, undo: { kind: 'semi_sync_source', server, to: 'off', waitCount: 0 } }),
  )
  const old = ackers.ackers.some((a) => a.id === situation.subject) ? oldAsAcker(situation, server, reach.id) : []
  const attached = [...early.map((e) => `attach:${e.id}`), ...[...late, ...old, ...source].map((s) => s.id)]
  return [
    reach,
    seal,
    stop,
    ...stillClosed(situation, winner),
    ...late,
    ...old,
    ...source,
    ...counting(server, ackers, attached, bound),
  ]
}

/**
 * MariaDB's read_only lets privileged accounts write on. One look more, after the winner has stopped applying: what such an account
 * wrote on the old primary in between would be missing on the new one, so the switchover is taken back instead.
 */
function stillClosed(situation: Situation, winner: Follower): readonly Step[] {
  if (winner.status.version.flavour !== 'mariadb') return []
  const { id: server, channel } = winner
  return [
    {
      kind: 'reach',
      id: `still:${server}`,
      server,
      channel: channel.name,
      of: situation.subject,
      after: [`stop_applier:${server}`],
      deadlineMs: 500,
      ifItFails: 'stop',
    },
  ]
}

/** Its source side goes off before its channel starts: an applier waits for acknowledgements otherwise. */
function oldAsAcker(situation: Situation, winner: ServerId, drained: string): readonly Step[] {
  const server = situation.subject
  const common = { deadlineMs: situation.policy.switchoverBoundMs, ifItFails: 'stop' } as const
  const semiSync = situation.lastReading?.status.semiSync
  const waitCount = semiSync?.kind === 'present' ? semiSync.source.waitCount : 1
  return [
    {
      kind: 'semi_sync_source',
      id: `source_off:${server}`,
      server,
      to: 'off',
      waitCount: 0,
      after: [drained],
      ...common,
      undo: { kind: 'semi_sync_source', server, to: 'on', waitCount },
    },
    {
      kind: 'attach',
      id: `attach:${server}`,
      server,
      channel: '',
      to: winner,
      keepRelayLog: false,
      after: [`source_off:${server}`],
      ...common,
      undo: { kind: 'reset_channel', server, channel: '' },
    },
  ]
}
