import { type Address, sameAddress } from '../../model/address.ts'
import type { ServerId } from '../../model/ids.ts'
import type { Declared, Edge, Member, Topology } from '../../model/topology.ts'

export interface Remembered {
  readonly id: ServerId
  readonly address: Address
}

/**
 * Gives servers that have never answered this process the identity that an earlier one recorded: a primary that died while no Regent
 * ran still has its replicas, and can be replaced. Only for planning: what is concluded of such a server rests on its own looks.
 */
export function recognise(
  topology: Topology,
  remembered: readonly Remembered[],
  declaredAt: (address: Address) => Declared,
): Topology {
  const missing = remembered.filter((r) => !topology.members.some((m) => m.id === r.id))
  const found = missing.flatMap(({ id, address }): readonly Member[] => {
    const sighting = topology.strangers.find((s) => sameAddress(s.address, address))
    return sighting ? [{ id, sighting: { ...sighting, id }, declared: declaredAt(address) }] : []
  })
  if (found.length === 0) return topology
  const edges = topology.edges.map((edge): Edge => {
    const source = found.find((m) => sameAddress(m.sighting.address, edge.channel.source))
    return edge.source === undefined && source ? { ...edge, source: source.id } : edge
  })
  const strangers = topology.strangers.filter((s) => !found.some((m) => sameAddress(m.sighting.address, s.address)))
  return { ...topology, members: [...topology.members, ...found], edges, strangers }
}
