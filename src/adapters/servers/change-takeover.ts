import { printAddress } from '../../model/address.ts'
import { done, failed, type Outcome } from '../../model/outcome.ts'
import { LOCK_HOLDERS, LOCK_NUMBERS } from '../../mysql/change/locks.ts'
import { numberOf, type Question } from '../../mysql/change/question.ts'
import type { Hand } from './change-hand.ts'

const LOOK_AGAIN_MS = 5
const NO_SUCH_THREAD = 1094

const holders: Question<readonly number[]> = {
  statements: [LOCK_HOLDERS],
  read: ([rows]) => LOCK_NUMBERS.map((n) => numberOf(rows?.[0], `holder_${n}`)).filter((id) => id > 0),
}

/**
 * Whoever holds one of the locks and is not ours is an earlier leader's session: killed, and seen gone, or seen as killed
 * where it runs a STOP (which completes either way). What such a session had waiting takes no effect after that.
 */
export async function takeOver(hand: Hand, ours: () => readonly number[]): Promise<Outcome> {
  const found = await hand.ask(holders)
  if (!found.ok) return found.outcome
  const others = found.value.filter((id) => id !== hand.session.thread && !ours().includes(id))
  if (others.length === 0) return done('no earlier session for changes was there')
  for (const id of others) {
    const killed = await hand.change([hand.side.kill(id)], holders)
    if (!killed.ok && killed.error !== NO_SUCH_THREAD) return killed.outcome
  }
  return seeGone(hand, others)
}

async function seeGone(hand: Hand, ids: readonly number[]): Promise<Outcome> {
  for (;;) {
    const threads = await hand.ask(hand.side.threads)
    if (!threads.ok) return threads.outcome
    const left = threads.value.filter((thread) => ids.includes(thread.id))
    const dangerous = left.filter((thread) => !(thread.killed && /^\s*(STOP\b|$)/i.test(thread.statement)))
    if (dangerous.length === 0) {
      return {
        kind: 'done',
        says: `${ids.length} earlier sessions for changes are killed`,
        facts: { killed: ids.length },
      }
    }
    if (!(await hand.pause(LOOK_AGAIN_MS))) {
      return failed(
        'holders_left',
        `${dangerous.length} earlier sessions for changes of ${printAddress(hand.address)} are still there`,
      )
    }
  }
}
