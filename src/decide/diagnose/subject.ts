import { type Address, sameAddress } from '../../model/address.ts'
import type { ServerId } from '../../model/ids.ts'
import { takesWrites } from '../../model/server.ts'
import type { Sighting } from '../../model/sighting.ts'
import { type Edge, edgesOf, edgesTo, type Member, member, type Topology } from '../../model/topology.ts'
import { answersNow, type Snapshot } from './snapshot.ts'

/** Whom the primary's table is about. `unmet`: known from the reign and by an address that others follow, and never read. */
export type Subject =
  | { readonly kind: 'met'; readonly id: ServerId; readonly sighting: Sighting }
  | { readonly kind: 'unmet'; readonly id: ServerId | undefined; readonly sighting: Sighting }
  | { readonly kind: 'none' }

/** A replica of the subject, by the channel that leads there. */
export interface Follower {
  readonly member: Member
  readonly edge: Edge
}

export function subjectOf(snapshot: Snapshot): Subject {
  const { topology } = snapshot
  const { reign } = topology
  if (reign === undefined) return candidateOf(snapshot)
  const known = member(topology, reign.primary)
  if (known !== undefined)
    return { kind: known.sighting.answer === undefined ? 'unmet' : 'met', id: known.id, sighting: known.sighting }
  return unmet(topology, reign.primary)
}

/** Never read by this process, but exactly one address that nobody has answered at is what replicas follow. */
function unmet(topology: Topology, id: ServerId | undefined): Subject {
  const followed = topology.strangers.filter((stranger) => topology.edges.some((e) => leadsTo(e, stranger.address)))
  const [only] = followed
  return only === undefined || followed.length > 1 ? { kind: 'none' } : { kind: 'unmet', id, sighting: only }
}

const leadsTo = (edge: Edge, address: Address): boolean =>
  edge.source === undefined && sameAddress(edge.channel.source, address)

/** Without a reign: the one root that takes writes; if none does, the one root that others follow; never a choice between two. */
function candidateOf(snapshot: Snapshot): Subject {
  const { topology } = snapshot
  const writable = writableRoots(snapshot)
  if (writable.length > 1) return { kind: 'none' }
  const roots = topology.members.filter((m) => !followsSomebody(topology, m.id))
  const followed = roots.filter((m) => edgesTo(topology, m.id).length > 0)
  const [only] = writable.length === 1 ? writable : followed.length > 0 ? followed : roots
  if (writable.length === 0 && (followed.length > 1 || (followed.length === 0 && roots.length > 1)))
    return { kind: 'none' }
  if (only === undefined) return unmet(topology, undefined)
  return { kind: 'met', id: only.id, sighting: only.sighting }
}

/** Servers that take writes by a fresh reading and do not take them over from another server. In a ring each one counts. */
export function writableRoots(snapshot: Snapshot): readonly Member[] {
  const { topology } = snapshot
  return topology.members.filter((m) => isWritable(m, snapshot) && !isReplica(topology, m.id))
}

export function isWritable({ sighting }: Member, snapshot: Snapshot): boolean {
  return answersNow(sighting, snapshot) && sighting.answer !== undefined && takesWrites(sighting.answer.status.access)
}

/** It receives from another member that does not receive from it in turn. */
function isReplica(topology: Topology, id: ServerId): boolean {
  return edgesOf(topology, id).some(({ source, channel }) => {
    if (source === undefined || channel.receiver === 'stopped') return false
    return !edgesOf(topology, source).some((back) => back.source === id)
  })
}

const followsSomebody = (topology: Topology, id: ServerId): boolean =>
  edgesOf(topology, id).some((edge) => edge.source !== undefined)

/** By their last answers, be they old. A replica that follows by two channels counts once. */
export function followersOf(subject: Subject, topology: Topology): readonly Follower[] {
  if (subject.kind === 'none') return []
  const edges =
    subject.id !== undefined && member(topology, subject.id) !== undefined
      ? edgesTo(topology, subject.id)
      : topology.edges.filter((e) => leadsTo(e, subject.sighting.address))
  return topology.members.flatMap((m) => {
    const edge = edges.find((e) => e.replica === m.id)
    return edge === undefined ? [] : [{ member: m, edge }]
  })
}
