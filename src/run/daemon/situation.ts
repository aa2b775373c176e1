import { recognise } from '../../decide/discover/recognise.ts'
import type { SubjectState } from '../../decide/fence/proof.ts'
import type { PrimaryReading, Situation } from '../../decide/recover/situation.ts'
import { type Address, printAddress } from '../../model/address.ts'
import { UNDECLARED } from '../../model/cluster.ts'
import { type Epoch, epoch, type Instant, instant, type RecoveryId, type ServerId } from '../../model/ids.ts'
import type { Policy } from '../../model/policy.ts'
import type { Reign } from '../../model/reign.ts'
import type { Topology } from '../../model/topology.ts'
import type { Announcer } from '../../ports/announcers.ts'
import type { Office } from './office.ts'
import { lastOpenBefore, openingOf } from './opening.ts'

/** How long a route may take to say which epoch it knows. */
const READ_ROUTE_MS = 1000

export interface Asked {
  readonly subject: ServerId
  readonly subjectState: SubjectState
  readonly stopped: boolean
  readonly automatic: boolean
  readonly wanted?: ServerId
  readonly policy?: Policy
  /** Its history went backwards, as diagnosis found. */
  readonly unsound?: boolean
  readonly overReign?: boolean
  readonly overHistory?: boolean
  /** Of a reign that is only being opened: every route was read back, and none was told of it. */
  readonly unannounced?: boolean
}

/** As it is seen now; servers that never answered this process have the identity that an earlier one recorded. */
export async function recognised(office: Office, reign: Reign | undefined): Promise<Topology> {
  const { store, cluster, observer, config } = office
  const declaredAt = (address: Address) => config.servers.get(printAddress(address)) ?? UNDECLARED
  return recognise(observer.topology(reign), await store.servers(cluster), declaredAt)
}

/** One snapshot for the planners. The last reading of the subject is our own, or else the one in the store. */
export async function situationFor(office: Office, asked: Asked, recovery: RecoveryId): Promise<Situation> {
  const { store, cluster, config } = office
  const [reign, reigns] = await Promise.all([store.reign(cluster), store.reigns(cluster)])
  const topology = await recognised(office, reign)
  // While a reign is only being opened, what clients were promised was promised by the last one that was open.
  // The recovery that minted it may be continued after the reign was recorded as open: whom it has to fence is still the same.
  const opening = reign?.state === 'opening' || reign?.recovery === recovery ? reign : undefined
  const lastOpen = opening && lastOpenBefore(reigns, opening)?.primary
  const lastReading = await lastReadingOf(office, lastOpen ?? asked.subject)
  return {
    topology,
    policy: asked.policy ?? config.policy,
    routes: [...office.announcers.keys()],
    routeDeadlineMs: Object.fromEntries(config.routes.map((r) => [r.name, r.kind === 'command' ? r.deadlineMs : 0])),
    recovery,
    nextEpoch: await nextEpoch(office, reigns),
    subject: asked.subject,
    subjectState: asked.subjectState,
    stopped: asked.stopped,
    automatic: asked.automatic,
    unusableAckers: [],
    unsound: asked.unsound ?? false,
    overReign: asked.overReign ?? false,
    overHistory: asked.overHistory ?? false,
    formerPrimaries: opening ? reigns.filter((r) => r.epoch < opening.epoch).map((r) => r.primary) : [],
    ...(opening
      ? {
          opening: await openingOf(office, {
            ...{ reign: opening, reigns, topology, subject: asked.subject },
            unannounced: asked.unannounced ?? false,
          }),
        }
      : {}),
    ...(lastReading ? { lastReading } : {}),
    ...(asked.wanted ? { wanted: asked.wanted } : {}),
  }
}

/**
 * The same cluster, as it is seen now. The store is not asked again: reigns and epochs are written by recoveries alone, this one is
 * the one that is open, and the intent compares its epoch with the store once more. The subject's reading stays the one from before
 * act 1: a living primary goes on answering, and what it says since the seal would prove nothing of what it acknowledged.
 */
export async function seenAgain(office: Office, before: Situation): Promise<Situation> {
  const lastReading = before.lastReading ?? (await lastReadingOf(office, before.subject))
  // Whoever has an identity in the snapshot from before keeps it, also a primary that never answered this process.
  const known = before.topology.members.map((m) => ({ id: m.id, address: m.sighting.address }))
  const declaredAt = (address: Address) => office.config.servers.get(printAddress(address)) ?? UNDECLARED
  const topology = recognise(office.observer.topology(before.topology.reign), known, declaredAt)
  return { ...before, topology, ...(lastReading ? { lastReading } : {}) }
}

/** Above every epoch that the store or, for a first reign, any route has ever seen: late messages of a lost store stay the older ones. */
async function nextEpoch(office: Office, reigns: readonly Reign[]): Promise<Epoch> {
  const known = reigns.map((r) => r.epoch as number)
  const told =
    reigns.length > 0 ? [] : await Promise.all([...office.announcers.values()].map((a) => epochOf(office, a)))
  return epoch(Math.max(0, ...known, ...told) + 1)
}

async function epochOf(office: Office, announcer: Announcer): Promise<number> {
  using deadline = office.clock.deadline(READ_ROUTE_MS)
  const reading = await announcer.read(deadline.signal)
  if (reading.kind === 'known') return reading.message.epoch
  return reading.kind === 'empty' ? (reading.refusesBelow?.epoch ?? 0) : 0
}

async function lastReadingOf(office: Office, subject: ServerId): Promise<PrimaryReading | undefined> {
  const sighting = office.observer.sightingOf(subject)
  const answer = sighting?.answer
  if (answer) {
    const until = sighting.troubleSince ?? office.clock.now()
    const ageOf = (sentAt: Instant): number => Math.max(0, until - sentAt)
    const earlier = office.observer
      .pastReadings(subject)
      .map(({ history, sentAt }) => ({ history, ageMs: ageOf(sentAt) }))
    return { status: answer.status, ageMs: ageOf(answer.sentAt), at: answer.at, earlier }
  }
  const stored = (await office.store.readings(office.cluster)).find((r) => r.server === subject)
  if (!stored) return undefined
  // It grows no older while it is thought about: whatever it showed of life ended before the first look that it did not answer.
  const silentMs = sighting?.troubleSince === undefined ? 0 : office.clock.now() - sighting.troubleSince
  const agoMs = office.clock.wall() - stored.at
  const at = instant(office.clock.now() - agoMs)
  return { status: stored.status, ageMs: Math.max(0, agoMs - silentMs), at, earlier: [] }
}
