import { printAddress } from '../../model/address.ts'
import { clusterId } from '../../model/ids.ts'
import { done } from '../../model/outcome.ts'
import type { Thread } from '../../mysql/change/state.ts'
import type { Changing, Warrant } from '../../ports/servers.ts'
import { close, open } from './change-access.ts'
import { cutClients, cutPrivileged } from './change-clients.ts'
import type { Desk } from './change-desk.ts'
import { Hand } from './change-hand.ts'
import { awaitAckers, semiSyncSource } from './change-semisync.ts'
import { takeOver } from './change-takeover.ts'

type OfServers = 'awaitAckers' | 'semiSyncSource' | 'cutClients' | 'cutPrivileged' | 'close' | 'open' | 'idleSessions'
type OfSessions = 'prepare' | 'release' | 'takeOver'

/** Nothing can be changed with it. */
const ONLY_LOOKING: Warrant = { cluster: clusterId(''), token: 0, leftMs: () => 0 }

export function changesOfServers(desk: Desk): Pick<Changing, OfServers> {
  return {
    awaitAckers: (address, atLeast, context) => desk.withHand(address, context, (hand) => awaitAckers(hand, atLeast)),
    semiSyncSource: (address, { enabled, waitCount }, context) =>
      desk.withHand(address, context, (hand) => semiSyncSource(hand, enabled, waitCount)),
    cutClients: (address, except, context) =>
      desk.withHand(address, context, (hand) => cutClients(hand, (thread) => desk.isSpared(thread, except))),
    cutPrivileged: (address, context) =>
      desk.withHand(address, context, (hand) => cutPrivileged(hand, (thread) => desk.isSpared(thread, []))),
    close: (address, { lockWaitS }, context) => desk.withHand(address, context, (hand) => close(hand, lockWaitS)),
    open: (address, context) => desk.withHand(address, context, open),
    idleSessions: async (address, signal) => {
      let threads: readonly Thread[] = []
      await desk.withHand(address, { warrant: ONLY_LOOKING, signal }, async (hand) => {
        const found = await hand.ask(hand.side.threads)
        if (found.ok) threads = found.value.filter((thread) => thread.kind === 'client')
        return found.ok ? done('listed') : found.outcome
      })
      return threads.map(({ peer, idle }) => ({ peer, idle }))
    },
  }
}

export function changesOfSessions({ means }: Desk): Pick<Changing, OfSessions> {
  const { sessions } = means
  return {
    prepare: async (address, context) => {
      const opening = await sessions.keep(address, context)
      if (opening.kind === 'failed') return opening.outcome
      return done(`a session for changes of ${printAddress(address)} stands ready`)
    },
    release: () => sessions.release(),
    takeOver: async (address, warrant, signal) => {
      const opening = await sessions.takeAny(address, signal)
      if (opening.kind === 'failed') return opening.outcome
      const hand = new Hand(address, { warrant, signal }, opening.session, means)
      try {
        return await takeOver(hand, () => sessions.ownThreads(address))
      } finally {
        hand.done()
      }
    },
  }
}
