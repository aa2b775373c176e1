import type { Diagnosis } from '../../model/diagnosis.ts'
import type { ServerId } from '../../model/ids.ts'
import { takesWrites } from '../../model/server.ts'
import { edgesOf, type Topology } from '../../model/topology.ts'
import type { HeldLease } from '../../ports/lease.ts'
import type { Books } from './books.ts'
import type { Office } from './office.ts'
import { act } from './single.ts'

export interface Scene {
  readonly topology: Topology
  readonly diagnosis: Diagnosis
  readonly books: Books
  readonly lease: HeldLease
}

/**
 * With a healthy primary: servers that came back, or were missed when the others were led to it, follow it again, if they have
 * nothing that the present reign lacks; else they stay as they are, closed, and are reported.
 */
export async function restoreOrder(office: Office, scene: Scene): Promise<void> {
  for (const server of astray(scene)) {
    if (!scene.books.mayTry('rejoin', server)) continue
    const order = {
      kind: 'rejoin',
      subject: server,
      subjectState: 'answers',
      stopped: false,
      automatic: true,
      because: 'it does not follow the primary of the present reign',
    } as const
    await act(office, order, scene.lease)
    await scene.books.reload()
    await office.observer.lookAt([server], 'live', office.config.policy.lookDeadlineMs)
  }
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
