import { lossRisks } from '../../decide/recover/opening.ts'
import { addressesOf, type Opening, type Predecessor, type Settled } from '../../decide/recover/situation.ts'
import { type Address, sameAddress } from '../../model/address.ts'
import { type Epoch, epoch, type ServerId } from '../../model/ids.ts'
import type { Reign } from '../../model/reign.ts'
import type { ServerStatus } from '../../model/server.ts'
import { edgesTo, member, type Topology } from '../../model/topology.ts'
import type { RecoveryRecord } from '../../ports/journal.ts'
import type { Office } from './office.ts'

/** How long a route may take to say which epoch it knows. */
const READ_ROUTE_MS = 1000
/** A kernel refuses at once; a host that is gone says nothing. */
const KNOCK_MS = 300

/** The last reign that was open, of those before the present one. Clients were promised something by it, and by none after it. */
export const lastOpenBefore = (reigns: readonly Reign[], present: Reign): Reign | undefined =>
  reigns
    .filter((r) => r.state === 'open' && r.epoch < present.epoch)
    .reduce<Reign | undefined>((last, r) => (last === undefined || r.epoch > last.epoch ? r : last), undefined)

/** Above every message of the reigns before this one, below each of its own. */
export const epochBefore = (reigns: readonly Reign[], { epoch: present }: Reign): Epoch =>
  epoch(Math.max(0, ...reigns.map((r) => r.epoch as number).filter((e) => e < present)))

interface Asking {
  readonly reign: Reign
  readonly reigns: readonly Reign[]
  readonly topology: Topology
  readonly subject: ServerId
  readonly unannounced: boolean
}

/** What a plan must know beside the snapshot while the present reign is only being opened. */
export async function openingOf(office: Office, asking: Asking): Promise<Opening> {
  const { reign, reigns, topology, subject } = asking
  const last = lastOpenBefore(reigns, reign)
  const since = last ? reigns.filter((r) => r.epoch >= last.epoch && r.epoch < reign.epoch) : []
  const ids = [...new Set(since.map((r) => r.primary))].filter((id) => id !== subject)
  const [predecessors, record] = await Promise.all([
    Promise.all(ids.map((id) => foundNow(office, topology, id))),
    reign.recovery === undefined ? undefined : office.journal.read(reign.recovery),
  ])
  const settled = record && settledBy(record)
  return {
    predecessors,
    ...(settled ? { settled } : {}),
    ...(asking.unannounced && last ? { unannounced: epochBefore(reigns, reign) } : {}),
  }
}

/** One whose end is not on record may have been the most advanced of all: then nothing is known to have been settled. */
export function settledBy({ id, plans, steps }: RecoveryRecord): Settled | undefined {
  const second = plans.findLast((p) => p.act === 2 && p.mints !== undefined)
  const seals = plans.filter((p) => p.act === 1).flatMap((p) => p.steps.filter((s) => s.kind === 'seal'))
  const sealed = new Map<ServerId, ServerStatus>()
  for (const seal of seals) {
    const outcome = steps.find((s) => s.key === `1/${seal.id}`)?.record?.outcome
    if (outcome === undefined) return undefined
    if (outcome.kind === 'done' && outcome.reading) sealed.set(seal.server, outcome.reading)
  }
  return second && { recovery: id, says: second.because, risks: lossRisks(second), sealed }
}

/** One that denies us lives, and cannot be closed by us: only routes keep clients from it, as from a silent one. */
export async function foundNow(office: Office, topology: Topology, server: ServerId): Promise<Predecessor> {
  const sighting = member(topology, server)?.sighting
  if (!sighting) return { server, state: 'silent', stopped: false, addresses: [] }
  const { latest } = sighting
  const addresses = addressesOf(sighting.address, sighting.answer?.status ?? (await storedStatus(office, server)))
  const state = latest.kind === 'answered' ? 'answers' : latest.kind === 'refused' ? 'refused' : 'silent'
  const heard = edgesTo(topology, server).some(
    (e) => e.channel.receiver === 'running' && member(topology, e.replica)?.sighting.latest.kind === 'answered',
  )
  const stopped = state === 'refused' && !heard && (await refusedAt(office, addresses))
  return { server, state, stopped, addresses }
}

async function storedStatus({ store, cluster }: Office, server: ServerId): Promise<ServerStatus | undefined> {
  return (await store.readings(cluster)).find((r) => r.server === server)?.status
}

/** Connections opened now. An address that answers for others proves nothing by a refusal. */
export async function refusedAt({ servers, config }: Office, addresses: readonly Address[]): Promise<boolean> {
  if (addresses.length === 0) return false
  if (addresses.some((a) => config.untrustedAddresses.some((other) => sameAddress(a, other)))) return false
  const knocks = await servers.knock(addresses, KNOCK_MS)
  return addresses.every((a) => knocks.some((k) => sameAddress(k.address, a) && k.outcome === 'refused'))
}

/**
 * Routes that cannot be shown never to have been told of this epoch. One that has forgotten what it was told shows nothing, and neither
 * does one that was withdrawn in this very epoch.
 */
export async function routesMaybeTold({ announcers, clock }: Office, minted: Epoch): Promise<readonly string[]> {
  const told = await Promise.all(
    [...announcers.values()].map(async (announcer) => {
      using deadline = clock.deadline(READ_ROUTE_MS)
      const reading = await announcer.read(deadline.signal)
      return reading.kind === 'known' && reading.message.epoch < minted ? [] : [announcer.name]
    }),
  )
  return told.flat()
}
