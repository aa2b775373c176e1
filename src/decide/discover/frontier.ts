import { type Address, printAddress } from '../../model/address.ts'
import type { Sighting } from '../../model/sighting.ts'

/**
 * Addresses that servers name and nobody has looked at: the sources of their channels, and the replicas that registered with them.
 * An address is named once; from its first look on it is known, whether it ever answers or not, so one that does not resolve
 * is looked at on the normal schedule and never asked for again here.
 */
export function whomToProbe(sightings: readonly Sighting[]): readonly Address[] {
  const known = new Set(sightings.flatMap(knownAddresses).map(printAddress))
  const found = new Map<string, Address>()
  for (const address of sightings.flatMap(namedBy)) {
    const name = printAddress(address)
    if (!known.has(name) && isUsable(address)) found.set(name, address)
  }
  return [...found.values()]
}

function knownAddresses(sighting: Sighting): readonly Address[] {
  const status = sighting.answer?.status
  const admin = status?.adminPort === undefined ? [] : [{ host: sighting.address.host, port: status.adminPort }]
  return [sighting.address, ...(status?.aliases ?? []), ...admin].map(normal)
}

function namedBy(sighting: Sighting): readonly Address[] {
  const status = sighting.answer?.status
  if (status === undefined) return []
  const attached = status.attached.flatMap((replica) => (replica.address === undefined ? [] : [replica.address]))
  return [...status.channels.map((channel) => channel.source), ...attached].map(normal)
}

const normal = ({ host, port }: Address): Address => ({ host: host.toLowerCase(), port })

/** A channel that was reset keeps an empty host on some versions. */
const isUsable = ({ host, port }: Address): boolean => host !== '' && port > 0 && port <= 65_535
