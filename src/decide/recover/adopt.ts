import { printAddress } from '../../model/address.ts'
import type { ServerId } from '../../model/ids.ts'
import { type Plan, type Planned, type RefusalReason, refuse } from '../../model/plan.ts'
import { takesWrites } from '../../model/server.ts'
import type { Step } from '../../model/step.ts'
import { edgesOf, edgesTo, type Member, member, type Topology } from '../../model/topology.ts'
import { planAckers } from './ackers.ts'
import { withdrawals } from './fencing.ts'
import { counting, opening, sourceSide } from './gates.ts'
import {
  againstHistory,
  againstReplacing,
  againstRoot,
  type FormerReading,
  type OverReign,
  overReignRisks,
} from './over-reign.ts'
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
      // Of the reign that is replaced: that it does not answer is why.
      .filter((m) => !m.declared.downtimed && m.sighting.latest.kind !== 'answered' && m.id !== topology.reign?.primary)
      .map((m) => m.sighting),
    ...topology.strangers,
  ].map((s) => printAddress(s.address))

export interface AdoptRequest extends OverReign {
  readonly open: boolean
  readonly wanted?: ServerId
  readonly former?: FormerReading
}

interface Chosen {
  readonly server: ServerId
  readonly writable: boolean
}
interface Denied {
  readonly reasons: readonly RefusalReason[]
}

const denied = (code: string, says: string, tryThis: string): Denied => ({ reasons: [{ code, says, tryThis }] })

/** Whom an adoption would take; two writable servers are never chosen between. */
export function adoptable(topology: Topology, request: AdoptRequest): Chosen | Denied {
  const alias = topology.alias
  const writable = topology.members.filter(
    (m) => m.sighting.latest.kind === 'answered' && takesWrites(m.sighting.latest.status.access),
  )
  const reigning = againstReplacing(topology, request)
  if (reigning) return { reasons: [reigning] }
  if (writable.length > 1)
    return denied(
      'two_writable',
      `${writable.map((m) => m.id).join(' and ')} are writable, and no reign says which is right: Regent never chooses`,
      'make all but one read-only by hand (SET GLOBAL read_only=1), then adopt again',
    )
  const missing = away(topology)
  const only = writable[0]
  if (missing.length > 0 && (topology.reign ? true : request.open && !only))
    return denied(
      'not_all_answer',
      `${missing.join(', ')} ${missing.length === 1 ? 'does' : 'do'} not answer: one of them may be the primary`,
      `bring them back, or regent forget <server>, then: regent adopt ${alias} --open${topology.reign ? ' --over-reign --reason "…"' : ''}`,
    )
  const chosen = only ? theWritable(only, request, alias) : theRoot(topology, request)
  return 'reasons' in chosen ? chosen : acrossReign(topology, request, chosen)
}

const theWritable = (only: Member, { wanted }: AdoptRequest, alias: string): Chosen | Denied =>
  wanted && wanted !== only.id
    ? denied('other_writable', `${only.id} is writable, not ${wanted}`, `regent adopt ${alias}`)
    : { server: only.id, writable: true }

function theRoot(topology: Topology, request: AdoptRequest): Chosen | Denied {
  const { alias } = topology
  const candidates = request.wanted ? roots(topology).filter((m) => m.id === request.wanted) : roots(topology)
  const root = candidates[0]
  if (!root || candidates.length > 1)
    return denied(
      root ? 'several_roots' : 'no_root',
      root
        ? `several servers could be the primary: ${candidates.map((m) => m.id).join(', ')}`
        : 'no server that answers is the root of the topology',
      `name it: regent adopt ${alias} --open --server <host:port>`,
    )
  if (!request.open)
    return denied(
      'nobody_writable',
      `all servers are read-only; ${root.id} is the root`,
      `regent adopt ${alias} --open`,
    )
  return { server: root.id, writable: false }
}

/** Where a reign is recorded, more is asked of whoever takes its place. */
function acrossReign(topology: Topology, { former, overHistory }: AdoptRequest, chosen: Chosen): Chosen | Denied {
  const found = member(topology, chosen.server)
  if (!topology.reign || !found) return chosen
  const isRoot = roots(topology).some((m) => m.id === found.id)
  const compared = { writable: chosen.writable, ...(former ? { former } : {}) }
  const reasons = [
    againstRoot(topology, found, isRoot),
    overHistory ? undefined : againstHistory(topology, found, compared),
  ].filter((r) => r !== undefined)
  return reasons.length > 0 ? { reasons } : chosen
}

/** Records a reign, the first one or over one that nobody holds; opens its primary only where told, and only a read-only one needs that. */
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
  const rival = rivalOf(situation)
  if (rival && !writable) return refuse(rival)
  const ackers = planAckers(situation, primary, found)
  if (ackers.kind === 'refusal') return ackers
  const source = sourceSide(situation, self, ackers, [])
  const counted = counting(
    self,
    ackers,
    source.map((s) => s.id),
    10_000,
  )
  const gates = writable ? [] : [...withdrawalsBefore(situation), ...source, ...counted]
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
    risks: [...overReignRisks(situation), ...ackers.risks],
    fence: {
      demand: { atLeast: 'none', alsoRoutes: false },
      because: situation.topology.reign
        ? 'nobody who could be fenced holds the reign that is replaced'
        : 'there is no primary before the first reign',
    },
    because: writable
      ? 'it is the one writable server, and its replicas follow it'
      : 'it is the one root, all servers are read-only, and a person said to open it',
  }
  return { kind: 'plan', plan }
}

/** Also where a minted one is gone on with after a crash: whoever it was chosen over may have come back open since. */
function rivalOf({ topology, subject }: Situation): RefusalReason | undefined {
  const rival = topology.members.find(
    (m) => m.id !== subject && m.sighting.latest.kind === 'answered' && takesWrites(m.sighting.latest.status.access),
  )
  return (
    rival && {
      code: 'other_writable',
      says: `${rival.id} takes writes: opening ${subject} would make two primaries`,
      tryThis: `regent fence ${rival.id}`,
    }
  )
}

/** Over a reign: routes may still lead to the primary that it had, or was to have. Before the first one they lead nowhere. */
function withdrawalsBefore(situation: Situation): readonly Step[] {
  const { topology, recovery, formerPrimaries } = situation
  const first = topology.reign === undefined || (topology.reign.recovery === recovery && formerPrimaries.length === 0)
  if (first) return []
  return withdrawals(situation)
}
