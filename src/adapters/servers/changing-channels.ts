import type { Changing } from '../../ports/servers.ts'
import { startApplier, stopApplier } from './change-applier.ts'
import { attach } from './change-attach.ts'
import type { Desk } from './change-desk.ts'
import { seal, startReceiver } from './change-receiver.ts'
import { resetChannel } from './change-reset.ts'
import { awaitApplied, awaitReach } from './change-wait.ts'

type OfChannels =
  | 'seal'
  | 'startReceiver'
  | 'startApplier'
  | 'stopApplier'
  | 'awaitApplied'
  | 'awaitReach'
  | 'attach'
  | 'resetChannel'

export function changesOfChannels(desk: Desk): Pick<Changing, OfChannels> {
  return {
    seal: ({ address, channel }, { killAfterMs }, context) =>
      desk.withHand(address, context, (hand) => seal(hand, channel, killAfterMs)),
    startReceiver: ({ address, channel }, context) =>
      desk.withHand(address, context, (hand) => startReceiver(hand, channel)),
    startApplier: ({ address, channel }, context) =>
      desk.withHand(address, context, (hand) => startApplier(hand, channel)),
    stopApplier: ({ address, channel }, { rollBack }, context) =>
      desk.withHand(address, context, (hand) => stopApplier(hand, channel, rollBack)),
    awaitApplied: ({ address, channel }, context) =>
      desk.withHand(address, context, (hand) => awaitApplied(hand, channel)),
    awaitReach: ({ address, channel }, target, context) =>
      desk.withHand(address, context, (hand) =>
        desk.withHand(target, context, (other) => awaitReach(hand, channel, other)),
      ),
    attach: ({ address, channel }, to, context) => {
      const askSource = (part: string) => desk.holds(to.source, context, part)
      return desk.withHand(address, context, (hand) => attach(hand, { channel, to, login: desk.login, askSource }))
    },
    resetChannel: ({ address, channel }, context) =>
      desk.withHand(address, context, (hand) => resetChannel(hand, channel)),
  }
}
