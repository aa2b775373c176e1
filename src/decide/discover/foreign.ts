import { type Address, sameAddress } from '../../model/address.ts'
import { homePart } from '../../model/history/home.ts'
import type { ServerId } from '../../model/ids.ts'
import type { Look } from '../../model/look.ts'
import { type ServerStatus, takesWrites } from '../../model/server.ts'
import type { LastAnswer, Sighting } from '../../model/sighting.ts'
import { type Edge, edgesOf, type Member, member, type Topology } from '../../model/topology.ts'

/** What belongs to the cluster for sure, whoever else its servers receive from. */
export interface Home {
  /** Seeds, and servers that the configuration names. */
  readonly named: readonly Address[]
  /** Primaries of all reigns. */
  readonly reigned: ReadonlySet<ServerId>
}

/**
 * A replica may receive from another cluster as well (multi-source). That link is not ours to judge or to change: it stays on its
 * replica, as an edge without source, and the servers behind it are no members. A channel is foreign only where its replica reaches
 * a primary of this cluster by another one, or is the primary that takes writes: whoever was moved elsewhere by hand is not hidden.
 */
export function withoutForeign(topology: Topology, home: Home): Topology {
  const ours = homeOf(topology, home)
  const foreign = topology.edges.filter((edge) => isForeign(topology, edge, { ours, home }))
  if (foreign.length === 0) return topology
  const gone = behind(topology, foreign, ours)
  const members = topology.members
    .filter((m) => !gone.has(m.id))
    .map((m) => homeward(topology, m, { ours, foreign, gone }))
  const edges = topology.edges
    .filter((edge) => !gone.has(edge.replica))
    .map((edge): Edge => (foreign.includes(edge) ? { replica: edge.replica, channel: edge.channel } : edge))
  const strangers = topology.strangers.filter((s) => !isBehind(topology, s.address, { gone, foreign, home }))
  return { ...topology, members, edges, strangers }
}

interface Ours {
  /** Where the cluster is known to be led from: its primaries, or before the first reign the named roots. */
  readonly anchors: ReadonlySet<ServerId>
  readonly members: ReadonlySet<ServerId>
}

function homeOf(topology: Topology, home: Home): Ours {
  const named = topology.members.filter((m) => addressesOf(m).some((a) => isNamed(home, a)))
  const roots = named.filter((m) => !edgesOf(topology, m.id).some((e) => e.source !== undefined)).map((m) => m.id)
  const { reign } = topology
  const anchors = new Set<ServerId>(reign === undefined ? roots : [reign.primary, ...home.reigned])
  const led = topology.members.filter((m) => leads(topology, m.id, anchors)).map((m) => m.id)
  return { anchors, members: new Set([...anchors, ...named.map((m) => m.id), ...led]) }
}

const isNamed = ({ named }: Home, address: Address): boolean => named.some((n) => sameAddress(n, address))

const addressesOf = ({ sighting }: Member): readonly Address[] => [
  sighting.address,
  ...(sighting.answer?.status.aliases ?? []),
]

/** Along the channels, upwards, each server once: rings exist. */
function leads(topology: Topology, from: ServerId, anchors: ReadonlySet<ServerId>): boolean {
  const seen = new Set<ServerId>()
  const queue: ServerId[] = [from]
  for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
    if (anchors.has(id)) return true
    if (seen.has(id)) continue
    seen.add(id)
    queue.push(...edgesOf(topology, id).flatMap((e) => e.source ?? []))
  }
  return false
}

function isForeign(topology: Topology, edge: Edge, { ours, home }: { ours: Ours; home: Home }): boolean {
  const { replica, source } = edge
  if (source === undefined ? isNamed(home, edge.channel.source) : ours.members.has(source)) return false
  const others = edgesOf(topology, replica).filter((e) => e !== edge)
  if (others.some((e) => e.source !== undefined && leads(topology, e.source, ours.anchors))) return true
  const status = member(topology, replica)?.sighting.answer?.status
  return topology.reign?.primary === replica && status !== undefined && takesWrites(status.access)
}

/** Everyone who is only known through a foreign channel: its source, what that receives from, and who receives from it. */
function behind(topology: Topology, foreign: readonly Edge[], ours: Ours): ReadonlySet<ServerId> {
  const gone = new Set<ServerId>()
  const queue = foreign.flatMap((e) => e.source ?? [])
  for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
    if (gone.has(id) || ours.members.has(id)) continue
    gone.add(id)
    const near = topology.edges.filter((e) => e.replica === id || e.source === id)
    queue.push(...near.flatMap((e) => [e.replica, ...(e.source === undefined ? [] : [e.source])]))
  }
  return gone
}

interface Behind {
  readonly gone: ReadonlySet<ServerId>
  readonly foreign: readonly Edge[]
  readonly home: Home
}

/** An address that never answered, and that nobody but the other cluster names. */
function isBehind(topology: Topology, address: Address, { gone, foreign, home }: Behind): boolean {
  if (isNamed(home, address)) return false
  const naming = (m: Member): readonly Address[] => [
    ...edgesOf(topology, m.id).flatMap((e) => (foreign.includes(e) ? [] : [e.channel.source])),
    ...(m.sighting.answer?.status.attached ?? []).flatMap((a) => a.address ?? []),
  ]
  const namedBy = topology.members.filter((m) => naming(m).some((a) => sameAddress(a, address)))
  const byChannel = foreign.some((e) => sameAddress(e.channel.source, address))
  return namedBy.every((m) => gone.has(m.id)) && (byChannel || namedBy.length > 0)
}

/** Its history without the other cluster's: else it would seem ahead of the others, parted from them, or errant. */
function homeward(topology: Topology, m: Member, { ours, foreign, gone }: Parting): Member {
  const leader = topology.reign?.primary ?? onlyOne(ours.anchors)
  const primary = leader && member(topology, leader)?.sighting.answer?.status.history
  if (primary === undefined || m.id === leader || !foreign.some((e) => e.replica === m.id)) return m
  const ids = topology.members.map((each) => each.id).filter((id) => !gone.has(id))
  const part = (status: ServerStatus): ServerStatus => ({ ...status, history: homePart(status.history, primary, ids) })
  return { ...m, sighting: withStatus(m.sighting, part) }
}

function withStatus<S extends Sighting & { readonly prior?: LastAnswer }>(sighting: S, part: StatusChange): S {
  const { answer, prior, latest } = sighting
  const look: Look = latest.kind === 'answered' ? { ...latest, status: part(latest.status) } : latest
  const of = (said: LastAnswer): LastAnswer => ({ ...said, status: part(said.status) })
  return { ...sighting, latest: look, ...(answer && { answer: of(answer) }), ...(prior && { prior: of(prior) }) }
}

interface Parting {
  readonly ours: Ours
  readonly foreign: readonly Edge[]
  readonly gone: ReadonlySet<ServerId>
}

const onlyOne = (ids: ReadonlySet<ServerId>): ServerId | undefined => (ids.size === 1 ? [...ids][0] : undefined)

type StatusChange = (status: ServerStatus) => ServerStatus
