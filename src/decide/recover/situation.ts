import type { Address } from '../../model/address.ts'
import { homePart } from '../../model/history/home.ts'
import type { History } from '../../model/history.ts'
import type { Epoch, Instant, RecoveryId, ServerId } from '../../model/ids.ts'
import type { Risk } from '../../model/plan.ts'
import type { Policy } from '../../model/policy.ts'
import type { Channel, ServerStatus } from '../../model/server.ts'
import { type Edge, edgesOf, edgesTo, type Member, member, type Topology } from '../../model/topology.ts'
import type { SubjectState } from '../fence/proof.ts'

/** A primary's last good reading: this process's own, or the one in the store. */
export interface PrimaryReading {
  readonly status: ServerStatus
  /** Age at its last sign of life, ms. */
  readonly ageMs: number
  /** Monotonic; of a stored one as the wall clock puts it, which is all that two processes share. */
  readonly at: Instant
  /** What it had executed at earlier readings, newest first: as far as this process kept them. */
  readonly earlier: readonly EarlierReading[]
}

export interface EarlierReading {
  readonly history: History
  readonly ageMs: number
}

/** A server that reigned, or was to, before the reign that is only being opened: as it is found now. */
export interface Predecessor {
  readonly server: ServerId
  readonly state: SubjectState
  /** New connections to every address known of it are refused, and nobody who answers receives from it. */
  readonly stopped: boolean
  readonly addresses: readonly Address[]
}

/** What the recovery that minted the reign which is only being opened had settled about loss, and from which readings. */
export interface Settled {
  readonly recovery: RecoveryId
  readonly says: string
  readonly risks: readonly Risk[]
  readonly sealed: ReadonlyMap<ServerId, ServerStatus>
}

/** The reign was minted, and its primary is not known to be open. */
export interface Opening {
  /** From the last reign that was open on: whoever of them comes back must not take writes beside the next one. */
  readonly predecessors: readonly Predecessor[]
  /** Absent where the journal does not tell the end of every seal. */
  readonly settled?: Settled
  /**
   * Every route has been read back, and none was told of this reign: its winner cannot have acknowledged a client's write. The epoch
   * of the reign before: messages that carry it are refused by a route that is told of this reign in the meantime.
   */
  readonly unannounced?: Epoch
}

/** All that a planner may look at: one snapshot. */
export interface Situation {
  readonly topology: Topology
  readonly policy: Policy
  /** Names of the registered routes. */
  readonly routes: readonly string[]
  /** What a route party of the operator's own may take, ms; 0 for those that answer at once. */
  readonly routeDeadlineMs: Readonly<Record<string, number>>
  readonly recovery: RecoveryId
  readonly nextEpoch: Epoch
  readonly subject: ServerId
  readonly subjectState: SubjectState
  /** Refused by its own kernel and by every witness. */
  readonly stopped: boolean
  readonly lastReading?: PrimaryReading
  readonly automatic: boolean
  /** While a reign is only being opened: the primaries before it, whose replicas still point at them. */
  readonly formerPrimaries: readonly ServerId[]
  readonly opening?: Opening
  /** Found by diagnosis: the subject's history went backwards. */
  readonly unsound: boolean
  /** A person opens the subject although another reign stands: named, reasoned, recorded. */
  readonly overReign: boolean
  /** A person opens it although replicas received what it lacks: likewise. */
  readonly overHistory: boolean
  /** Tried in this recovery and not counted in time: not tried again. */
  readonly unusableAckers: readonly ServerId[]
  /** A person wants this one and no other. */
  readonly wanted?: ServerId
}

/** A replica of the subject that answers now, with the channel by which it follows. */
export interface Follower {
  readonly member: Member
  readonly id: ServerId
  readonly status: ServerStatus
  readonly channel: Channel
}

/** Every history that this snapshot knows: they help to order MariaDB's positions, whose containment one alone cannot prove. */
export const knownHistories = (situation: Situation): readonly History[] => [
  ...situation.topology.members.flatMap((m) => (m.sighting.answer ? [m.sighting.answer.status.history] : [])),
  ...(situation.lastReading ? [situation.lastReading.status.history] : []),
]

const answersNow = (m: Member): ServerStatus | undefined =>
  m.sighting.latest.kind === 'answered' ? m.sighting.latest.status : undefined

/** Edges to the subject, and to the primaries before it while its own reign is only being opened. */
export function edgesToSubject(situation: Situation): readonly Edge[] {
  const own = edgesTo(situation.topology, situation.subject)
  const former = situation.formerPrimaries.flatMap((id) => edgesTo(situation.topology, id))
  const late = former.filter((e) => e.replica !== situation.subject && !own.some((o) => o.replica === e.replica))
  return [...own, ...late]
}

export function followers(situation: Situation): readonly Follower[] {
  return edgesToSubject(situation).flatMap((edge) => follower(situation.topology, edge))
}

function follower(topology: Topology, edge: Edge): readonly Follower[] {
  const found = member(topology, edge.replica)
  const status = found && answersNow(found)
  const channel = status?.channels.find((c) => c.name === edge.channel.name)
  return found && status && channel ? [{ member: found, id: found.id, status, channel }] : []
}

/** Every address by which the subject is known: where a stopped server must refuse. */
export function subjectAddresses(situation: Situation): readonly Address[] {
  const sighting = member(situation.topology, situation.subject)?.sighting
  if (!sighting) return []
  const sealed = situation.opening?.settled?.sealed.get(situation.subject)
  return addressesOf(sighting.address, sighting.answer?.status ?? sealed)
}

export function addressesOf(address: Address, status: ServerStatus | undefined): readonly Address[] {
  const admin = status?.adminPort === undefined ? [] : [{ host: address.host, port: status.adminPort }]
  return [address, ...admin, ...(status?.aliases ?? [])]
}

/** A route party of the operator's own gets the time that it was configured with. */
export const withdrawalMs = ({ policy, routeDeadlineMs }: Situation, route: string): number =>
  Math.max(policy.act1DeadlineMs, routeDeadlineMs[route] ?? 0)

/** Followers that do not answer now, from their last answers. */
export const absentFollowers = (situation: Situation): readonly ServerId[] =>
  edgesToSubject(situation)
    .map((e) => e.replica)
    .filter((id) => !followers(situation).some((f) => f.id === id))

/** By a second channel, from a server that is none of this cluster's. */
export const receivesFromOutside = ({ topology }: Situation, id: ServerId): boolean => {
  const edges = edgesOf(topology, id)
  return edges.length > 1 && edges.some((edge) => edge.source === undefined)
}

/** As the topology shows it: what it received from another cluster is not weighed against what the others received. */
export function atHome(situation: Situation, id: ServerId, status: ServerStatus): ServerStatus {
  const reference = situation.lastReading?.status.history
  if (!reference || !receivesFromOutside(situation, id)) return status
  const ids = situation.topology.members.map((m) => m.id)
  return { ...status, history: homePart(status.history, reference, ids) }
}
