import { type History, receivedWithin } from '../../model/history.ts'
import type { ServerId } from '../../model/ids.ts'
import type { RefusalReason, Risk } from '../../model/plan.ts'
import type { Reign } from '../../model/reign.ts'
import { edgesOf, edgesTo, type Member, member, type Topology } from '../../model/topology.ts'
import type { Situation } from './situation.ts'

export interface OverReign {
  readonly overReign?: boolean
  /** The minted winner of a reign that is only being opened is given up. */
  readonly abandon?: boolean
  readonly overHistory?: boolean
}

/** What the store last read of the reign's primary, or of the last one that was open. */
export interface FormerReading {
  readonly server: ServerId
  readonly history: History
}

const wayOver = (alias: string, reign: Reign): string =>
  `regent adopt ${alias} --open --over-reign${reign.state === 'opening' ? ' --abandon' : ''} --reason "…"`

/**
 * Why an adoption may not take the place of the recorded reign, whatever is accepted. Only one that nobody holds is replaced: its
 * primary is at no known address, or it was never known to be open and its winner does not answer.
 */
export function againstReplacing(topology: Topology, asked: OverReign): RefusalReason | undefined {
  const { reign, alias } = topology
  if (!reign) return undefined
  const holder = member(topology, reign.primary)
  const recorded = `epoch ${reign.epoch} is recorded: ${reign.primary} is the primary`
  const refused = (says: string, tryThis: string): RefusalReason => ({ code: 'already_adopted', says, tryThis })
  if (holder?.sighting.latest.kind === 'answered') return refused(recorded, `regent topology ${alias}`)
  if (holder && reign.state === 'open')
    return refused(
      `${recorded}, and does not answer`,
      edgesTo(topology, reign.primary).length > 0
        ? `regent diagnose ${alias}; where it is dead: regent failover ${alias}`
        : 'bring it back; or open another for a time: regent unfence <host:port> --over-reign --reason "…" --for 10m',
    )
  if (reign.state === 'opening' && !asked.abandon)
    return {
      code: 'waits_for_winner',
      says: `epoch ${reign.epoch} is minted for ${reign.primary}, which does not answer, and may be open and written to`,
      tryThis: `bring it back, or give it up: regent failover ${alias} --abandon --reason "…", or: ${wayOver(alias, reign)}`,
    }
  if (asked.overReign) return undefined
  return refused(
    holder
      ? `epoch ${reign.epoch} is minted for ${reign.primary}, which does not answer`
      : `${recorded}, and no known address belongs to it: a server whose identity has changed is a new one`,
    wayOver(alias, reign),
  )
}

/** Whoever does not follow the one that is chosen would be left behind, or is the better one. */
export function againstRoot(topology: Topology, root: Member, isRoot: boolean): RefusalReason | undefined {
  const { reign, alias } = topology
  if (!reign) return undefined
  if (!isRoot)
    return {
      code: 'not_the_root',
      says: `${root.id} is not the one root: it follows another server, or others follow nobody`,
      tryThis: `make it read-only (regent fence ${root.id}), and see who follows whom: regent topology ${alias}`,
    }
  // The replicas of a winner that is given up may follow that one already, or be sealed: they are led back afterwards.
  if (reign.state === 'opening') return undefined
  const astray = topology.members.filter(
    (m) => m.id !== root.id && !m.declared.downtimed && !leadsTo(topology, m, root),
  )
  if (astray.length === 0) return undefined
  const names = astray.map((m) => m.id).join(', ')
  return {
    code: 'not_followed',
    says: `${names} ${astray.length === 1 ? 'does' : 'do'} not follow ${root.id}`,
    tryThis: `point ${names} to ${root.id} by hand, or regent forget <server>, then: ${wayOver(alias, reign)}`,
  }
}

function leadsTo(topology: Topology, from: Member, root: Member): boolean {
  const seen = new Set<ServerId>()
  const next: ServerId[] = [from.id]
  for (let id = next.pop(); id !== undefined; id = next.pop()) {
    if (id === root.id) return true
    if (seen.has(id)) continue
    seen.add(id)
    next.push(...edgesOf(topology, id).flatMap((e) => (e.source === undefined ? [] : [e.source])))
  }
  return false
}

/**
 * A restored or emptied directory behind the same address looks like the primary under a new identity. Replicas are compared only with
 * one that is closed: one that takes writes goes on between two looks, and nothing is opened there.
 */
export function againstHistory(
  topology: Topology,
  { id, sighting }: Member,
  compared: { readonly writable: boolean; readonly former?: FormerReading },
): RefusalReason | undefined {
  const { reign, alias } = topology
  if (!reign || sighting.latest.kind !== 'answered') return undefined
  const own = sighting.latest.status.history
  const histories = topology.members.flatMap((m) => (m.sighting.answer ? [m.sighting.answer.status.history] : []))
  const { former, writable } = compared
  const known = former ? [...histories, former.history] : histories
  const others = topology.members.flatMap((m) =>
    m.id !== id && !writable && m.sighting.latest.kind === 'answered'
      ? [{ server: m.id, history: m.sighting.latest.status.history }]
      : [],
  )
  const ahead = [...others, ...(former ? [former] : [])].filter((o) => receivedWithin(o.history, own, known) !== 'yes')
  if (ahead.length === 0) return undefined
  const names = [...new Set(ahead.map((o) => o.server))].join(', ')
  return {
    code: 'gtids_reused',
    says: `${names} may have had what ${id} lacks: ${id} would give the GTIDs of those transactions to new writes, and replicas would skip these silently`,
    tryThis: `compare: regent topology ${alias}; at the price of what it lacks: ${wayOver(alias, reign)} --over-history`,
  }
}

/** What a person accepts by replacing a reign; none where the reign is this recovery's own, gone on with. */
export function overReignRisks({ topology, recovery, subject, overHistory }: Situation): readonly Risk[] {
  const { reign } = topology
  if (!reign || reign.recovery === recovery) return []
  const replaced: Risk =
    reign.state === 'opening'
      ? {
          code: 'winner_unseen',
          says: `${reign.primary}, for which epoch ${reign.epoch} was minted, does not answer, and may have been opened and written to: ${subject} lacks what it acknowledged, and both may take writes until it can be fenced`,
        }
      : {
          code: 'over_reign',
          says: `epoch ${reign.epoch} of ${reign.primary} ends: should that server still run at an address that is not known here, two take writes`,
        }
  if (!overHistory) return [replaced]
  return [
    replaced,
    {
      code: 'gtids_reused',
      says: `what others had and ${subject} lacks is lost: its GTIDs are given to new writes, which those that have it skip silently`,
    },
  ]
}
