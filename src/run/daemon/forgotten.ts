import { type Address, printAddress } from '../../model/address.ts'
import type { Instant, ServerId } from '../../model/ids.ts'
import type { Look } from '../../model/look.ts'
import type { Sighting } from '../../model/sighting.ts'

interface Entry {
  readonly addresses: ReadonlyMap<string, Address>
  readonly id: ServerId | undefined
  readonly numericId: number | undefined
  readonly since: Instant
}

/**
 * What an operator told Regent to forget. It stays forgotten until this process ends, or until a server that is known names it again
 * (as attached, or as the source of its channel) and it answers: a look that was under way, a seed, or a dead server that its
 * source still lists brings nothing back.
 */
export class Forgotten {
  readonly #entries = new Set<Entry>()

  /** `sightings`: all that are known of this one server. */
  add(sightings: readonly Sighting[], since: Instant): void {
    const statuses = sightings.flatMap(({ answer }) => (answer ? [answer.status] : []))
    const addresses = [...sightings.map((s) => s.address), ...statuses.flatMap((status) => status.aliases)]
    this.#entries.add({
      addresses: new Map(addresses.map((address) => [key(address), address])),
      id: sightings.find((s) => s.id !== undefined)?.id,
      numericId: statuses[0]?.numericId,
      since,
    })
  }

  has(address: Address): boolean {
    return [...this.#entries].some((entry) => entry.addresses.has(key(address)))
  }

  /** Addresses that the servers that are known name again: they are looked at, and only an answer brings them back. */
  namedBy(known: readonly Sighting[]): readonly Address[] {
    return [...this.#entries].flatMap((entry) => (isNamed(entry, known) ? [...entry.addresses.values()] : []))
  }

  /** Whether this look must be dropped; the one that brings a server back ends its being forgotten. */
  drops(address: Address, look: Look, known: readonly Sighting[]): boolean {
    const id = look.kind === 'answered' ? look.status.id : undefined
    const entry = [...this.#entries].find(
      (each) => each.addresses.has(key(address)) || (id !== undefined && each.id === id),
    )
    if (entry === undefined) return false
    if (id === undefined || look.sentAt < entry.since || !isNamed(entry, known)) return true
    this.#entries.delete(entry)
    return false
  }
}

const key = ({ host, port }: Address): string => printAddress({ host: host.toLowerCase(), port })

/** By answers from after it was forgotten: what a server said before says nothing about now. */
function isNamed({ addresses, numericId, since }: Entry, known: readonly Sighting[]): boolean {
  return known.some(({ answer }) => {
    if (answer === undefined || answer.sentAt < since) return false
    const { attached, channels } = answer.status
    return (
      attached.some((a) => a.numericId === numericId || (a.address && addresses.has(key(a.address)))) ||
      channels.some((channel) => addresses.has(key(channel.source)))
    )
  })
}
