import { ownWritesBeyond, withoutOwnWrites } from '../../model/history/own-writes.ts'
import { compareReceived, drained, errant, type History } from '../../model/history.ts'
import type { ServerId } from '../../model/ids.ts'
import type { Ranked } from '../../model/plan.ts'
import type { Preference } from '../../model/policy.ts'
import { compareVersions } from '../../model/version.ts'
import { type Follower, knownHistories, receivesFromOutside, type Situation } from './situation.ts'

export interface Ranking {
  /** Best first; the eligible ones, then the others with the reasons against them. */
  readonly ranked: readonly Ranked[]
  readonly winner?: Follower
  /** Whoever received most, eligible or not. Equal to the winner where that one has all. */
  readonly mostAdvanced?: Follower
  /** Two followers whose received histories parted or cannot be compared: nobody may be chosen. */
  readonly parted?: { readonly a: ServerId; readonly b: ServerId; readonly relation: 'diverged' | 'unprovable' }
}

/** Ranked by what was received (not applied), then policy, site, version, durability, what is applied, and the name, so that the choice is repeatable. */
export function rank(situation: Situation, candidates: readonly Follower[]): Ranking {
  const errant = (c: Follower): string => errantOf(situation, c)
  const sound = candidates.filter((c) => errant(c) === '')
  const context = [...candidates.map((c) => c.status.history), ...knownHistories(situation)]
  const parted = firstParted(sound, context)
  const judged = candidates.map((c) => ({ candidate: c, against: objections(situation, c) }))
  const eligible = judged.filter((j) => j.against.length === 0).map((j) => j.candidate)
  const order = (a: Follower, b: Follower): number => byRank(situation, context, a, b)
  const best = [...eligible].sort(order)
  const winner = best[0]
  const mostAdvanced = [...sound].sort((a, b) => moreReceived(a, b, context) || preferTheWinner(a, b, winner))[0]
  const ranked: readonly Ranked[] = [
    ...best.map((c, i) => ({ server: c.id, eligible: true, reasons: reasonsFor(situation, c, best[i + 1], context) })),
    ...judged
      .filter((j) => j.against.length > 0)
      .map((j) => ({ server: j.candidate.id, eligible: false, reasons: j.against })),
  ]
  return {
    ranked,
    ...(winner ? { winner } : {}),
    ...(mostAdvanced ? { mostAdvanced } : {}),
    ...(parted ? { parted } : {}),
  }
}

/** What the winner would have to wait for, and that never comes: the most advanced one cannot apply what only it received. */
export function undrainable({ winner, mostAdvanced }: Ranking): string | undefined {
  if (!winner || !mostAdvanced || winner.id === mostAdvanced.id || drained(mostAdvanced.status.history) === 'yes')
    return undefined
  const { channel, id } = mostAdvanced
  const name = `${id} received most, but`
  if (channel.delayMs > 0) return `${name} applies with an intended delay of ${channel.delayMs / 1000} s`
  if (channel.applierError)
    return `${name} its applier is broken: ${channel.applierError.code} ${channel.applierError.message}`
  return undefined
}

/** Written by itself, though it never reigned; '' where nothing is, or where no reading of the primary tells. */
export function errantOf(situation: Situation, { id, status }: Pick<Follower, 'id' | 'status'>): string {
  const reference = situation.lastReading?.status.history
  if (!reference || situation.formerPrimaries.includes(id)) return ''
  return ownWritesBeyond(status.history, reference, { uuid: id, numericId: status.numericId })
}

/** What it has from others: it may alone hold what was acknowledged, and is neither promoted nor caught up from. */
export function fromOthers(situation: Situation, { id, status }: Pick<Follower, 'id' | 'status'>): History {
  const reference = situation.lastReading?.status.history
  if (!reference || situation.formerPrimaries.includes(id)) return status.history
  return withoutOwnWrites(status.history, reference, { uuid: id, numericId: status.numericId })
}

const preferTheWinner = (a: Follower, b: Follower, winner: Follower | undefined): number =>
  a.id === winner?.id ? -1 : b.id === winner?.id ? 1 : 0

/** Negative when `a` received more. Equal, parted and unprovable are 0: `parted` has refused the latter two before. */
export function moreReceived(a: Follower, b: Follower, context: readonly History[]): number {
  const relation = compareReceived(a.status.history, b.status.history, context)
  return relation === 'ahead' ? -1 : relation === 'behind' ? 1 : 0
}

/** Negative when `a` applied more. Unprovable is 0: it only decides who is ready sooner. */
function moreApplied(a: Follower, b: Follower, context: readonly History[]): number {
  const surplus = (of: Follower, over: Follower): number =>
    errant(of.status.history, over.status.history, context).kind === 'some' ? 1 : 0
  return surplus(b, a) - surplus(a, b)
}

function firstParted(candidates: readonly Follower[], context: readonly History[]): Ranking['parted'] {
  for (const [i, a] of candidates.entries()) {
    for (const b of candidates.slice(i + 1)) {
      const relation = compareReceived(a.status.history, b.status.history, context)
      if (relation === 'diverged' || relation === 'unprovable') return { a: a.id, b: b.id, relation }
    }
  }
  return undefined
}

/** Reasons why it may not become the primary at all. */
function objections(situation: Situation, candidate: Follower): readonly string[] {
  const { status, channel, member } = candidate
  const against: string[] = []
  const say = (when: boolean, reason: string): void => void (when && against.push(reason))
  say(situation.wanted !== undefined && situation.wanted !== candidate.id, 'another server was asked for')
  say(member.declared.preference === 'never', 'promotion: never')
  say(member.declared.downtimed, 'it is downtimed')
  say(channel.delayMs > 0, `it is delayed on purpose by ${channel.delayMs / 1000} s`)
  say(channel.filtered, 'its channel filters')
  const errant = errantOf(situation, candidate)
  say(errant !== '', `it has errant transactions: ${errant}`)
  say(!status.binlog.enabled, 'it has no binary log')
  say(
    status.binlog.enabled && !status.binlog.logsReplicaUpdates,
    'it does not log what it applies (log_replica_updates)',
  )
  say(status.binlog.gtid === 'off', 'GTID is off')
  say(
    channel.applierError !== undefined,
    `its applier is broken: ${channel.applierError?.code} ${channel.applierError?.message}`,
  )
  say(
    status.version.flavour === 'mariadb' &&
      channel.applier === 'stopped' &&
      channel.receiver === 'stopped' &&
      drained(status.history) !== 'yes',
    'both its threads were stopped with received relay log unapplied, which a plain start would delete',
  )
  say(
    otherSite(situation, candidate) && situation.policy.sites.other === 'never',
    'it is on another site, and policy says never',
  )
  return against
}

function otherSite(situation: Situation, candidate: Follower): boolean {
  const home = situation.topology.members.find((m) => m.id === situation.subject)?.declared.site
  return home !== undefined && home !== candidate.member.declared.site
}

const PREFERENCE_ORDER: Readonly<Record<Preference, number>> = { prefer: 0, neutral: 1, avoid: 2, never: 3 }

/** `avoid` comes before received: an avoided server only leads where nobody else can, and the other catches up from it. */
function byRank(situation: Situation, context: readonly History[], a: Follower, b: Follower): number {
  const preference = (f: Follower): number => PREFERENCE_ORDER[f.member.declared.preference]
  const avoided = (f: Follower): number => (f.member.declared.preference === 'avoid' ? 1 : 0)
  const outside = (f: Follower): number => (receivesFromOutside(situation, f.id) ? 1 : 0)
  const site = (f: Follower): number => (otherSite(situation, f) ? 1 : 0)
  const fragile = (f: Follower): number => (f.status.binlog.sync === 1 && f.status.binlog.flushAtCommit === 1 ? 0 : 1)
  return (
    avoided(a) - avoided(b) ||
    moreReceived(a, b, context) ||
    // Its other cluster's data would flow to all that follow it.
    outside(a) - outside(b) ||
    preference(a) - preference(b) ||
    site(a) - site(b) ||
    // The oldest version leads: replication to a newer replica works, to an older one it may not.
    compareVersions(a.status.version, b.status.version) ||
    fragile(a) - fragile(b) ||
    // Clients wait for the drain; an applier that waits for a lock may never end it.
    moreApplied(a, b, context) ||
    (a.id < b.id ? -1 : 1)
  )
}

function reasonsFor(
  situation: Situation,
  candidate: Follower,
  next: Follower | undefined,
  context: readonly History[],
): readonly string[] {
  const reasons: string[] = []
  const { preference, site } = candidate.member.declared
  if (next && moreReceived(candidate, next, context) < 0) reasons.push('it received more than the next one')
  else reasons.push('nobody eligible received more')
  if (preference !== 'neutral') reasons.push(`promotion: ${preference}`)
  if (site !== '')
    reasons.push(otherSite(situation, candidate) ? `on another site (${site})` : `on the same site (${site})`)
  if (candidate.status.binlog.sync !== 1) reasons.push('not durable (sync_binlog is not 1)')
  return reasons
}
