import { printAddress } from '../../model/address.ts'
import { done, failed, type Outcome } from '../../model/outcome.ts'
import type { Hand } from './change-hand.ts'

/** One packet; a SET that changes nothing costs nothing, so there is no look before it. */
export async function open(hand: Hand): Promise<Outcome> {
  const after = await hand.change(hand.side.open, hand.side.access)
  if (!after.ok) return after.outcome
  return after.value.access === 'writable'
    ? done(`${printAddress(hand.address)} is open (${after.value.says})`)
    : failed('not_open', `${printAddress(hand.address)} was told to open and reads ${after.value.says}`)
}

/** Lock wait timeout exceeded: something that writes was still running. The server has undone the attempt. */
const LOCK_WAIT = 1205

/**
 * It waits behind running writes and behind commits that wait for an acknowledgement, and holds all new writes meanwhile:
 * `lockWaitS` bounds that. Closed means that the SET returned and every variable reads back as set; a waiting one of
 * another session already shows super_read_only as 1.
 */
export async function close(hand: Hand, lockWaitS: number): Promise<Outcome> {
  const after = await hand.change(hand.side.close(lockWaitS), hand.side.access)
  if (!after.ok) return after.error === LOCK_WAIT ? stillBusy(hand, lockWaitS) : after.outcome
  const { access, says } = after.value
  return access === 'writable' || access === 'closing'
    ? failed('not_closed', `${printAddress(hand.address)} was told to close and reads ${says}`)
    : done(`${printAddress(hand.address)} is closed (${says})`)
}

async function stillBusy(hand: Hand, lockWaitS: number): Promise<Outcome> {
  const now = await hand.ask(hand.side.access)
  if (!now.ok) return now.outcome
  return failed(
    'lock_wait',
    `${printAddress(hand.address)} could not be closed within ${lockWaitS} s: a write, a locked table or a commit that waits for an acknowledgement stands before it (${now.value.says})`,
    'see who: SHOW PROCESSLIST; cut the clients first',
  )
}
