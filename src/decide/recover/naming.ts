import type { ServerId } from '../../model/ids.ts'
import { edgesTo, member, type Topology } from '../../model/topology.ts'

/**
 * The channel by which a server that follows nobody shall follow `source`: named as its peers name theirs, and never one that this
 * server has already, which leads elsewhere.
 */
export function newChannelOf(topology: Topology, server: ServerId, source: ServerId): string {
  const sighting = member(topology, server)?.sighting
  const taken = (sighting?.answer?.status.channels ?? []).map((channel) => channel.name)
  const names = edgesTo(topology, source).map((edge) => edge.channel.name)
  const count = (name: string): number => names.filter((each) => each === name).length
  const usual = [...new Set(names)].sort((a, b) => count(b) - count(a) || (a < b ? -1 : 1))
  return [...usual, '', 'regent'].find((name) => !taken.includes(name)) ?? 'regent'
}
