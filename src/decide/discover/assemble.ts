import { type Address, parseAddress, printAddress } from '../../model/address.ts'
import { UNDECLARED } from '../../model/cluster.ts'
import type { ClusterId, Instant, ServerId } from '../../model/ids.ts'
import type { Reign } from '../../model/reign.ts'
import type { Channel } from '../../model/server.ts'
import type { Sighting } from '../../model/sighting.ts'
import type { Declared, Edge, Member, Topology } from '../../model/topology.ts'
import { withoutForeign } from './foreign.ts'
import { type Known, mergeById } from './merge.ts'

export interface Parts {
  readonly cluster: ClusterId
  readonly alias: string
  readonly sightings: readonly Sighting[]
  /** By printed address. */
  readonly declared: ReadonlyMap<string, Declared>
  readonly reign: Reign | undefined
  readonly at: Instant
  readonly seeds?: readonly Address[]
  /** Primaries of all reigns, as far as they are known. */
  readonly reigned?: ReadonlySet<ServerId>
}

/** Who replicates from whom, out of what each server was last seen to say. A silent server keeps its place and its edges. */
export function assemble(parts: Parts): Topology {
  const { cluster, alias, sightings, declared, reign, at } = parts
  const known = mergeById(sightings)
  const members = known.map((server) => memberOf(server, declared))
  const sourceOf = sourceFinder(known)
  const edges = known.flatMap((server) => edgesOf(server, sourceOf))
  const taken = new Set(known.flatMap((server) => server.addresses.map(key)))
  const strangers = sightings.filter((s) => s.id === undefined && !taken.has(key(s.address)))
  const whole = { cluster, alias, at, members, edges, strangers, ...(reign === undefined ? {} : { reign }) }
  const named = [...(parts.seeds ?? []), ...[...declared.keys()].flatMap((address) => parseAddress(address) ?? [])]
  return withoutForeign(whole, { named, reigned: parts.reigned ?? new Set() })
}

function memberOf({ id, sighting, addresses }: Known, declared: ReadonlyMap<string, Declared>): Member {
  const said = addresses.map((address) => declared.get(printAddress(address))).find((d) => d !== undefined)
  return { id, sighting, declared: said ?? UNDECLARED }
}

type SourceFinder = (replica: ServerId, channel: Channel) => ServerId | undefined

/**
 * A channel's address decides, first among the addresses that we use ourselves, then among those that servers report. Where it
 * names nobody, or several, the source's server_id decides if only one member has it: two servers with one server_id exist.
 * Nobody is ever its own source, whatever an address such as 127.0.0.1 seems to say.
 */
function sourceFinder(known: readonly Known[]): SourceFinder {
  return (replica, channel) => {
    const others = known.filter((server) => server.id !== replica)
    const wanted = key(channel.source)
    return (
      onlyOne(others.filter((server) => key(server.sighting.address) === wanted)) ??
      onlyOne(others.filter((server) => server.addresses.some((a) => key(a) === wanted))) ??
      onlyOne(others.filter((server) => hasNumericId(server, channel.sourceNumericId)))
    )
  }
}

const onlyOne = (servers: readonly Known[]): ServerId | undefined => (servers.length === 1 ? servers[0]?.id : undefined)

const hasNumericId = (server: Known, numericId: number): boolean =>
  numericId !== 0 && server.sighting.answer?.status.numericId === numericId

function edgesOf({ id, sighting }: Known, sourceOf: SourceFinder): readonly Edge[] {
  return (sighting.answer?.status.channels ?? []).map((channel) => {
    const source = sourceOf(id, channel)
    return source === undefined ? { replica: id, channel } : { replica: id, channel, source }
  })
}

/** Host names do not differ by case. */
const key = (address: Address): string => printAddress({ host: address.host.toLowerCase(), port: address.port })
