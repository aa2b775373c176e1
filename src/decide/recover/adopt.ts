import { printAddress } from '../../model/address.ts'
import type { ServerId } from '../../model/ids.ts'
import { type Plan, type Planned, type RefusalReason, refuse } from '../../model/plan.ts'
import { takesWrites } from '../../model/server.ts'
import { edgesOf, edgesTo, type Member, type Topology } from '../../model/topology.ts'
import { planAckers } from './ackers.ts'
import { counting, opening, sourceSide } from './gates.ts'
import { followers, type Situation } from './situation.ts'

/** Roots: servers that answer and follow nobody; or, in a ring, those that follow only servers that answer and follow them. */
export function roots(topology: Topology): readonly Member[] {
  const answering = topology.members.filter((m) => m.sighting.latest.kind === 'answered')
  const free = answering.filter((m) => edgesOf(topology, m.id).length === 0)
  const inRing = (m: Member): boolean =>
    edgesOf(topology, m.id).every(
      (e) =>
        answering.some((a) => a.id === e.source) && edgesTo(topology, m.id).some((back) => back.replica === e.source),
    )
  return free.length > 0 ? free : answering.filter(inRing)
}

/** Servers that do not answer, or whose names only are known: one of them may be the real primary. */
const away = (topology: Topology): readonly string[] =>
  [
    ...topology.members
      .filter((m) => !m.declared.downtimed && m.sighting.latest.kind !== 'answered')
      .map((m) => m.sighting),
    ...topology.strangers,
  ].map((s) => printAddress(s.address))

export interface AdoptRequest {
  readonly open: boolean
  readonly wanted?: ServerId
}

/** Whom an adoption would take; two writable servers are never chosen between. */
export function adoptable(
  topology: Topology,
  request: AdoptRequest,
): { readonly server: ServerId; readonly writable: boolean } | { readonly reasons: readonly RefusalReason[] } {
  const alias = topology.alias
  const writable = topology.members.filter(
    (m) => m.sighting.latest.kind === 'answered' && takesWrites(m.sighting.latest.status.access),
  )
  const reason = (code: string, says: string, tryThis: string) => ({ reasons: [{ code, says, tryThis }] })
  if (topology.reign)
    return reason(
      'already_adopted',
      `epoch ${topology.reign.epoch} is recorded: ${topology.reign.primary} is the primary`,
      `regent topology ${alias}`,
    )
  if (writable.length > 1)
    return reason(
      'two_writable',
      `${writable.map((m) => m.id).join(' and ')} are writable, and no reign says which is right: Regent never chooses`,
      'make all but one read-only by hand (SET GLOBAL read_only=1), then adopt again',
    )
  const only = writable[0]
  if (only) {
    if (request.wanted && request.wanted !== only.id)
      return reason('other_writable', `${only.id} is writable, not ${request.wanted}`, `regent adopt ${alias}`)
    return { server: only.id, writable: true }
  }
  const missing = away(topology)
  if (missing.length > 0 && request.open)
    return reason(
      'not_all_answer',
      `${missing.join(', ')} ${missing.length === 1 ? 'does' : 'do'} not answer: one of them may be the primary`,
      `bring them back, or regent forget <server>, then: regent adopt ${alias} --open`,
    )
  const candidates = request.wanted ? roots(topology).filter((m) => m.id === request.wanted) : roots(topology)
  const root = candidates[0]
  if (!root || candidates.length > 1)
    return reason(
      root ? 'several_roots' : 'no_root',
      root
        ? `several servers could be the primary: ${candidates.map((m) => m.id).join(', ')}`
        : 'no server that answers is the root of the topology',
      `name it: regent adopt ${alias} --open --server <host:port>`,
    )
  if (!request.open)
    return reason(
      'nobody_writable',
      `all servers are read-only; ${root.id} is the root`,
      `regent adopt ${alias} --open`,
    )
  return { server: root.id, writable: false }
}

/** Records the first reign; opens its primary only where told, and nothing but a read-only one needs that. */
export function planAdopt(situation: Situation): Planned {
  const found = followers(situation)
  const primary = situation.topology.members.find((m) => m.id === situation.subject)
  if (primary?.sighting.latest.kind !== 'answered')
    return refuse({
      code: 'primary_not_answering',
      says: `${situation.subject} does not answer`,
      tryThis: `regent topology ${situation.topology.alias}`,
    })
  const self = primary.id
  const writable = takesWrites(primary.sighting.latest.status.access)
  const ackers = planAckers(situation, primary, found)
  if (ackers.kind === 'refusal') return ackers
  const source = sourceSide(situation, self, ackers, [])
  const counted = counting(
    self,
    ackers,
    source.map((s) => s.id),
    10_000,
  )
  const gates = writable ? [] : [...source, ...counted]
  const plan: Plan = {
    version: 1,
    recovery: situation.recovery,
    cluster: situation.topology.cluster,
    kind: 'adopt',
    act: 2,
    subject: self,
    mints: { epoch: situation.nextEpoch, winner: self, semiSync: ackers.wanted },
    steps: [
      ...gates,
      ...opening(
        situation,
        self,
        gates.map((s) => s.id),
      ),
    ],
    ranking: [],
    risks: ackers.risks,
    fence: { demand: { atLeast: 'none', alsoRoutes: false }, because: 'there is no primary before the first reign' },
    because: writable
      ? 'it is the one writable server, and its replicas follow it'
      : 'it is the one root, all servers are read-only, and a person said to open it',
  }
  return { kind: 'plan', plan }
}
