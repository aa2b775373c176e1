import { drained } from '../../model/history.ts'
import type { ServerId } from '../../model/ids.ts'
import { type Plan, type Planned, refuse } from '../../model/plan.ts'
import type { ServerStatus } from '../../model/server.ts'
import type { Step } from '../../model/step.ts'
import { member } from '../../model/topology.ts'
import { type AckerPlan, planAckers } from './ackers.ts'
import { attachStep, counting, keepsRelayLog, opening, sourceSide } from './gates.ts'
import { settleLoss } from './loss.ts'
import { barriers, demandOn } from './opening.ts'
import { rank, undrainable } from './rank.ts'
import { atHome, edgesToSubject, type Follower, type Situation } from './situation.ts'

/** Readings taken after each receiver was seen stopped: the only ones from which a winner may be chosen. */
export type SealedReadings = ReadonlyMap<ServerId, ServerStatus>

/** The followers as sealed. Whoever missed the seal is neither candidate nor acker. */
export function sealedFollowers(situation: Situation, sealed: SealedReadings): readonly Follower[] {
  return edgesToSubject(situation).flatMap((edge) => {
    const found = member(situation.topology, edge.replica)
    const reading = sealed.get(edge.replica)
    const status = reading && atHome(situation, edge.replica, reading)
    const channel = status?.channels.find((c) => c.name === edge.channel.name)
    return found && status && channel ? [{ member: found, id: found.id, status, channel }] : []
  })
}

/**
 * Act 2: choose from sealed readings only; drain; attach and count the ackers; pass the barrier; open; announce; attach the rest.
 * The order is in the `after` edges. The epoch is minted together with the winner by the durable intent of this plan.
 */
export function planFailoverAct2(situation: Situation, sealed: SealedReadings): Planned {
  const candidates = sealedFollowers(situation, sealed)
  const ranking = rank(situation, candidates)
  const { winner, mostAdvanced } = ranking
  const loss = settleLoss(situation, candidates, mostAdvanced?.status)
  if (ranking.parted)
    return refuse({
      code: 'replicas_parted',
      says: `what ${ranking.parted.a} and ${ranking.parted.b} received cannot be ordered (${ranking.parted.relation})`,
      tryThis: `regent explain ${situation.topology.alias}`,
    })
  if (!winner || !mostAdvanced)
    return refuse({
      code: 'no_candidate',
      says: 'no sealed replica may become the primary',
      tryThis: `regent topology ${situation.topology.alias}`,
    })
  const stuck = undrainable(ranking)
  if (stuck !== undefined)
    return refuse({
      code: 'most_advanced_undrainable',
      says: `${stuck}, so nobody can catch up from it`,
      tryThis: 'repair its applier, or end its delay',
    })
  if (loss.kind === 'refused') return loss.refusal
  const ackers = planAckers(situation, winner, candidates)
  if (ackers.kind === 'refusal') return ackers
  const { demand, because } = demandOn(situation, situation.subjectState)
  const plan: Plan = {
    version: 1,
    recovery: situation.recovery,
    cluster: situation.topology.cluster,
    kind: 'failover',
    act: 2,
    subject: situation.subject,
    mints: { epoch: situation.nextEpoch, winner: winner.id, semiSync: ackers.wanted },
    steps: promotion(situation, { winner, mostAdvanced, candidates, ackers }),
    ranking: ranking.ranked,
    risks: [...loss.risks, ...ackers.risks],
    fence: { demand, because },
    because: loss.says,
  }
  return { kind: 'plan', plan }
}

interface Cast {
  readonly winner: Follower
  readonly mostAdvanced: Follower
  readonly candidates: readonly Follower[]
  readonly ackers: AckerPlan
}

function promotion(situation: Situation, cast: Cast): readonly Step[] {
  const { winner, mostAdvanced, ackers, candidates } = cast
  const rest = candidates.filter((c) => c.id !== winner.id && !ackers.ackers.some((a) => a.id === c.id))
  const catchUp = mostAdvanced.id === winner.id ? [] : catchingUp(situation, winner, mostAdvanced)
  const ready = catchUp.at(-1)?.id ?? `drain:${winner.id}`
  const half = winner.channel.halfReceived
  const attachments = attachingAckers(situation, cast, ready)
  const readying: readonly Step[] = [
    {
      kind: 'stop_applier',
      id: `stop_applier:${winner.id}`,
      server: winner.id,
      channel: winner.channel.name,
      rollBack: half,
      after: [ready],
      deadlineMs: 5000,
      ifItFails: 'stop',
    },
    ...sourceSide(situation, winner.id, ackers, [`stop_applier:${winner.id}`]),
    ...counting(
      winner.id,
      ackers,
      [...attachments.map((s) => s.id), `source_on:${winner.id}`],
      situation.policy.attachDeadlineMs,
    ),
  ]
  // Last of all: a drain may take a minute, and a supervisor may have started the old primary again meanwhile.
  const gates = [
    ...readying,
    ...barriers(
      situation,
      readying.map((s) => s.id),
    ),
  ]
  return oncePerId([
    drainStep(situation, winner),
    ...catchUp,
    ...attachments,
    ...gates,
    ...opening(
      situation,
      winner.id,
      gates.map((s) => s.id),
    ),
    ...followUp(situation, winner, rest),
  ])
}

/** The most advanced server is drained for the winner's sake, and may be an acker or one of the rest as well: the first step is the stricter. */
const oncePerId = (steps: readonly Step[]): readonly Step[] =>
  steps.filter((step, at) => steps.findIndex((other) => other.id === step.id) === at)

const drainStep = (situation: Situation, follower: Follower): Step => ({
  kind: 'drain',
  id: `drain:${follower.id}`,
  server: follower.id,
  channel: follower.channel.name,
  after: [],
  deadlineMs: situation.policy.drainLimitMs,
  ifItFails: 'stop',
})

/** Both have drained first: a CHANGE would drop what the winner has not applied, and a binlog serves only what its server applied. */
function catchingUp(situation: Situation, winner: Follower, from: Follower): readonly Step[] {
  const common = { server: winner.id, channel: winner.channel.name, ifItFails: 'stop' } as const
  return [
    drainStep(situation, from),
    {
      kind: 'attach',
      id: `catch_up:${winner.id}`,
      to: from.id,
      keepRelayLog: false,
      after: [`drain:${winner.id}`, `drain:${from.id}`],
      deadlineMs: situation.policy.attachDeadlineMs,
      ...common,
    },
    {
      kind: 'reach',
      id: `reach:${winner.id}`,
      of: from.id,
      after: [`catch_up:${winner.id}`],
      deadlineMs: situation.policy.drainLimitMs,
      ...common,
    },
    {
      kind: 'seal',
      id: `seal_again:${winner.id}`,
      killAfterMs: situation.policy.sealKillAfterMs,
      after: [`reach:${winner.id}`],
      deadlineMs: situation.policy.act1DeadlineMs,
      ...common,
    },
  ]
}

/**
 * MySQL: at once, by host and port only, the applier on: its relay log is kept. MariaDB: CHANGE drops the acker's relay log and an
 * acker ahead of the winner dies of 1236, so only when the winner has drained; and where nobody else that is sealed holds what this
 * acker holds, only when it has drained as well: at every moment two servers hold each acknowledged row.
 */
function attachingAckers(situation: Situation, cast: Cast, ready: string): readonly Step[] {
  const { winner, ackers, candidates } = cast
  const untouched = candidates.some((c) => c.id !== winner.id && !ackers.ackers.some((a) => a.id === c.id))
  return ackers.ackers.flatMap((acker): readonly Step[] => {
    const keepRelayLog = keepsRelayLog(acker)
    const mustDrain = !keepRelayLog && !untouched && drained(acker.status.history) !== 'yes'
    const drain = mustDrain && ready !== `drain:${acker.id}` ? [ackerDrain(situation, acker, ready)] : []
    const needs = drain.map((s) => s.id)
    const after = [...(keepRelayLog ? [] : [ready]), ...needs]
    const attach = attachStep(situation, acker, { to: winner.id, after, keepRelayLog, ifItFails: 'go_on' })
    return [...drain, needs.length > 0 ? { ...attach, needs } : attach]
  })
}

/** An acker whose applier waits for a lock must not hold the opening: it applies all along, and is waited for only as long as for attaching. */
const ackerDrain = (situation: Situation, acker: Follower, ready: string): Step => ({
  ...drainStep(situation, acker),
  after: [ready],
  deadlineMs: situation.policy.attachDeadlineMs,
  ifItFails: 'go_on',
})

/** Beside each other, and none in another's way: a dead replica never delays the reset of the winner's old channel. */
function followUp(situation: Situation, winner: Follower, rest: readonly Follower[]): readonly Step[] {
  const announced = situation.routes.length > 0 ? situation.routes.map((r) => `announce:${r}`) : [`open:${winner.id}`]
  return [
    ...rest.flatMap((f) => attachingRest(situation, winner, f, announced)),
    {
      kind: 'reset_channel',
      id: `reset:${winner.id}`,
      server: winner.id,
      channel: winner.channel.name,
      after: announced,
      deadlineMs: 10_000,
      ifItFails: 'go_on',
    },
  ]
}

/**
 * Where CHANGE drops the relay log it is applied first: while an acker is still being sent again what it dropped, this one may be the
 * only other server that holds the newest acknowledged rows.
 */
function attachingRest(
  situation: Situation,
  winner: Follower,
  follower: Follower,
  announced: readonly string[],
): readonly Step[] {
  const keepRelayLog = keepsRelayLog(follower)
  const drainFirst =
    !keepRelayLog && drained(follower.status.history) !== 'yes' && follower.channel.applierError === undefined
  if (!drainFirst)
    return [attachStep(situation, follower, { to: winner.id, after: announced, keepRelayLog, ifItFails: 'go_on' })]
  // Not longer than attaching takes: a straggler is left to rejoin later, and never keeps the recovery open.
  const drain: Step = {
    ...drainStep(situation, follower),
    after: announced,
    deadlineMs: situation.policy.attachDeadlineMs,
    ifItFails: 'go_on',
  }
  const attach = attachStep(situation, follower, {
    to: winner.id,
    after: [...announced, drain.id],
    keepRelayLog,
    ifItFails: 'go_on',
  })
  return [drain, { ...attach, needs: [drain.id] }]
}
