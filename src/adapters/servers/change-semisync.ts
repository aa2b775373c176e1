import { printAddress } from '../../model/address.ts'
import { done, failed, type Outcome } from '../../model/outcome.ts'
import type { Hand } from './change-hand.ts'

const LOOK_AGAIN_MS = 3

export async function semiSyncSource(hand: Hand, enabled: boolean, waitCount: number): Promise<Outcome> {
  if (!hand.opened.semiSyncSource) {
    return enabled
      ? failed(
          'semi_sync_absent',
          `${printAddress(hand.address)} has no source side of semi-sync`,
          'install the plugin, or set semi_sync: off',
        )
      : done('there is no source side of semi-sync to switch off')
  }
  const after = await hand.change(hand.side.semiSyncSource(enabled, waitCount), hand.side.semiSync)
  if (!after.ok) return after.outcome
  const { value } = after
  if (value.enabled !== enabled)
    return failed('semi_sync_unchanged', `the source side still reads ${value.enabled ? 'on' : 'off'}`)
  if (!enabled) return done('the source side of semi-sync is off')
  if (hand.side.flavour === 'mysql' && value.waitCount !== waitCount) {
    return failed('semi_sync_unchanged', `the wait count reads ${value.waitCount} instead of ${waitCount}`)
  }
  return done(`the source side of semi-sync is on, waiting for ${value.waitCount}`)
}

export async function awaitAckers(hand: Hand, atLeast: number): Promise<Outcome> {
  let counted = 0
  const tooFew = () =>
    failed('too_few_ackers', `${counted} of ${atLeast} semi-sync replicas were attached when the time was over`)
  for (;;) {
    const clients = await hand.ask(hand.side.semiSyncClients)
    // The time may be over in the middle of a look: what was counted last is the outcome, a count changes nothing.
    if (!clients.ok) return hand.context.signal.aborted ? tooFew() : clients.outcome
    counted = Number.isNaN(clients.value) ? 0 : clients.value
    if (counted >= atLeast)
      return { kind: 'done', says: `${counted} semi-sync replicas are attached`, facts: { clients: counted } }
    if (!(await hand.pause(LOOK_AGAIN_MS))) return tooFew()
  }
}
