import { type Address, printAddress, sameAddress } from '../../model/address.ts'
import { failed, type Outcome } from '../../model/outcome.ts'
import type { Channel, ServerStatus } from '../../model/server.ts'
import { both } from '../../mysql/change/question.ts'
import type { ChannelState } from '../../mysql/change/state.ts'
import { broken } from './change-applier.ts'
import { type Hand, type Seen, seen } from './change-hand.ts'
import { noChannel } from './change-receiver.ts'

/** One wait on the server: short enough that a broken applier is noticed soon, long enough to cost nothing. */
const SLICE_MS = 200

/** The target is what had been received at the first look. Ends early when the applier has stopped. */
export async function awaitApplied(hand: Hand, channel: string): Promise<Outcome> {
  const look = async () => hand.ask(both(hand.side.channel(channel), hand.opened.status()))
  const first = await look()
  if (!first.ok) return first.outcome
  const [start, reading] = first.value
  if (start === undefined) return noChannel(channel)
  if (start.caughtUp) return applied(start, reading)
  for (let state = start; ; ) {
    if (state.applier === 'stopped') return broken(state)
    const waited = await hand.ask(hand.side.waitApplied(start.received, SLICE_MS))
    const now = waited.ok ? await look() : waited
    if (!waited.ok || !now.ok) return endOf(hand, now, state)
    const [next, latest] = now.value
    if (next === undefined) return noChannel(channel)
    if (waited.value || next.caughtUp) return applied(next, latest)
    state = next
  }
}

const applied = (state: ChannelState, reading: ServerStatus): Outcome => ({
  kind: 'done',
  says: 'all that was received is applied',
  reading,
  facts: { applied: state.applied, received: state.received },
})

/** A wait changes nothing: when its time is over, what was last seen is the outcome. */
const endOf = (hand: Hand, look: Seen<unknown>, last: ChannelState): Outcome =>
  hand.context.signal.aborted || look.ok ? behind(last) : look.outcome

const behind = (state: ChannelState): Outcome =>
  failed('still_behind', `not all that was received is applied: received ${state.received}, applied ${state.applied}`)

/** Waits until this server has applied what the target's server had executed when it was asked. */
export async function awaitReach(hand: Hand, channel: string, target: Hand): Promise<Outcome> {
  const wanted = await goalOf(hand, channel, target)
  if (!wanted.ok) return wanted.outcome
  const goal = wanted.value
  for (;;) {
    const state = await hand.ask(hand.side.channel(channel))
    if (!state.ok) return state.outcome
    if (state.value === undefined) return noChannel(channel)
    if (hand.side.reached(state.value.applied, goal)) {
      return {
        kind: 'done',
        says: `has applied all that ${printAddress(target.address)} had`,
        facts: { applied: state.value.applied, target: goal },
      }
    }
    if (isAtRest(state.value)) return movedOn(target.address, state.value, goal)
    if (state.value.applier === 'stopped') return broken(state.value)
    if (state.value.receiver === 'stopped' && state.value.caughtUp) return receiverStopped(state.value)
    const waited = await hand.ask(hand.side.waitApplied(goal, SLICE_MS))
    if (!waited.ok) return hand.context.signal.aborted ? notReached(state.value, goal) : waited.outcome
  }
}

/**
 * What a target receives from another cluster as well never comes by a channel that leads elsewhere. Only then it is left out: by a
 * channel to the target all of it comes, and what nobody else numbers may be its newest acknowledged write.
 */
async function goalOf(hand: Hand, channel: string, target: Hand): Promise<Seen<string>> {
  const wanted = await target.ask(both(target.side.holdings, target.side.channels))
  if (!wanted.ok) return wanted
  const [{ position }, channels] = wanted.value
  // Writers wait for this: nothing more is asked where there is nothing to leave out.
  if (channels.length < 2) return seen(position)
  const own = await hand.ask(both(hand.side.holdings, hand.opened.status()))
  if (!own.ok) return own
  const itself = await target.ask(target.opened.status())
  if (!itself.ok) return itself
  const [mine, status] = own.value
  const source = status.channels.find((c) => c.name === channel)
  const isSource = source !== undefined && leadsTo(source, target.address, itself.value)
  return seen(isSource ? position : hand.side.inCommon(position, mine.position))
}

/** Under whichever of its names the channel knows it: taken for another, its newest write could be left out. */
const leadsTo = (
  { source, sourceNumericId }: Channel,
  address: Address,
  { numericId, aliases }: ServerStatus,
): boolean => sourceNumericId === numericId || [address, ...aliases].some((name) => sameAddress(name, source))

/** Both threads were stopped once all was applied: what the target has beyond that it executed later. */
const isAtRest = ({ receiver, applier, applierError, caughtUp }: ChannelState): boolean =>
  receiver === 'stopped' && applier === 'stopped' && caughtUp && applierError === undefined

const movedOn = (target: Address, { applied }: ChannelState, goal: string): Outcome =>
  failed(
    'moved_on',
    `${printAddress(target)} has executed more (${goal}) than is applied here (${applied}), and nothing is received any more: once it was closed, only an account that read-only does not hold can have written that`,
    'stop that client (on MariaDB: whoever has READ_ONLY ADMIN or SUPER), then repeat',
  )

const notReached = (state: ChannelState, goal: string): Outcome =>
  failed('still_behind', `applied ${state.applied} of ${goal} when the time was over`)

const receiverStopped = (state: ChannelState): Outcome =>
  failed(
    'receiver_stopped',
    `the receiver stopped before it had everything: ${state.receiverError?.message ?? 'the server does not say why'}`,
  )
