import { printAddress, sameAddress } from '../../model/address.ts'
import type { Account, TlsSettings } from '../../model/cluster.ts'
import { done, failed, type Outcome } from '../../model/outcome.ts'
import { both } from '../../mysql/change/question.ts'
import type { ChannelState } from '../../mysql/change/state.ts'
import type { Demotion, Destination, Following } from '../../mysql/dialects/changes.ts'
import type { AttachTo } from '../../ports/servers.ts'
import { killApplier } from './change-applier.ts'
import { ended, type Hand, type Seen, seen } from './change-hand.ts'

const LOOK_AGAIN_MS = 3

/** With what a channel logs in to its source. Files are paths on the replica's host. */
export interface ReplicationLogin {
  readonly account: Account
  readonly tls: TlsSettings
}

/** `askSource`: whether the new source has it; asked only of what this server has not applied, or wrote itself. */
export interface Attaching {
  readonly channel: string
  readonly to: AttachTo
  readonly login: ReplicationLogin
  readonly askSource: (part: string) => Promise<Seen<boolean>>
}

export async function attach(hand: Hand, what: Attaching): Promise<Outcome> {
  const clear = await hand.nothingLingers()
  if (!clear.ok) return clear.outcome
  const before = await hand.ask(both(hand.side.channel(what.channel), hand.side.demotion))
  if (!before.ok) return before.outcome
  const [state, demotion] = before.value
  if (follows(state, what.to)) return done(`it follows ${printAddress(what.to.source)} already`)
  const moved = await repoint(hand, what, state, demotion)
  return moved.ok ? connected(hand, what, moved.value) : moved.outcome
}

const follows = (state: ChannelState | undefined, to: AttachTo): boolean =>
  state !== undefined &&
  sameAddress(state.source, to.source) &&
  state.receiver === 'running' &&
  state.applier === 'running' &&
  state.positioning === 'gtid' &&
  state.heartbeatMs === to.heartbeatMs

/** Moving keeps the relay log, but only while the applier runs: with it stopped the server drops it. */
async function repoint(
  hand: Hand,
  what: Attaching,
  state: ChannelState | undefined,
  demotion: Demotion | undefined,
): Promise<Seen<ChannelState | undefined>> {
  const { move } = hand.side
  if (what.to.keepRelayLog && move !== undefined && state?.positioning === 'gtid') {
    const { side } = hand
    const { channel } = what
    const wake = state.applier === 'stopped' ? [side.startApplier(channel)] : []
    const stop = state.receiver === 'stopped' ? [] : [side.stopReceiver(channel)]
    const lead = [move(channel, destination(what.to)), ...semiSync(hand, what.to), side.startReceiver(channel)]
    return hand.change([...wake, ...stop, ...lead], side.channel(channel))
  }
  return repointInFull(hand, what, state, demotion)
}

async function repointInFull(
  hand: Hand,
  what: Attaching,
  state: ChannelState | undefined,
  demotion: Demotion | undefined,
): Promise<Seen<ChannelState | undefined>> {
  const { side } = hand
  const { channel } = what
  const sealed = await atRest(hand, channel, state)
  if (!sealed.ok) return sealed
  const held = sealed.value
  if (held !== undefined && !held.caughtUp) {
    const safe = await what.askSource(held.received)
    if (!safe.ok) return safe
    if (!safe.value) return ended(holdsUnapplied(what, held))
  }
  const rolled = await rollBackHalf(hand, channel, held)
  if (!rolled.ok) return rolled
  // Taken as replicated, what nobody else has would be hidden for ever: an errant server goes on from what it replicated.
  const covered = demotion === undefined ? seen(false) : await what.askSource(demotion.position)
  if (!covered.ok) return covered
  const to: Following = {
    ...destination(what.to),
    ...what.login,
    keepLogin: held !== undefined && !loginFails(held),
    version: hand.opened.version,
    ...(covered.value && demotion !== undefined ? { demote: demotion } : {}),
  }
  const stop = held === undefined ? [] : [side.stopBoth(channel)]
  return hand.change(
    [...stop, ...semiSync(hand, what.to), ...side.follow(channel, to), side.startBoth(channel)],
    side.channel(channel),
  )
}

/** Access denied, account locked, password expired, wrong plugin, TLS: what the configuration says may be the cure. */
const LOGIN_ERRORS: readonly number[] = [1045, 1044, 1130, 1698, 1862, 2026, 2059, 2061, 3118]
const loginFails = ({ receiverError }: ChannelState): boolean =>
  receiverError !== undefined && LOGIN_ERRORS.includes(receiverError.code)

/** The receiver is stopped first: what a running one receives after the look would be dropped unseen. */
async function atRest(
  hand: Hand,
  channel: string,
  state: ChannelState | undefined,
): Promise<Seen<ChannelState | undefined>> {
  if (state === undefined || state.receiver === 'stopped') return seen(state)
  const stopped = await hand.change([hand.side.stopReceiver(channel)], hand.side.channel(channel), { stops: true })
  if (!stopped.ok) return stopped
  if (stopped.value?.receiver === 'stopped') return stopped
  return ended(failed('receiver_runs', 'the receiver was told to stop and was not seen stopped'))
}

/** Where a plain STOP would wait a minute for the rest of a half-received transaction. */
async function rollBackHalf(hand: Hand, channel: string, held: ChannelState | undefined): Promise<Seen<undefined>> {
  if (held === undefined || !held.halfReceived || held.applier === 'stopped' || hand.side.stopRollsBack)
    return seen(undefined)
  const killed = await killApplier(hand, channel)
  return killed.kind === 'done' ? seen(undefined) : ended(killed)
}

const holdsUnapplied = (what: Attaching, held: ChannelState): Outcome =>
  failed(
    'holds_unapplied',
    `it has received and not applied what ${printAddress(what.to.source)} cannot be shown to have (received ${held.received}, applied ${held.applied}): repointing would delete it`,
    'drain it first',
  )

const destination = (to: AttachTo): Destination => ({
  source: to.source,
  heartbeatMs: to.heartbeatMs,
  connectRetryMs: to.connectRetryMs,
})

/** The source side off before the channel starts: a replica's applier would wait for acknowledgements that nobody gives. */
function semiSync(hand: Hand, to: AttachTo): readonly string[] {
  return [
    ...(hand.opened.semiSyncSource ? hand.side.semiSyncSource(false, 1) : []),
    ...(to.semiSyncReplica && hand.opened.semiSyncReplica ? [hand.side.semiSyncReplicaOn] : []),
  ]
}

/** Reads back where the channel leads and waits until its receiver is connected, or says why it is not. */
async function connected(hand: Hand, what: Attaching, first: ChannelState | undefined): Promise<Outcome> {
  const { to } = what
  for (let state = first; ; ) {
    if (state === undefined || !sameAddress(state.source, to.source)) {
      return failed('not_attached', `the channel does not read back as leading to ${printAddress(to.source)}`)
    }
    if (state.heartbeatMs !== to.heartbeatMs) {
      return failed(
        'not_attached',
        `the heartbeat period reads ${state.heartbeatMs} ms instead of ${to.heartbeatMs} ms`,
      )
    }
    const why =
      state.receiverError === undefined ? '' : `: error ${state.receiverError.code}: ${state.receiverError.message}`
    if (state.receiver === 'running' && state.dumpBegun) return done(`it follows ${printAddress(to.source)}`)
    if (state.receiver === 'stopped') return failed('receiver_stopped', `the receiver stopped at once${why}`)
    if (!(await hand.pause(LOOK_AGAIN_MS))) {
      return failed(
        'not_connected',
        `it leads to ${printAddress(to.source)} and was not connected when the time was over${why}`,
      )
    }
    const now = await hand.ask(hand.side.channel(what.channel))
    if (!now.ok) return now.outcome
    state = now.value
  }
}
