import { printAddress } from '../../model/address.ts'
import { done, failed, type Outcome } from '../../model/outcome.ts'
import type { Thread } from '../../mysql/change/state.ts'
import type { ChangeContext, ServerAt } from '../../ports/servers.ts'
import type { ReplicationLogin } from './change-attach.ts'
import { ended, Hand, type Means, type Seen, seen } from './change-hand.ts'

/** Where every change begins: a session is taken for it and given back after it. */
export class Desk {
  readonly means: Means
  readonly login: ReplicationLogin
  readonly #ownUser: string

  constructor(means: Means, login: ReplicationLogin, ownUser: string) {
    this.means = means
    this.login = login
    this.#ownUser = ownUser
  }

  async withHand(address: ServerAt, context: ChangeContext, work: (hand: Hand) => Promise<Outcome>): Promise<Outcome> {
    const opening = await this.means.sessions.take(address, context.signal)
    if (opening.kind === 'failed') return opening.outcome
    const hand = new Hand(address, context, opening.session, this.means)
    try {
      return await work(hand)
    } finally {
      hand.done()
    }
  }

  /** Whether that server can be shown to have `part`. */
  async holds(address: ServerAt, context: ChangeContext, part: string): Promise<Seen<boolean>> {
    let answer: Seen<boolean> = ended(failed('no_answer', `${printAddress(address)} was not asked`))
    const outcome = await this.withHand(address, context, async (hand) => {
      const holdings = await hand.ask(hand.side.holdings)
      answer = holdings.ok ? seen(hand.side.handsOn(holdings.value, part)) : holdings
      return done('asked')
    })
    return outcome.kind === 'done' ? answer : ended(outcome)
  }

  /** Our own sessions, those by which replicas log in, and whom the caller excepts by user. */
  isSpared(thread: Thread, except: readonly string[]): boolean {
    return thread.user === this.#ownUser || thread.user === this.login.account.user || except.includes(thread.user)
  }
}
