import { type ChannelRecord, isRecord, type Voice } from '../../model/diagnosis.ts'
import type { Instant } from '../../model/ids.ts'
import type { Channel } from '../../model/server.ts'
import type { LastAnswer } from '../../model/sighting.ts'
import { answersNow, type Snapshot } from './snapshot.ts'
import type { Follower } from './subject.ts'

/**
 * What one replica that answers says of a primary that cannot be reached. `hears`: something certainly arrived since. `silent`: it
 * was receiving and does not hear it now. `cannot_tell`: it stands still, but its heartbeats are too rare to mean anything yet; or
 * its receiver was stopped, and what it received last may have come since. `no_witness`: its receiver did not run before, or
 * says nothing.
 */
export type Testimony = 'hears' | 'silent' | 'cannot_tell' | 'no_witness'

export interface Witness {
  readonly follower: Follower
  readonly testimony: Testimony
  readonly answer: LastAnswer
  readonly record: ChannelRecord
  readonly voice: Voice
  /** Its voice at its last reading before the primary's last sign of life, or the first after it; undefined: it has none. */
  readonly before: Voice | undefined
}

/** When the primary was last known to live, and since when nothing comes back. */
export interface Trouble {
  readonly lastLife: Instant | undefined
  readonly since: Instant
}

/** Three heartbeats must be missing before standing still means not hearing: one may be on its way, one may have been late. */
const HEARTBEATS_MISSED = 3

export function witnessesOf(followers: readonly Follower[], trouble: Trouble, snapshot: Snapshot): readonly Witness[] {
  return followers.flatMap((follower) => witnessOf(follower, trouble, snapshot) ?? [])
}

/** Undefined: it does not answer now, or nothing is recorded of its channel. */
function witnessOf(follower: Follower, trouble: Trouble, snapshot: Snapshot): Witness | undefined {
  const { sighting } = follower.member
  const { channel } = follower.edge
  const record = sighting.progress.find((p) => p.channel === channel.name)
  const { answer } = sighting
  if (!answersNow(sighting, snapshot) || answer === undefined || record === undefined || !isRecord(record))
    return undefined
  const voice = latestVoice(record)
  const before = voiceBefore(record, trouble)
  const parts = { follower, answer, record, voice, before }
  return { ...parts, testimony: testimonyOf(parts, { channel, trouble, snapshot }) }
}

interface Circumstances {
  readonly channel: Channel
  readonly trouble: Trouble
  readonly snapshot: Snapshot
}

function testimonyOf(witness: Omit<Witness, 'testimony'>, circumstances: Circumstances): Testimony {
  const { voice, follower } = witness
  if (wasTurnedAway(witness, circumstances) || heardSince(witness, circumstances)) return 'hears'
  if (follower.member.declared.downtimed) return 'no_witness'
  if (voice === 'stopped' && mayHaveHeardSince(witness, circumstances)) return 'cannot_tell'
  if (voice === 'stopped' || voice === 'turned_away' || !wasReceiving(witness)) return 'no_witness'
  if (voice !== 'running') return 'silent'
  return stoodStillLongEnough(witness, circumstances) ? 'silent' : 'cannot_tell'
}

/** A receiver whose past is not known counts if it is on: it tries and does not hear. */
function wasReceiving({ before, voice }: Pick<Witness, 'before' | 'voice'>): boolean {
  return before === undefined ? voice !== 'stopped' : before === 'running'
}

/**
 * Both looks that show the movement were sent after the trouble began, so what arrived left a living primary after that; and
 * it is not older than the window. What arrived between the last look before and the first look after proves nothing: the
 * receiver may have read it before the primary died. The same holds around the moment at which the receiver lost its source.
 */
function heardSince(witness: Omit<Witness, 'testimony'>, circumstances: Circumstances): boolean {
  const { movedAfter } = witness.record
  if (movedAfter === undefined || movedAfter < circumstances.trouble.since) return false
  return !lostItsSource(witness, circumstances.channel, movedAfter) && isWithinWindow(witness, circumstances)
}

/** Only the later of the two looks was sent after the trouble began. Of a stopped receiver no further look will tell more. */
function mayHaveHeardSince(witness: Omit<Witness, 'testimony'>, circumstances: Circumstances): boolean {
  const { movedAfter, stillSince } = witness.record
  if (movedAfter === undefined || stillSince < circumstances.trouble.since) return false
  return !lostItsSource(witness, circumstances.channel, movedAfter) && isWithinWindow(witness, circumstances)
}

/** A movement is believed for one window only, so that a dead primary never looks alive for longer. */
const isWithinWindow = ({ record }: Omit<Witness, 'testimony'>, { snapshot }: Circumstances): boolean =>
  snapshot.topology.at - record.stillSince < snapshot.policy.silenceWindowMs

/**
 * Whether it may have lost its source since the look that its last movement came after. A receiver that somebody stopped did not
 * lose it: what it received until then left a living primary, and whoever stops it takes back nothing of that. An error says that
 * the connection had ended before the stop.
 */
function lostItsSource(
  { record, voice }: Omit<Witness, 'testimony'>,
  { receiverError }: Channel,
  movedAfter: Instant,
): boolean {
  const changes = record.voices.filter(({ since }) => since > movedAfter).map((change) => change.voice)
  if (voice === 'running' || changes.length === 0) return false
  return receiverError !== undefined || changes.some((change) => change !== 'running' && change !== 'stopped')
}

/** Only a living server turns a replica away; but the report may outlive it, so it is believed for one window. */
function wasTurnedAway({ record, voice, before }: Omit<Witness, 'testimony'>, { snapshot }: Circumstances): boolean {
  if (voice !== 'turned_away' || before === 'turned_away') return false
  return snapshot.topology.at - voiceSince(record) < snapshot.policy.silenceWindowMs
}

/** Where heartbeats are frequent enough to fall three times into the window, the window itself is the judge. */
function stoodStillLongEnough(
  { record, answer }: Omit<Witness, 'testimony'>,
  { channel, snapshot }: Circumstances,
): boolean {
  const { heartbeatPeriodMs } = channel
  if (heartbeatPeriodMs <= 0) return false
  const neededMs = HEARTBEATS_MISSED * heartbeatPeriodMs
  return neededMs <= snapshot.policy.silenceWindowMs || answer.sentAt - record.stillSince >= neededMs
}

const lastOf = (record: ChannelRecord) => record.voices[record.voices.length - 1] ?? record.voices[0]
const latestVoice = (record: ChannelRecord): Voice => lastOf(record).voice
export const voiceSince = (record: ChannelRecord): Instant => lastOf(record).since

/**
 * One that was first read just after that sign of life, and received then, was receiving. One that did not receive then may have reached
 * the primary since.
 */
function voiceBefore({ voices }: ChannelRecord, { lastLife, since }: Trouble): Voice | undefined {
  if (lastLife === undefined) return undefined
  const known = voices.findLast((change) => change.since <= lastLife)?.voice
  if (known !== undefined) return known
  return voices.find((change) => change.since < since)?.voice === 'running' ? 'running' : undefined
}
