import type { Outcome } from '../../model/outcome.ts'
import type { Hand } from './change-hand.ts'

/** The whole status, read after the change: what the next decision is made from. */
export async function withReading(hand: Hand, says: string): Promise<Outcome> {
  const status = await hand.ask(hand.opened.status())
  return status.ok ? { kind: 'done', says, reading: status.value } : status.outcome
}
