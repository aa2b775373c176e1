import { type Address, printAddress } from '../../model/address.ts'
import type { ServerId } from '../../model/ids.ts'
import type { Knock } from '../../model/look.ts'
import type { Policy } from '../../model/policy.ts'
import type { Sighting } from '../../model/sighting.ts'
import type { Member, Topology } from '../../model/topology.ts'

/** All that a diagnosis is made from. */
export interface Snapshot {
  readonly topology: Topology
  readonly policy: Policy
  /** New connections to the primary's addresses, opened because of the present suspicion; older ones are not to be given. */
  readonly knocks: readonly Knock[]
  /** Addresses that answer for others, or are firewalled: a refusal there proves nothing. */
  readonly untrustedAddresses: readonly Address[]
  /** Known, and the first look at them has not ended yet. */
  readonly unlooked: readonly Address[]
  /** Out of service by configuration: nobody waits for a server that was never read there. */
  readonly downtimedAddresses: readonly Address[]
  /** Primaries of earlier reigns, without those that an operator has released from fencing. */
  readonly formerPrimaries: ReadonlySet<ServerId>
}

/**
 * How old a reading may be and still speak of now: the longest look, and two rounds. After a long pause of this process every
 * reading is older, so nothing is concluded from before the pause.
 */
export const freshForMs = (policy: Policy): number => policy.lookDeadlineMs + 2 * policy.lookEveryMs

export const isFresh = (sighting: Sighting, { topology, policy }: Snapshot): boolean =>
  topology.at - sighting.latest.at <= freshForMs(policy)

export const answersNow = (sighting: Sighting, snapshot: Snapshot): boolean =>
  sighting.latest.kind === 'answered' && isFresh(sighting, snapshot)

export const nameOf = (sighting: Sighting): string => printAddress(sighting.address)
export const nameOfMember = ({ sighting }: Member): string => nameOf(sighting)

/** Ages in whole milliseconds, relative to the snapshot: instants of one process mean nothing to another. */
export const age = (since: number, { topology }: Pick<Snapshot, 'topology'>): string =>
  `${Math.round(topology.at - since)} ms ago`
