import { failed, type Outcome } from '../../model/outcome.ts'
import type { Thread } from '../../mysql/change/state.ts'
import { type Hand, type Seen, seen } from './change-hand.ts'

const LOOK_AGAIN_MS = 5
const NO_SUCH_THREAD = 1094

/**
 * Every client session is killed until a look finds none that is not shown as killed. New ones are killed as well, while
 * the signal lets it: a client that finds a way back in keeps its outcome from being `done`.
 */
export async function cutClients(hand: Hand, isOurs: (thread: Thread) => boolean): Promise<Outcome> {
  const cut = new Set<number>()
  const clients = (threads: readonly Thread[]): readonly Thread[] =>
    threads.filter((thread) => thread.kind === 'client' && !thread.killed && !isOurs(thread))
  let look = await hand.ask(hand.side.threads)
  for (;;) {
    if (!look.ok) return look.outcome
    const left = clients(look.value)
    if (left.length === 0) {
      return { kind: 'done', says: `${cut.size} client sessions are cut`, facts: { cut: cut.size, left: 0 } }
    }
    if (hand.context.signal.aborted) return someLeft(cut.size, left.length)
    const fresh = left.filter((thread) => !cut.has(thread.id))
    for (const thread of left) cut.add(thread.id)
    if (fresh.length === 0 && !(await hand.pause(LOOK_AGAIN_MS))) return someLeft(cut.size, left.length)
    look = await kill(hand, left)
  }
}

/** All in one packet. A session that has gone by itself ends the packet with an error: the next look finds the rest. */
async function kill(hand: Hand, threads: readonly Thread[]): Promise<Seen<readonly Thread[]>> {
  const killed = await hand.change(
    threads.map((thread) => hand.side.kill(thread.id)),
    hand.side.threads,
  )
  if (killed.ok || killed.error !== NO_SUCH_THREAD) return killed
  const again = await hand.ask(hand.side.threads)
  return again.ok ? seen(again.value) : again
}

const someLeft = (cut: number, left: number): Outcome =>
  failed(
    'clients_left',
    `${cut} client sessions were killed, ${left} are still there`,
    'close their way in first, then repeat',
  )
