import { raisableTo } from '../../decide/recover/raise.ts'
import type { RecoveryId, ServerId } from '../../model/ids.ts'
import type { RefusalReason } from '../../model/plan.ts'
import type { Reign } from '../../model/reign.ts'
import { takesWrites } from '../../model/server.ts'
import { edgesOf, type Topology } from '../../model/topology.ts'
import type { HeldLease } from '../../ports/lease.ts'
import type { Books } from './books.ts'
import type { Office } from './office.ts'
import { act, type SingleKind } from './single.ts'

export interface Scene {
  readonly topology: Topology
  readonly books: Books
  readonly lease: HeldLease
}

/** What stands against servers that came back: by server, until they follow again or are gone. */
export type Standing = Map<ServerId, readonly RefusalReason[]>

/**
 * With a healthy primary: servers that came back, or were missed when the others were led to it, follow it again, if they have
 * nothing that the present reign lacks; else they stay as they are, closed, and are reported. A wait count that had to be lowered
 * at the opening is raised again.
 */
export async function restoreOrder(office: Office, scene: Scene, standing: Standing): Promise<void> {
  const { books, topology } = scene
  const servers = astray(scene)
  for (const known of standing.keys()) if (!servers.includes(known)) standing.delete(known)
  for (const server of servers) {
    const reasons = await alone(office, scene, {
      kind: 'rejoin',
      server,
      because: 'it does not follow the primary of the present reign',
    })
    if (reasons === undefined) continue
    if (reasons.length === 0) standing.delete(server)
    else {
      if (printed(standing.get(server)) !== printed(reasons))
        office.tell({ kind: 'refused', cluster: office.cluster, at: office.clock.wall(), what: 'rejoin', reasons })
      standing.set(server, reasons)
    }
    for (const { errant } of reasons) if (errant) await recordLost(office, books, errant)
  }
  const primary = topology.reign?.primary
  if (primary !== undefined && raisableTo(topology) !== undefined)
    await alone(office, scene, { kind: 'raise_ackers', server: primary, because: 'enough ackers are attached again' })
}

const printed = (reasons: readonly RefusalReason[] | undefined): string => JSON.stringify(reasons ?? [])

interface Repair {
  readonly kind: Extract<SingleKind, 'rejoin' | 'raise_ackers'>
  readonly server: ServerId
  readonly because: string
}

/** Reasons against it; none: done. Undefined: it was tried a moment ago. */
async function alone(
  office: Office,
  { books, lease }: Scene,
  { kind, server, because }: Repair,
): Promise<readonly RefusalReason[] | undefined> {
  if (!books.mayTry(kind, server)) return undefined
  const end = await act(
    office,
    { kind, subject: server, subjectState: 'answers', stopped: false, automatic: true, because },
    lease,
  )
  await books.reload()
  await office.observer.lookAt([server], 'live', office.config.policy.lookDeadlineMs)
  if (end.kind === 'refused') return end.reasons
  return end.kind === 'done' ? [] : [{ code: 'failed', says: end.says, tryThis: `regent history ${end.id}` }]
}

/** What nobody else has of a replaced primary is what its replacement lost: exact, now that it can be read again. */
async function recordLost(
  office: Office,
  books: Books,
  errant: { readonly server: ServerId; readonly gtids: string },
): Promise<void> {
  const id = replacing(books.reigns(), errant.server)
  const recovery = id === undefined ? undefined : await office.journal.read(id)
  if (recovery?.kind === 'failover' && recovery.state === 'done' && recovery.lost !== errant.gtids)
    await office.journal.setLost(recovery.id, errant.gtids)
}

/** The recovery that ended the last reign of a server, however many there were since: the reign after it names that. */
function replacing(reigns: readonly Reign[], server: ServerId): RecoveryId | undefined {
  const last = reigns.findLastIndex((r) => r.primary === server)
  return last < 0 ? undefined : reigns[last + 1]?.recovery
}

/** Former primaries that follow nobody or another, and replicas that still point at a former primary. */
function astray({ topology, books }: Scene): readonly ServerId[] {
  const reign = books.reign()
  const former = books.formerPrimaries()
  if (reign?.state !== 'open') return []
  return topology.members
    .filter(({ id, sighting, declared }) => {
      if (id === reign.primary || sighting.latest.kind !== 'answered' || declared.downtimed) return false
      const sources = edgesOf(topology, id).map((e) => e.source)
      if (sources.includes(reign.primary)) return former.has(id) && takesWrites(sighting.latest.status.access)
      return (
        (former.has(id) && !takesWrites(sighting.latest.status.access)) ||
        sources.some((s) => s !== undefined && former.has(s))
      )
    })
    .map((m) => m.id)
}
