import type { Address } from '../../model/address.ts'
import { receivedWithin } from '../../model/history.ts'
import type { Epoch, RecoveryId, ServerId } from '../../model/ids.ts'
import type { Policy } from '../../model/policy.ts'
import { takesWrites } from '../../model/server.ts'
import { edgesOf } from '../../model/topology.ts'
import type { HeldLease } from '../../ports/lease.ts'
import { Ledger } from '../execute/ledger.ts'
import type { World } from '../execute/world.ts'
import type { Office } from './office.ts'

export function worldFor(
  office: Office,
  context: {
    readonly recovery: RecoveryId
    readonly lease: HeldLease
    readonly epoch: Epoch
    readonly ledger?: Ledger
    readonly policy?: Policy
  },
): World {
  return {
    cluster: office.cluster,
    recovery: context.recovery,
    policy: context.policy ?? office.config.policy,
    epoch: context.epoch,
    servers: office.servers,
    announcers: office.announcers,
    store: office.store,
    journal: office.journal,
    lease: context.lease,
    clock: office.clock,
    mayReopen: (server) => reasonAgainstReopening(office, server),
    ledger: context.ledger ?? new Ledger(),
    addressOf: async (server) => office.observer.addressOf(server) ?? lastAddressOf(office, server),
    onStep: (event) =>
      office.tell({ kind: 'step', cluster: office.cluster, at: office.clock.wall(), id: context.recovery, event }),
  }
}

/** Where an earlier process saw it last. Another server may be there by now: every change proves who answers before it is sent. */
async function lastAddressOf({ store, cluster }: Office, server: ServerId): Promise<Address | undefined> {
  const records = (await store.servers(cluster)).filter((record) => record.id === server)
  return records.sort((a, b) => b.seenAt - a.seenAt)[0]?.address
}

/**
 * Why an old primary may not be opened again by an undo, judged on fresh looks: another reign stands, another server takes writes, or
 * a replica received what it lacks. Undefined: it may.
 */
async function reasonAgainstReopening(office: Office, server: ServerId): Promise<string | undefined> {
  const { observer, store, cluster, config } = office
  await observer.lookAtAll('live', config.policy.lookDeadlineMs)
  const reign = await store.reign(cluster)
  if (reign?.primary !== server || reign.state !== 'open') return 'it is not the primary of the present reign any more'
  const { members } = observer.topology(reign)
  const answering = members.flatMap((m) =>
    m.sighting.latest.kind === 'answered' ? [{ id: m.id, status: m.sighting.latest.status }] : [],
  )
  const own = answering.find((m) => m.id === server)
  const others = answering.filter((m) => m.id !== server)
  const writing = others.filter((m) => takesWrites(m.status.access))
  if (writing.length > 0) return `${writing.map((m) => m.id).join(', ')} takes writes`
  if (!own) return 'it does not answer'
  const histories = answering.map((m) => m.status.history)
  const ahead = others.filter((m) => receivedWithin(m.status.history, own.status.history, histories) === 'no')
  return ahead.length > 0 ? `${ahead.map((m) => m.id).join(', ')} received what it lacks` : undefined
}

/** The opening has two seconds for its looks and for itself: one that is given more by the policy would never come to open. */
const RIVAL_LOOK_MS = 1000

/**
 * Judged last of all: its ackers may have been waited for, and a person who has lost patience opens another one meanwhile. Whoever
 * follows a server of this cluster is no rival, however open it is; and one that is open already is not opened. `besides`: judged
 * otherwise.
 */
export async function rivalOf(
  { observer, store, cluster, config }: Office,
  server: ServerId,
  besides: readonly ServerId[] = [],
): Promise<string | undefined> {
  await observer.lookAtAll('live', Math.min(config.policy.suspectAfterMs, RIVAL_LOOK_MS))
  const topology = observer.topology(await store.reign(cluster))
  const writing = topology.members.filter(
    ({ sighting: { latest } }) => latest.kind === 'answered' && takesWrites(latest.status.access),
  )
  const rivals = writing.filter(
    (m) => !besides.includes(m.id) && edgesOf(topology, m.id).every((e) => e.source === undefined),
  )
  if (rivals.length === 0 || writing.some((m) => m.id === server)) return undefined
  return `${rivals.map((m) => m.id).join(', ')} takes writes, and opening ${server} would make two primaries: regent fence ${rivals[0]?.id} --reason "…"`
}
