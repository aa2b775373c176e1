import { printAddress, sameAddress } from '../../model/address.ts'
import { errant, type Surplus } from '../../model/history.ts'
import type { ServerId } from '../../model/ids.ts'
import { type Channel, type ServerStatus, takesWrites } from '../../model/server.ts'
import { edgesOf, type Member, type Topology } from '../../model/topology.ts'
import { describeLook } from './fold-primary.ts'
import { describeChannel } from './fold-replicas.ts'
import { sampleBefore, wroteAllOf } from './primary-history.ts'
import type { ReplicaFactName, ReplicaFacts } from './replica-rules.ts'
import { age, answersNow, nameOf, nameOfMember, type Snapshot } from './snapshot.ts'
import type { Subject } from './subject.ts'

export interface ReplicaFolded {
  readonly facts: ReplicaFacts
  readonly readings: { readonly [F in ReplicaFactName]?: readonly string[] }
}

const AWAY: ReplicaFacts = {
  reach: 'away',
  receiver: 'none',
  applier: 'none',
  lag: 'not_known',
  access: 'closed',
  errant: 'not_known',
  follows: 'not_asked',
  binlog: 'usable',
  numericId: 'unique',
  gtid: 'on',
}

export function foldReplica(member: Member, subject: Subject, snapshot: Snapshot): ReplicaFolded {
  const { sighting } = member
  const { answer } = sighting
  const reading = `${nameOf(sighting)}: ${describeLook(sighting.latest)}, ${age(sighting.latest.at, snapshot)}`
  if (answer === undefined || !answersNow(sighting, snapshot)) return { facts: AWAY, readings: { reach: [reading] } }
  const { status } = answer
  const surplus = surplusOver(member, subject)
  const twins = sameNumericId(member, snapshot.topology)
  const facts: ReplicaFacts = {
    reach: 'answers',
    receiver: worst(status.channels, receiverState, ['broken', 'stopped', 'connecting', 'running']),
    applier: worst(status.channels, applierState, ['broken', 'stopped', 'running']),
    lag: lagOf(status, snapshot),
    access: takesWrites(status.access) ? 'writable' : 'closed',
    errant: surplus === undefined || surplus.kind === 'unprovable' ? 'not_known' : surplus.kind,
    follows: followsWhom(member, subject, snapshot.topology),
    binlog: status.binlog.enabled && status.binlog.logsReplicaUpdates ? 'usable' : 'off',
    numericId: twins.length > 0 ? 'shared' : 'unique',
    gtid: withGtid(status) ? 'on' : 'off',
  }
  const errantOnes = surplus?.kind === 'some' ? [surplus.gtids] : []
  return { facts, readings: { ...readingsOf(status, twins), reach: [reading], errant: errantOnes } }
}

function readingsOf(status: ServerStatus, twins: readonly Member[]): ReplicaFolded['readings'] {
  const { channels, binlog } = status
  const states = channels.map((c) => `${c.name === '' ? '' : `channel ${c.name}: `}${describeChannel(c)}`)
  return {
    receiver: states,
    applier: states,
    lag: channels.map((c) => `${c.lagMs ?? 'unknown'} ms behind, of which ${c.delayMs} ms intended`),
    access: [status.access],
    follows: channels.map(({ source }) => `follows ${printAddress(source)}`),
    binlog: [
      `binlog ${binlog.enabled ? 'on' : 'off'}, replica updates ${binlog.logsReplicaUpdates ? 'logged' : 'not logged'}`,
    ],
    numericId: [`server_id ${status.numericId}`, ...twins.map(nameOfMember)],
    gtid: [`gtid ${binlog.gtid}`, ...channels.map((c) => `positions by ${c.positioning}`)],
  }
}

function worst<S extends string>(
  channels: readonly Channel[],
  stateOf: (c: Channel) => S,
  order: readonly S[],
): S | 'none' {
  const states = channels.map(stateOf)
  return order.find((state) => states.includes(state)) ?? 'none'
}

function receiverState({ receiver, receiverError }: Channel): 'broken' | 'stopped' | 'connecting' | 'running' {
  return receiver !== 'running' && receiverError !== undefined ? 'broken' : receiver
}

function applierState({ applier, applierError }: Channel): 'broken' | 'stopped' | 'running' {
  return applier === 'stopped' && applierError !== undefined ? 'broken' : applier
}

/** The bound is the drain's: a replica that cannot be drained in time is no candidate in time. */
function lagOf({ channels }: ServerStatus, { policy }: Snapshot): ReplicaFacts['lag'] {
  const lags = channels.map(({ lagMs, delayMs }) => (lagMs === undefined ? undefined : lagMs - delayMs))
  if (lags.some((lag) => lag !== undefined && lag > policy.drainLimitMs)) return 'over_bound'
  return lags.length === 0 || lags.includes(undefined) ? 'not_known' : 'within_bound'
}

/**
 * Only a sample of the replica that ended before the primary's began: a busy primary, and even more a dead one, is always behind
 * later samples, and would call every fresh transaction errant.
 */
function surplusOver({ sighting }: Member, subject: Subject): Surplus | undefined {
  if (subject.kind !== 'met') return undefined
  const primary = subject.sighting.answer
  const sample = primary === undefined ? undefined : sampleBefore(sighting, primary)
  if (primary === undefined || sample === undefined) return undefined
  const surplus = errant(sample.status.history, primary.status.history)
  const lostByPrimary = surplus.kind === 'some' && wroteAllOf(primary.status, surplus.gtids)
  return lostByPrimary ? { kind: 'none' } : surplus
}

function followsWhom({ id }: Member, subject: Subject, topology: Topology): ReplicaFacts['follows'] {
  if (subject.kind === 'none') return 'not_asked'
  const edges = edgesOf(topology, id)
  if (edges.length === 0) return 'nobody'
  return leadsToPrimary(id, subject, topology) ? 'primary' : 'another'
}

/** Along the channels, each server once: rings exist. */
function leadsToPrimary(from: ServerId, subject: Exclude<Subject, { kind: 'none' }>, topology: Topology): boolean {
  const seen = new Set<ServerId>([from])
  const queue: ServerId[] = [from]
  for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
    for (const { source, channel } of edgesOf(topology, id)) {
      if (source === undefined ? sameAddress(channel.source, subject.sighting.address) : source === subject.id)
        return true
      if (source !== undefined && !seen.has(source)) {
        seen.add(source)
        queue.push(source)
      }
    }
  }
  return false
}

function sameNumericId({ id, sighting }: Member, { members }: Topology): readonly Member[] {
  const own = sighting.answer?.status.numericId
  return members.filter((m) => m.id !== id && own !== undefined && m.sighting.answer?.status.numericId === own)
}

const withGtid = (status: ServerStatus): boolean =>
  status.binlog.gtid === 'on' && status.channels.every((channel) => channel.positioning === 'gtid')
