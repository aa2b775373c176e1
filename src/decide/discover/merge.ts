import { type Address, printAddress, sameAddress } from '../../model/address.ts'
import type { ServerId } from '../../model/ids.ts'
import type { Sighting } from '../../model/sighting.ts'

/** A sighting of a server that has an identity, with every address under which it was seen. */
export interface Known {
  readonly id: ServerId
  readonly sighting: Sighting
  readonly addresses: readonly Address[]
}

/** One server seen under several addresses is one server: the sighting that answers speaks for it, the other addresses become aliases. */
export function mergeById(sightings: readonly Sighting[]): readonly Known[] {
  const groups = new Map<ServerId, Sighting[]>()
  for (const sighting of sightings) {
    if (sighting.id === undefined) continue
    groups.set(sighting.id, [...(groups.get(sighting.id) ?? []), sighting])
  }
  return [...groups].flatMap(([id, group]) => {
    const best = group.reduce(better)
    const addresses = group.map((s) => s.address)
    return [{ id, sighting: withAliases(best, addresses), addresses: allAddresses(best, addresses) }]
  })
}

/** Who answers now before who answered last; a tie is settled by name, so that the choice does not flap. */
function better(a: Sighting, b: Sighting): Sighting {
  const answers = (s: Sighting): boolean => s.latest.kind === 'answered'
  if (answers(a) !== answers(b)) return answers(a) ? a : b
  if (!answers(a) && a.answer?.at !== b.answer?.at) return (a.answer?.at ?? 0) > (b.answer?.at ?? 0) ? a : b
  return printAddress(a.address) <= printAddress(b.address) ? a : b
}

function withAliases(sighting: Sighting, addresses: readonly Address[]): Sighting {
  const { answer } = sighting
  if (answer === undefined) return sighting
  const known = [sighting.address, ...answer.status.aliases]
  const further = addresses.filter((a) => !known.some((k) => sameAddress(a, k)))
  if (further.length === 0) return sighting
  return {
    ...sighting,
    answer: { ...answer, status: { ...answer.status, aliases: [...answer.status.aliases, ...further] } },
  }
}

function allAddresses(sighting: Sighting, addresses: readonly Address[]): readonly Address[] {
  const status = sighting.answer?.status
  const admin =
    status?.adminPort === undefined ? [] : addresses.map(({ host }) => ({ host, port: status.adminPort ?? 0 }))
  return [...addresses, ...(status?.aliases ?? []), ...admin]
}
