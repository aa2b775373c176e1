import { done, failed, type Outcome } from '../../model/outcome.ts'
import type { Channel, ServerStatus } from '../../model/server.ts'
import { both } from '../../mysql/change/question.ts'
import type { ChannelState } from '../../mysql/change/state.ts'
import { ended, type Hand, type Seen, seen } from './change-hand.ts'
import { withReading } from './change-reading.ts'

/** Two looks at what was received, this far apart: an acknowledging receiver under load moves within it. */
const STANDS_STILL_MS = 25
const LOOK_AGAIN_MS = 5

export const noChannel = (channel: string): Outcome =>
  failed(
    'no_channel',
    channel === '' ? 'this server has no replication channel' : `this server has no channel "${channel}"`,
  )

export async function startReceiver(hand: Hand, channel: string): Promise<Outcome> {
  const clear = await hand.nothingLingers()
  if (!clear.ok) return clear.outcome
  const before = await hand.ask(hand.side.channel(channel))
  if (!before.ok) return before.outcome
  if (before.value === undefined) return noChannel(channel)
  if (before.value.receiver !== 'stopped') return done('the receiver was running already')
  if (before.value.applier === 'stopped' && !hand.side.startsReceiverAlone) {
    return failed(
      'applier_stopped',
      'the applier is stopped: starting the receiver would delete relay log that was received and not applied',
    )
  }
  const after = await hand.change([hand.side.startReceiver(channel)], hand.side.channel(channel))
  if (!after.ok) return after.outcome
  if (after.value?.receiver === 'running' || after.value?.receiver === 'connecting')
    return done('the receiver is started')
  return failed(
    'receiver_stopped',
    `the receiver stopped at once: ${after.value?.receiverError?.message ?? 'the server does not say why'}`,
  )
}

/**
 * Stop, see stopped, read what was received: one packet. The STOP may wait behind another session's STOP while
 * acknowledgements go on; after `killAfterMs` the receiver's thread is killed instead.
 */
export async function seal(hand: Hand, channel: string, killAfterMs: number): Promise<Outcome> {
  const clear = await hand.nothingLingers()
  if (!clear.ok) return clear.outcome
  const question = both(hand.side.channel(channel), hand.opened.status())
  const packet = hand.session.change([hand.side.stopReceiver(channel)], question, hand.context)
  const first = await firstOf(packet, killAfterMs, hand)
  if (first === 'slow') {
    const forced = await hand.beside((other) => endReceiver(other, channel, hand.session.thread))
    hand.leaveBehind()
    return forced.ok ? forced.value : forced.outcome
  }
  if (first.kind === 'answered') return sealed(first.value, channel)
  if (first.kind === 'refused' && hand.side.noChannel.includes(first.code)) return noChannel(channel)
  if (first.kind !== 'cut') return hand.outcomeOf(first)
  const settled = await hand.settle(question, { stops: true })
  return settled.ok ? sealed(settled.value, channel) : settled.outcome
}

/** `slow` only while the step's own deadline has not fired: then the packet itself ends, as cut. */
async function firstOf<T>(packet: Promise<T>, ms: number, hand: Hand): Promise<T | 'slow'> {
  using patience = hand.clock.deadline(ms, hand.context.signal)
  const first = await Promise.race([packet, fired(patience.signal)])
  return first === 'fired' ? (hand.context.signal.aborted ? await packet : 'slow') : first
}

function sealed([state, reading]: readonly [ChannelState | undefined, ServerStatus], channel: string): Outcome {
  if (state === undefined) return noChannel(channel)
  return state.receiver === 'stopped' ? done('the receiver is stopped', reading) : UNSEALED
}

const UNSEALED = failed(
  'unsealed',
  'the receiver was not seen stopped: it may still acknowledge',
  'it is neither a candidate nor an acker until it is',
)

/**
 * The STOP waits behind another session's STOP, and acknowledgements go on meanwhile: killing the receiver's thread ends
 * them. MySQL may go on showing it as running; then a thread that is killed or gone, and received transactions that stand
 * still between two looks, are the proof.
 */
async function endReceiver(other: Hand, channel: string, waiting: number): Promise<Seen<Outcome>> {
  const threads = await other.ask(other.side.receiverThreads(channel))
  if (!threads.ok) return threads
  const [receiver] = threads.value
  // The waiting STOP would take effect long after: its connection is killed too, what it still does is noted as lingering.
  for (const thread of receiver === undefined ? [waiting] : [receiver, waiting]) {
    const killed = await other.change([other.side.kill(thread)], other.side.threads)
    if (!killed.ok && killed.error !== NO_SUCH_THREAD) return killed
  }
  const proof = await seeEnded(other, channel, receiver)
  return proof.ok ? seen(asSealed(await withReading(other, proof.value), channel)) : proof
}

/** The server may go on showing a receiver as running that is proven dead: the reading says what was proven. */
function asSealed(outcome: Outcome, channel: string): Outcome {
  if (outcome.kind !== 'done' || outcome.reading === undefined) return outcome
  const channels = outcome.reading.channels.map(
    (one): Channel => (one.name === channel ? { ...one, receiver: 'stopped' } : one),
  )
  return { ...outcome, reading: { ...outcome.reading, channels }, facts: { killed: true } }
}

const NO_SUCH_THREAD = 1094

async function seeEnded(other: Hand, channel: string, receiver: number | undefined): Promise<Seen<string>> {
  let before: ChannelState | undefined
  for (;;) {
    const state = await other.ask(other.side.channel(channel))
    const threads = await other.ask(other.side.threads)
    if (!state.ok) return state
    if (!threads.ok) return threads
    if (state.value === undefined) return ended(noChannel(channel))
    if (state.value.receiver === 'stopped') return seen('the receiver was killed and is stopped')
    const thread = threads.value.find((one) => one.id === receiver)
    const dead = receiver !== undefined && (thread === undefined || thread.killed)
    if (dead && before !== undefined && before.received === state.value.received) {
      return seen('the receiver was killed and received nothing since; the server still shows it as running')
    }
    before = dead ? state.value : undefined
    if (!(await other.pause(dead ? STANDS_STILL_MS : LOOK_AGAIN_MS))) return ended(UNSEALED)
  }
}

function fired(signal: AbortSignal): Promise<'fired'> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('fired')
    else signal.addEventListener('abort', () => resolve('fired'), { once: true })
  })
}
