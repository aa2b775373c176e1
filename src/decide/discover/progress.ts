import { type ChannelRecord, isRecord, type VoiceSince } from '../../model/diagnosis.ts'
import type { Instant } from '../../model/ids.ts'
import type { Channel } from '../../model/server.ts'
import type { Sighting } from '../../model/sighting.ts'
import { voiceOf } from './voice.ts'

/** Enough to find what a receiver said before the suspicion, through running, connecting, reset, refused and a retry. */
const VOICES_KEPT = 6

/** One channel's record after a look that was sent at `sentAt`. */
export function progressOf(channel: Channel, previous: Sighting | undefined, sentAt: Instant): ChannelRecord {
  const record = previous?.progress.find((p) => p.channel === channel.name)
  const before = previous?.answer?.status.channels.find((c) => c.name === channel.name)
  const voice: VoiceSince = { voice: voiceOf(channel), since: sentAt }
  if (record === undefined || before === undefined || previous?.answer === undefined || wasRepointed(before, channel))
    return { channel: channel.name, stillSince: sentAt, moved: false, voices: [voice] }
  const voices = isRecord(record) ? withVoice(record.voices, voice) : ([voice] as const)
  if (somethingArrived(before, channel))
    return { channel: channel.name, stillSince: sentAt, moved: true, movedAfter: previous.answer.sentAt, voices }
  const still = { channel: channel.name, stillSince: record.stillSince, moved: false, voices }
  return isRecord(record) && record.movedAfter !== undefined ? { ...still, movedAfter: record.movedAfter } : still
}

/** A source of another name: what the channel heard before says nothing about it. */
const wasRepointed = (before: Channel, now: Channel): boolean =>
  before.source.host !== now.source.host || before.source.port !== now.source.port

/**
 * Events or heartbeats. Heartbeats flow only while the binlog is idle, so counting them alone is blind under load. A count that
 * fell (a restarted receiver) is taken as a sign of life too: that errs to the side of waiting.
 */
const somethingArrived = (before: Channel, now: Channel): boolean =>
  before.receivedText !== now.receivedText || before.heartbeats !== now.heartbeats

function withVoice(voices: ChannelRecord['voices'], now: VoiceSince): ChannelRecord['voices'] {
  if (voices[voices.length - 1]?.voice === now.voice) return voices
  return [...voices.slice(1 - VOICES_KEPT), now]
}
