import { done, failed, type Outcome } from '../../model/outcome.ts'
import type { ChannelState } from '../../mysql/change/state.ts'
import type { Hand } from './change-hand.ts'
import { noChannel } from './change-receiver.ts'

const LOOK_AGAIN_MS = 3

export async function startApplier(hand: Hand, channel: string): Promise<Outcome> {
  const clear = await hand.nothingLingers()
  if (!clear.ok) return clear.outcome
  const before = await hand.ask(hand.side.channel(channel))
  if (!before.ok) return before.outcome
  if (before.value === undefined) return noChannel(channel)
  if (before.value.applier === 'running') return done('the applier was running already')
  const start = startOf(hand, channel, before.value)
  const after = await hand.change(start, hand.side.channel(channel))
  if (!after.ok) return after.outcome
  return after.value?.applier === 'running' ? done('the applier is started') : broken(after.value)
}

/** With both threads stopped a plain start may throw away what was received, whichever is started first. */
function startOf(hand: Hand, channel: string, state: ChannelState): readonly string[] {
  const keeping = hand.side.startKeepingRelayLog
  if (keeping === undefined || state.receiver !== 'stopped' || state.caughtUp) return [hand.side.startApplier(channel)]
  return keeping(channel, state)
}

export function broken(state: ChannelState | undefined): Outcome {
  const error = state?.applierError
  if (error === undefined) return failed('applier_stopped', 'the applier is stopped, and the server does not say why')
  return failed('applier_broken', `the applier stopped with error ${error.code}: ${error.message}`)
}

/**
 * A half-received transaction holds rows and locks. Where a plain STOP would wait a minute for its rest, the applier's threads are
 * killed instead: that rolls it back.
 */
export async function stopApplier(hand: Hand, channel: string, rollBack: boolean): Promise<Outcome> {
  const clear = await hand.nothingLingers()
  if (!clear.ok) return clear.outcome
  const before = await hand.ask(hand.side.channel(channel))
  if (!before.ok) return before.outcome
  if (before.value === undefined) return noChannel(channel)
  if (before.value.applier === 'stopped') return done('the applier was stopped already')
  if (needsKill(hand, before.value, rollBack)) return killApplier(hand, channel)
  const after = await hand.change([hand.side.stopApplier(channel)], hand.side.channel(channel), { stops: true })
  if (!after.ok) return after.outcome
  return after.value?.applier === 'running'
    ? failed('applier_runs', 'the applier was told to stop and was not seen stopped')
    : done('the applier is stopped')
}

const needsKill = (hand: Hand, state: ChannelState, rollBack: boolean): boolean =>
  !hand.side.stopRollsBack && (rollBack || (state.halfReceived && state.receiver === 'stopped'))

export async function killApplier(hand: Hand, channel: string): Promise<Outcome> {
  const threads = await hand.ask(hand.side.applierThreads(channel))
  if (!threads.ok) return threads.outcome
  const { leader, busy } = threads.value
  if (leader === undefined) return failed('applier_runs', 'the thread of the applier was not found')
  // Of a leader that ends, a worker first applies all that was handed to it: seconds of work that is rolled back afterwards. Threads
  // that wait are ended by their leader.
  for (const statement of [...busy.map(hand.side.interrupt), hand.side.kill(leader)]) {
    const killed = await hand.change([statement], hand.side.channel(channel))
    if (!killed.ok && killed.error === NOT_OWNER) return MAY_NOT_KILL
    if (!killed.ok && killed.error !== NO_SUCH_THREAD) return killed.outcome
  }
  for (;;) {
    const state = await hand.ask(hand.side.channel(channel))
    if (!state.ok) return state.outcome
    if (state.value?.applier !== 'running')
      return done('the applier was killed and is stopped; what it had begun is rolled back')
    if (!(await hand.pause(LOOK_AGAIN_MS)))
      return failed('applier_runs', 'the applier was killed and not seen stopped in time')
  }
}

const NO_SUCH_THREAD = 1094
const NOT_OWNER = 1095
const MAY_NOT_KILL = failed(
  'privilege_missing',
  'the account may not kill the thread of the applier, which holds a half-received transaction',
  'GRANT SYSTEM_USER ON *.* TO the monitor account; or wait a minute for STOP REPLICA SQL_THREAD',
)
