import { done, failed, type Outcome } from '../../model/outcome.ts'
import { killApplier } from './change-applier.ts'
import type { Hand } from './change-hand.ts'

/** One named channel is forgotten, with its relay log: only when nothing in it is left to be applied. */
export async function resetChannel(hand: Hand, channel: string): Promise<Outcome> {
  const clear = await hand.nothingLingers()
  if (!clear.ok) return clear.outcome
  const { side } = hand
  const before = await hand.ask(side.channel(channel))
  if (!before.ok) return before.outcome
  if (before.value === undefined) return done('there is no such channel (any more)')
  const sealed =
    before.value.receiver === 'stopped'
      ? before
      : await hand.change([side.stopReceiver(channel)], side.channel(channel), { stops: true })
  if (!sealed.ok) return sealed.outcome
  const held = sealed.value
  if (held === undefined) return done('there is no such channel any more')
  if (held.receiver !== 'stopped')
    return failed('receiver_runs', 'the receiver was told to stop and was not seen stopped')
  if (!held.caughtUp) {
    return failed(
      'not_drained',
      `it holds what is received and not applied (received ${held.received}, applied ${held.applied})`,
      'drain it first',
    )
  }
  if (held.halfReceived && held.applier === 'running' && !side.stopRollsBack) {
    const killed = await killApplier(hand, channel)
    if (killed.kind !== 'done') return killed
  }
  const stop = held.applier === 'running' ? [side.stopBoth(channel)] : []
  const after = await hand.change([...stop, side.reset(channel)], side.channels)
  if (!after.ok) return after.outcome
  return after.value.includes(channel) && channel !== ''
    ? failed('not_reset', 'the channel is still there')
    : done('the channel is forgotten')
}
