import { executedWithinReceived, receivedWithin } from '../../model/history.ts'
import { type ServerId, serverId } from '../../model/ids.ts'
import type { Refusal, Risk } from '../../model/plan.ts'
import { refuse } from '../../model/plan.ts'
import { type Policy, UNPROVEN_LOSS_BOUND_S } from '../../model/policy.ts'
import { gapsOf } from '../../model/semi-sync.ts'
import type { SemiSyncSource, ServerStatus } from '../../model/server.ts'
import { member } from '../../model/topology.ts'
import { holdsAllOf } from './opening.ts'
import { errantOf, fromOthers } from './rank.ts'
import {
  type EarlierReading,
  edgesToSubject,
  type Follower,
  knownHistories,
  type PrimaryReading,
  type Situation,
} from './situation.ts'

/** Who may hold an acknowledgement that clients have seen, and how many of them must be sealed to hold every one. */
export interface AckerSet {
  readonly holders: readonly ServerId[]
  readonly waitCount: number
  /** |holders| - waitCount + 1: any that many meet every acknowledgement in at least one server. */
  readonly mustSeal: number
  /** Replicas that do not count, with the reason: what remains open is named in the plan. */
  readonly leftOut: readonly { readonly server: ServerId; readonly why: string }[]
}

/** Acknowledged writes survive only under AFTER_SYNC that cannot have fallen back. */
export function losslessSource(status: ServerStatus | undefined): SemiSyncSource | undefined {
  if (status?.semiSync.kind !== 'present') return undefined
  const { source } = status.semiSync
  return gapsOf(source).length === 0 ? source : undefined
}

/**
 * N and k of the proof, from the primary's last good reading and the replicas' own. Whoever was attached counts, also a server that
 * this Regent never read: it cannot be sealed, and may hold the only acknowledgement.
 */
export function ackerSet(situation: Situation): AckerSet | undefined {
  const source = losslessSource(situation.lastReading?.status)
  if (!source || !situation.lastReading) return undefined
  const attached = situation.lastReading.status.attached.map((a) => a.numericId)
  const members = situation.topology.members
  const byNumber = (numericId: number) => members.find((m) => m.sighting.answer?.status.numericId === numericId)
  const unread = attached.filter((id) => byNumber(id) === undefined).map((id) => serverId(`server_id ${id}`))
  const read = attached.flatMap((id) => byNumber(id) ?? []).filter((m) => acknowledges(m.sighting.answer?.status))
  const others = edgesToSubject(situation)
    .flatMap((edge) => member(situation.topology, edge.replica) ?? [])
    .filter((m) => acknowledges(m.sighting.answer?.status) && !read.some((r) => r.id === m.id))
  const late = others.filter((m) => couldHaveAttachedSince(situation, m.id))
  const why = 'not attached at the last good reading of the primary, and silent since before it'
  const leftOut = others.filter((m) => !late.includes(m)).map((m) => ({ server: m.id, why }))
  const holders = [...new Set([...unread, ...read.map((m) => m.id), ...late.map((m) => m.id)])]
  return { holders, waitCount: source.waitCount, mustSeal: Math.max(1, holders.length - source.waitCount + 1), leftOut }
}

const acknowledges = (status: ServerStatus | undefined): boolean =>
  status?.semiSync.kind === 'present' && status.semiSync.replicaEnabled

/** Its own reading, not older than the primary's last, showed a running receiver. */
function couldHaveAttachedSince(situation: Situation, id: ServerId): boolean {
  const answer = member(situation.topology, id)?.sighting.answer
  if (!answer) return false
  const running = answer.status.channels.some((c) => c.receiver === 'running' || c.receiver === 'connecting')
  const primaryAt = situation.lastReading?.at
  // Without a time to compare with (reading from the store) every follower with the replica side enabled counts: more holders, never fewer.
  return primaryAt === undefined ? true : running && answer.at >= primaryAt
}

export type LossVerdict =
  | { readonly kind: 'proven'; readonly says: string; readonly risks: readonly Risk[] }
  | { readonly kind: 'bounded'; readonly says: string; readonly risks: readonly Risk[] }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

/** Whether policy lets us go on with what `sealed` holds. `received`: the reading of the best received history, for the age bound. */
export function settleLoss(
  situation: Situation,
  sealed: readonly Holder[],
  best: ServerStatus | undefined,
): LossVerdict {
  const { settled } = situation.opening ?? {}
  if (settled && holdsAllOf(situation, settled, best))
    return { kind: 'bounded', says: `${settled.says} (settled by ${settled.recovery})`, risks: settled.risks }
  if (situation.opening && demandsInherited(situation))
    return { kind: 'refused', refusal: lacksWhatWasSealed(situation) }
  const ackers = ackerSet(situation)
  if (ackers) {
    const apart = sealed.filter((holder) => !brings(situation, holder, best)).map((holder) => holder.id)
    const ids = sealed.map((holder) => holder.id)
    const bringing = ids.filter((id) => !apart.includes(id) && !restartedSince(situation, id))
    const held = ackers.holders.filter((id) => bringing.includes(id)).length
    if (held >= ackers.mustSeal) return { kind: 'proven', says: provenText(ackers, held), risks: residue(ackers) }
    if (demandsProof(situation.policy, true))
      return { kind: 'refused', refusal: tooFewSealed(situation, ackers, { sealed: ids, apart }) }
  } else if (demandsProof(situation.policy, false)) {
    return { kind: 'refused', refusal: noLossless(situation) }
  }
  return boundedLoss(situation, best)
}

type Holder = Pick<Follower, 'id' | 'status'>

/**
 * One with errant transactions is neither promoted nor caught up from: what it alone acknowledged would stay behind with it. So it
 * proves something only where the most advanced of the others has all that it received.
 */
const brings = (situation: Situation, holder: Holder, best: ServerStatus | undefined): boolean =>
  errantOf(situation, holder) === '' ||
  (best !== undefined &&
    receivedWithin(fromOthers(situation, holder), best.history, knownHistories(situation)) === 'yes')

const demandsProof = (policy: Policy, lossless: boolean): boolean =>
  policy.loss.kind === 'proven' || (policy.loss.kind === 'auto' && lossless)

/**
 * Act 2 of the recovery before may have led an acker to its winner, which drops relay log: who is sealed now proves less than who was
 * sealed then. Only a person may go below that, by a bound that they name.
 */
const demandsInherited = (situation: Situation): boolean =>
  situation.automatic || demandsProof(situation.policy, losslessSource(situation.lastReading?.status) !== undefined)

const lacksWhatWasSealed = ({ topology, subject, opening }: Situation): Refusal =>
  refuse({
    code: 'loss_not_provable',
    says: opening?.settled
      ? `acknowledged writes may be lost: it cannot be shown that the others hold all that was received when recovery ${opening.settled.recovery} sealed them, ${subject} included`
      : `acknowledged writes may be lost: what the others had received when ${subject} was chosen is not on record`,
    tryThis: `bring ${subject} back, or accept a loss: regent failover ${topology.alias} --abandon --loss 10s --reason "…"`,
  })

const provenText = (ackers: AckerSet, held: number): string =>
  `no acknowledged write is lost: ${held} of ${ackers.holders.length} possible holders of an acknowledgement are sealed, ${ackers.mustSeal} suffice (wait count ${ackers.waitCount})`

const residue = (ackers: AckerSet): readonly Risk[] =>
  ackers.leftOut.map(({ server, why }) => ({
    code: 'acker_left_out',
    says: `${server} does not count as a holder of acknowledgements: ${why}; it may have come back within one look's interval`,
  }))

/**
 * Since the primary's last good reading. A restart drops what was received and not applied (MariaDB always, MySQL with
 * relay_log_recovery): it may have acknowledged what it no longer has, and no living primary sent it that again. Uptime is told in whole
 * seconds, so a start just before that reading counts as one after it.
 */
function restartedSince(situation: Situation, id: ServerId): boolean {
  const answer = member(situation.topology, id)?.sighting.answer
  const reading = situation.lastReading
  if (!answer || !reading) return false
  return answer.at - answer.status.uptimeS * 1000 > reading.at
}

interface Found {
  readonly sealed: readonly ServerId[]
  /** Of those, the errant ones that hold what the most advanced of the others lacks. */
  readonly apart: readonly ServerId[]
}

function tooFewSealed(situation: Situation, ackers: AckerSet, { sealed, apart }: Found): Refusal {
  const missing = ackers.holders.filter((id) => !sealed.includes(id))
  const restarted = ackers.holders.filter((id) => sealed.includes(id) && restartedSince(situation, id))
  const errant = ackers.holders.filter((id) => apart.includes(id) && !restarted.includes(id))
  const held = ackers.holders.length - missing.length - restarted.length - errant.length
  const kept =
    errant.length === 0
      ? ''
      : `; ${errant.join(', ')} received what the others lack, and cannot lead because of errant transactions`
  const absent = missing.length === 0 ? '' : `; missing: ${missing.join(', ')}`
  const dropped =
    restarted.length === 0
      ? ''
      : `; ${restarted.join(', ')} restarted since the primary was last read, and may have dropped what it had acknowledged`
  return refuse({
    code: 'loss_not_provable',
    says: `acknowledged writes may be lost: ${held} of the ${ackers.holders.length} servers that may hold an acknowledgement are sealed, ${ackers.mustSeal} are needed (wait count ${ackers.waitCount})${absent}${dropped}${kept}`,
    tryThis: `bring one more of them back, or accept a loss: ${byName(situation, '--loss 10s')}`,
  })
}

/** The same command once more, with what it accepts: beside a winner that is waited for it has to give that up as well. */
export const byName = ({ topology, opening }: Situation, accepting: string): string =>
  `regent failover ${topology.alias}${opening === undefined ? '' : ' --abandon'} ${accepting} --reason "…"`

const noLossless = (situation: Situation): Refusal =>
  refuse({
    code: 'loss_not_provable',
    says: 'policy loss: proven, but lossless semi-sync (AFTER_SYNC without fallback) was not in force at the last good reading of the primary',
    tryThis: `accept a loss for this once: ${byName(situation, '--loss 10s')}`,
  })

function boundedLoss(situation: Situation, best: ServerStatus | undefined): LossVerdict {
  const bound = situation.policy.loss.kind === 'at_most' ? situation.policy.loss.seconds : UNPROVEN_LOSS_BOUND_S
  if (bound === Number.POSITIVE_INFINITY)
    return {
      kind: 'bounded',
      says: 'any loss is accepted by name',
      risks: [{ code: 'unproven_loss', says: 'how much may be lost is not known; any loss was accepted by name' }],
    }
  const reading = situation.lastReading
  if (!reading || !best) return unreadable(situation, bound)
  const contained = newestContained(situation, reading, best)
  if (contained === undefined || contained.ageMs > bound * 1000)
    return { kind: 'refused', refusal: overBound(situation, contained ?? { known: oldest(reading) }, bound) }
  const seconds = contained.ageMs / 1000
  const age = seconds.toFixed(1)
  return {
    kind: 'bounded',
    says: `writes of at most the last ${age} s may be lost`,
    risks: [
      {
        code: 'unproven_loss',
        says: `semi-sync proves nothing here: acknowledged writes of the last ${age} s before the failure may be lost`,
        seconds,
      },
    ],
  }
}

/** The newest reading of the primary of which `best` has received everything: what was written since may be lost. */
function newestContained(
  situation: Situation,
  reading: PrimaryReading,
  best: ServerStatus,
): EarlierReading | undefined {
  const last = { history: reading.status.history, ageMs: reading.ageMs }
  const newestFirst = [last, ...reading.earlier].sort((a, b) => a.ageMs - b.ageMs)
  const context = [...knownHistories(situation), ...reading.earlier.map((r) => r.history)]
  return newestFirst.find((r) => executedWithinReceived(r.history, best.history, context) === 'yes')
}

const oldest = (reading: PrimaryReading): EarlierReading =>
  reading.earlier.at(-1) ?? { history: reading.status.history, ageMs: reading.ageMs }

/** The newest that is contained; or, where none is, the oldest that is known. */
type Newest = EarlierReading | { readonly known: EarlierReading }

function overBound(situation: Situation, newest: Newest, bound: number): Refusal {
  const seconds = (reading: EarlierReading): string => (reading.ageMs / 1000).toFixed(1)
  return refuse({
    code: 'loss_over_bound',
    says: !('known' in newest)
      ? `the newest reading of the primary of which the best replica has received everything is ${seconds(newest)} s old, the bound is ${bound} s`
      : `it cannot be shown that the best replica has received all that the primary had executed ${seconds(newest.known)} s before its last sign of life, and no older reading is known`,
    tryThis: `bring the old primary back, or accept a loss: ${byName(situation, '--loss any')}`,
  })
}

const unreadable = (situation: Situation, bound: number): LossVerdict => ({
  kind: 'refused',
  refusal: refuse({
    code: 'loss_over_bound',
    says: `no reading of the primary is known, so a loss of at most ${bound} s cannot be shown`,
    tryThis: `accept it by name: ${byName(situation, '--loss any')}`,
  }),
})
