import { leaksWhenClosed } from '../../decide/fence/privileged.ts'
import { raisableTo } from '../../decide/recover/raise.ts'
import { ownWritesBeyond } from '../../model/history/own-writes.ts'
import { type Instant, instant, type RecoveryId, type ServerId } from '../../model/ids.ts'
import type { RefusalReason } from '../../model/plan.ts'
import type { Reign } from '../../model/reign.ts'
import { type ServerStatus, takesWrites } from '../../model/server.ts'
import { edgesOf, member, type Topology } from '../../model/topology.ts'
import type { HeldLease } from '../../ports/lease.ts'
import type { Books } from './books.ts'
import type { Office } from './office.ts'
import { act, type SingleKind } from './single.ts'

export interface Scene {
  readonly topology: Topology
  readonly books: Books
  readonly lease: HeldLease
}

/** What stands against a server that came back, until it follows again or is gone. */
export interface Against {
  readonly reasons: readonly RefusalReason[]
  readonly tries: number
  /** Rejoins in a row that began and did not end well. */
  readonly failures: number
  readonly notBefore: Instant
  /** As it was found by the last try. */
  readonly seen: ServerStatus | undefined
}

export type Standing = Map<ServerId, Against>

/**
 * With a healthy primary: servers that came back, or were missed when the others were led to it, follow it again, if they have
 * nothing that the present reign lacks; else they stay as they are, closed, and are reported. A wait count that had to be lowered
 * at the opening is raised again.
 */
export async function restoreOrder(office: Office, scene: Scene, standing: Standing): Promise<void> {
  const { topology } = scene
  const servers = astray(scene)
  for (const known of standing.keys()) if (!servers.includes(known)) standing.delete(known)
  for (const server of servers) {
    const known = standing.get(server)
    if (known === undefined || office.clock.now() >= known.notBefore)
      await leadBack(office, scene, { server, standing })
  }
  const primary = topology.reign?.primary
  if (primary !== undefined && raisableTo(topology) !== undefined)
    await alone(office, scene, { kind: 'raise_ackers', server: primary, because: 'enough ackers are attached again' })
}

interface Astray {
  readonly server: ServerId
  readonly standing: Standing
}

async function leadBack(office: Office, scene: Scene, { server, standing }: Astray): Promise<void> {
  const known = standing.get(server)
  const because = 'it does not follow the primary of the present reign'
  const end = await alone(office, scene, { kind: 'rejoin', server, because })
  if (end === undefined) return
  if (end.reasons.length === 0) {
    standing.delete(server)
    return
  }
  const reasons = [...end.reasons, ...(await writtenOn(office, scene, { server, known, reasons: end.reasons }))]
  if (known === undefined || textOf(known.reasons) !== textOf(reasons))
    office.tell({ kind: 'refused', cluster: office.cluster, at: office.clock.wall(), what: 'rejoin', reasons })
  const failures = end.began ? (known?.failures ?? 0) + 1 : 0
  const notBefore = instant(office.clock.now() + patienceMs(failures))
  const tries = (known?.tries ?? 0) + 1
  standing.set(server, { reasons, tries, failures, notBefore, seen: statusOf(scene, server) })
  for (const { errant } of reasons) if (errant) await recordLost(office, scene.books, errant)
}

/** The first few come as often as the books let them: most troubles of a server that has just come back pass. */
const SOON = 3
const PATIENCE_MS = 5000
const LONGEST_PATIENCE_MS = 600_000

/** Each try stands in the history: what goes on failing is tried ever more seldom. A person's command waits for none of this. */
const patienceMs = (failures: number): number =>
  failures < SOON ? 0 : Math.min(PATIENCE_MS * 2 ** (failures - SOON + 1), LONGEST_PATIENCE_MS)

/** Said once, and again when it is about something else: neither how much it is nor which try this was. */
const textOf = (reasons: readonly RefusalReason[]): string =>
  JSON.stringify(reasons.map(({ code, says, errant }) => [code, errant ? says.replaceAll(errant.gtids, '') : says]))

interface Held {
  readonly server: ServerId
  readonly known: Against | undefined
  readonly reasons: readonly RefusalReason[]
}

/**
 * What it has of its own grows although it is closed: an account writes that read-only does not hold. Where it did so from the first,
 * it is fenced once, which cuts those sessions and names them; whoever begins later may be the one who rebuilds it by hand.
 */
async function writtenOn(office: Office, scene: Scene, held: Held): Promise<readonly RefusalReason[]> {
  const { server, known, reasons } = held
  if (!known || !reasons.some((r) => r.errant) || !leaksWhenClosed(scene.topology)) return []
  const earlier = known.reasons.filter((r) => r.code === WRITTEN_ON)
  // Whoever writes now and then is told of once.
  if (earlier.length > 0 || !hasWritten(known.seen, statusOf(scene, server))) return earlier
  const generic: RefusalReason = {
    code: WRITTEN_ON,
    says: `${server} is read-only and was written to nevertheless: by an account with READ_ONLY ADMIN or SUPER`,
    tryThis: `regent fence ${server} cuts and names those sessions`,
  }
  if (known.tries > 1) return [generic]
  const because = 'it is read-only and was written to nevertheless, by an account that read-only does not hold'
  const end = await alone(office, scene, { kind: 'fence', server, because })
  return (end?.reasons ?? [generic]).map((r) => ({ ...r, code: WRITTEN_ON }))
}

const WRITTEN_ON = 'written_on'

const statusOf = ({ topology }: Scene, server: ServerId): ServerStatus | undefined => {
  const look = member(topology, server)?.sighting.latest
  return look?.kind === 'answered' ? look.status : undefined
}

const hasWritten = (before: ServerStatus | undefined, now: ServerStatus | undefined): boolean =>
  before !== undefined &&
  now !== undefined &&
  ownWritesBeyond(now.history, before.history, { uuid: now.id, numericId: now.numericId }) !== ''

interface Repair {
  readonly kind: Extract<SingleKind, 'rejoin' | 'raise_ackers' | 'fence'>
  readonly server: ServerId
  readonly because: string
}

interface Tried {
  /** Against it; none: done. */
  readonly reasons: readonly RefusalReason[]
  /** Something was changed, or was to be: it stands in the history. */
  readonly began: boolean
}

/** Undefined: it was tried a moment ago. */
async function alone(
  office: Office,
  { books, lease }: Scene,
  { kind, server, because }: Repair,
): Promise<Tried | undefined> {
  if (!books.mayTry(kind, server)) return undefined
  const end = await act(
    office,
    { kind, subject: server, subjectState: 'answers', stopped: false, automatic: true, because },
    lease,
  )
  await books.reload()
  await office.observer.lookAt([server], 'live', office.config.policy.lookDeadlineMs)
  if (end.kind === 'refused') return { reasons: end.reasons, began: false }
  if (end.kind === 'done') return { reasons: [], began: true }
  return { reasons: [{ code: 'failed', says: end.says, tryThis: `regent history ${end.id}` }], began: true }
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
