import { type Address, printAddress } from '../../model/address.ts'
import type { Account, TlsSettings } from '../../model/cluster.ts'
import { clusterId } from '../../model/ids.ts'
import { done, failed, type Outcome } from '../../model/outcome.ts'
import type { Thread } from '../../mysql/change/state.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ChangeContext, Changing, Warrant } from '../../ports/servers.ts'
import { close, open } from './change-access.ts'
import { startApplier, stopApplier } from './change-applier.ts'
import { attach } from './change-attach.ts'
import { cutClients } from './change-clients.ts'
import { ended, Hand, type Means, type Seen, seen } from './change-hand.ts'
import { seal, startReceiver } from './change-receiver.ts'
import { resetChannel } from './change-reset.ts'
import { awaitAckers, semiSyncSource } from './change-semisync.ts'
import { ChangeSessions } from './change-sessions.ts'
import { takeOver } from './change-takeover.ts'
import { awaitApplied, awaitReach } from './change-wait.ts'
import { connectAs } from './change-wire.ts'

export interface ChangingSettings {
  readonly clock: Clock
  /** The account that looks and changes. */
  readonly account: Account
  readonly tls: TlsSettings
  /** With what channels log in to their source; files of `replicationTls` are paths on the replica's host. */
  readonly replication: Account
  readonly replicationTls: TlsSettings
}

/** Nothing can be changed with it. */
const ONLY_LOOKING: Warrant = { cluster: clusterId(''), token: 0, leftMs: () => 0 }

type Work = (hand: Hand) => Promise<Outcome>

/** Changes of real servers, over sessions of their own. */
export function createChanging(settings: ChangingSettings): Changing {
  const { clock } = settings
  const sessions = new ChangeSessions({ connect: connectAs(settings), clock })
  const means: Means = { sessions, clock }
  const login = { account: settings.replication, tls: settings.replicationTls }

  const withHand = async (address: Address, context: ChangeContext, work: Work): Promise<Outcome> => {
    const opening = await sessions.take(address, context.signal)
    if (opening.kind === 'failed') return opening.outcome
    const hand = new Hand(address, context, opening.session, means)
    try {
      return await work(hand)
    } finally {
      hand.done()
    }
  }

  const sourceHas =
    (source: Address, context: ChangeContext) =>
    async (part: string): Promise<Seen<boolean>> => {
      let has: Seen<boolean> = ended(failed('no_answer', `${printAddress(source)} was not asked`))
      const outcome = await withHand(source, context, async (hand) => {
        const holdings = await hand.ask(hand.side.holdings)
        has = holdings.ok ? seen(hand.side.handsOn(holdings.value, part)) : holdings
        return done('asked')
      })
      return outcome.kind === 'done' ? has : ended(outcome)
    }

  const spared =
    (except: readonly string[]) =>
    (thread: Thread): boolean =>
      thread.user === settings.account.user || thread.user === settings.replication.user || except.includes(thread.user)

  return {
    prepare: async (address, context) => {
      const opening = await sessions.keep(address, context)
      return opening.kind === 'failed'
        ? opening.outcome
        : done(`a session for changes of ${printAddress(address)} stands ready`)
    },
    release: () => sessions.release(),
    takeOver: async (address, warrant: Warrant, signal) => {
      const opening = await sessions.takeAny(address, signal)
      if (opening.kind === 'failed') return opening.outcome
      const hand = new Hand(address, { warrant, signal }, opening.session, means)
      try {
        return await takeOver(hand, () => sessions.ownThreads(address))
      } finally {
        hand.done()
      }
    },
    seal: ({ address, channel }, { killAfterMs }, context) =>
      withHand(address, context, (hand) => seal(hand, channel, killAfterMs)),
    startReceiver: ({ address, channel }, context) =>
      withHand(address, context, (hand) => startReceiver(hand, channel)),
    startApplier: ({ address, channel }, context) => withHand(address, context, (hand) => startApplier(hand, channel)),
    stopApplier: ({ address, channel }, { rollBack }, context) =>
      withHand(address, context, (hand) => stopApplier(hand, channel, rollBack)),
    awaitApplied: ({ address, channel }, context) => withHand(address, context, (hand) => awaitApplied(hand, channel)),
    awaitReach: ({ address, channel }, target, context) =>
      withHand(address, context, (hand) => withHand(target, context, (other) => awaitReach(hand, channel, other))),
    attach: ({ address, channel }, to, context) =>
      withHand(address, context, (hand) =>
        attach(hand, { channel, to, login, askSource: sourceHas(to.source, context) }),
      ),
    resetChannel: ({ address, channel }, context) => withHand(address, context, (hand) => resetChannel(hand, channel)),
    awaitAckers: (address, atLeast, context) => withHand(address, context, (hand) => awaitAckers(hand, atLeast)),
    semiSyncSource: (address, { enabled, waitCount }, context) =>
      withHand(address, context, (hand) => semiSyncSource(hand, enabled, waitCount)),
    cutClients: (address, except, context) => withHand(address, context, (hand) => cutClients(hand, spared(except))),
    close: (address, { lockWaitS }, context) => withHand(address, context, (hand) => close(hand, lockWaitS)),
    open: (address, context) => withHand(address, context, open),
    idleSessions: async (address, signal) => {
      let threads: readonly Thread[] = []
      await withHand(address, { warrant: ONLY_LOOKING, signal }, async (hand) => {
        const found = await hand.ask(hand.side.threads)
        if (found.ok) threads = found.value.filter((thread) => thread.kind === 'client')
        return found.ok ? done('listed') : found.outcome
      })
      return threads.map(({ peer, idle }) => ({ peer, idle }))
    },
  }
}
