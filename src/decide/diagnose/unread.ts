import { type Address, printAddress, sameAddress } from '../../model/address.ts'
import type { Topology } from '../../model/topology.ts'
import { describeLook } from './fold-primary.ts'
import { age, nameOf, type Snapshot } from './snapshot.ts'

/** An address of the cluster at which this process never read a server. */
export interface Unread {
  readonly address: Address
  readonly reading: string
}

/**
 * Configured, remembered, or named by a server that answered. Whoever is there may take writes, or may have received what nobody else
 * has; and an address that was only just named is no less there than one whose first look is still under way.
 */
export function unreadAddresses(snapshot: Snapshot): readonly Unread[] {
  const { strangers } = snapshot.topology
  const unread = strangers.map((s) => ({
    address: s.address,
    reading: `${nameOf(s)}: ${describeLook(s.latest)}, ${age(s.latest.at, snapshot)}`,
  }))
  for (const address of [...snapshot.unlooked, ...named(snapshot.topology)])
    if (!unread.some((u) => sameAddress(u.address, address)))
      unread.push({ address, reading: `${printAddress(address)}: named, and not looked at yet` })
  return unread
}

/** Sources of channels and attached replicas that are no known server. Once looked at they are members, or strangers. */
function named({ members, edges }: Topology): readonly Address[] {
  const statuses = members.flatMap((m) => (m.sighting.answer ? [m.sighting.answer.status] : []))
  const sources = edges
    .filter((e) => e.source === undefined && e.channel.source.host !== '')
    .map((e) => e.channel.source)
  const attached = statuses.flatMap((status) => status.attached)
  const strange = attached.filter(({ numericId }) => !statuses.some((status) => status.numericId === numericId))
  return [...sources, ...strange.flatMap(({ address }) => address ?? [])]
}
