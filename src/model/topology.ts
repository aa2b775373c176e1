import type { ClusterId, Instant, ServerId } from './ids.ts'
import type { Preference } from './policy.ts'
import type { Reign } from './reign.ts'
import type { Channel } from './server.ts'
import type { Sighting } from './sighting.ts'

/** What the config says of one server, by address; defaults where it says nothing. */
export interface Declared {
  readonly site: string
  readonly preference: Preference
  readonly downtimed: boolean
}

export interface Member {
  readonly id: ServerId
  readonly sighting: Sighting
  readonly declared: Declared
}

/** A channel as an edge. `source` is absent where the channel's address belongs to no known server. */
export interface Edge {
  readonly replica: ServerId
  readonly channel: Channel
  readonly source?: ServerId
}

/** Who replicates from whom, at one instant, of one cluster. */
export interface Topology {
  readonly cluster: ClusterId
  readonly alias: string
  readonly at: Instant
  readonly members: readonly Member[]
  /** From each member's last answer, be it old: a silent replica keeps its edge. */
  readonly edges: readonly Edge[]
  /** Addresses known (seeds, hearsay) that have never answered, so they have no identity yet. */
  readonly strangers: readonly Sighting[]
  readonly reign?: Reign
}

export const member = (topology: Topology, id: ServerId): Member | undefined =>
  topology.members.find((m) => m.id === id)
export const edgesTo = (topology: Topology, source: ServerId): readonly Edge[] =>
  topology.edges.filter((e) => e.source === source)
export const edgesOf = (topology: Topology, replica: ServerId): readonly Edge[] =>
  topology.edges.filter((e) => e.replica === replica)
