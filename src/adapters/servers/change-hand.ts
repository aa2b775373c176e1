import { printAddress } from '../../model/address.ts'
import { failed, type Outcome } from '../../model/outcome.ts'
import type { Question } from '../../mysql/change/question.ts'
import type { Thread } from '../../mysql/change/state.ts'
import type { ChangeSide } from '../../mysql/dialects/changes.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ChangeContext, ServerAt } from '../../ports/servers.ts'
import type { Opening } from './change-open.ts'
import type { Answer, ChangeSession, Opened } from './change-session.ts'
import type { ChangeSessions } from './change-sessions.ts'

/** What was seen, or how the whole change ended without it. */
export type Seen<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly outcome: Outcome; readonly error?: number }

export const seen = <T>(value: T): Seen<T> => ({ ok: true, value })
export const ended = (outcome: Outcome): Seen<never> => ({ ok: false, outcome })

/**
 * After the step's own deadline: how long killing what it sent, seeing it gone and looking again may take. Beyond it the
 * outcome stays unknown. A killed SET ends within 3 ms here; the login of the second session is the longest part.
 */
const SETTLE_WITHIN_MS = 400
const LOOK_AGAIN_MS = 5

export interface Means {
  readonly sessions: ChangeSessions
  readonly clock: Clock
}

/** `stops`: only STOPs are in the packet, for which `Killed` is as good as gone: they take effect either way. */
export interface How {
  readonly stops?: boolean
}

/** One change of one server: a session of its own, the step's context, and what follows when an answer does not come. */
export class Hand {
  readonly address: ServerAt
  readonly context: ChangeContext
  readonly #means: Means
  #session: ChangeSession
  #opened: Opened
  #changed = false

  constructor(address: ServerAt, context: ChangeContext, session: ChangeSession, means: Means) {
    this.address = address
    this.context = context
    this.#session = session
    this.#opened = session.opened
    this.#means = means
  }

  get side(): ChangeSide {
    return this.#opened.side
  }

  get opened(): Opened {
    return this.#opened
  }

  get clock(): Clock {
    return this.#means.clock
  }

  get session(): ChangeSession {
    return this.#session
  }

  /** Gives the session back. */
  done(): void {
    this.#means.sessions.give(this.address, this.#session)
  }

  async ask<T>(question: Question<T>): Promise<Seen<T>> {
    const answer = await this.#session.ask(question, this.context)
    if (answer.kind === 'answered') return seen(answer.value)
    if (answer.kind === 'cut' && this.#changed) {
      return ended({
        kind: 'unknown',
        says: `${this.#where} was changed, and what came of it could not be read: ${answer.says}`,
      })
    }
    return ended(this.outcomeOf(answer))
  }

  /** The changing statements, each guarded, then the question in the same packet; `unknown` when even settling failed. */
  async change<T>(statements: readonly string[], question: Question<T>, how: How = {}): Promise<Seen<T>> {
    const answer = await this.#session.change(statements, question, this.context)
    this.#changed = true
    if (answer.kind === 'answered') return seen(answer.value)
    if (answer.kind === 'cut') return this.settle(question, how)
    const outcome = this.outcomeOf(answer)
    return answer.kind === 'refused' ? { ok: false, outcome, error: answer.code } : ended(outcome)
  }

  /** The packet's connection is dead to us: kill it on the server, see it gone, then look with another session. */
  async settle<T>(question: Question<T>, how: How = {}): Promise<Seen<T>> {
    const lost = this.#session.thread
    this.#session.close()
    using deadline = this.clock.deadline(SETTLE_WITHIN_MS)
    const context: ChangeContext = { warrant: this.context.warrant, signal: deadline.signal }
    const opening = await this.#means.sessions.take(this.address, deadline.signal)
    if (opening.kind === 'failed') {
      if (how.stops === true) this.#means.sessions.noteLingering(this.address, lost)
      return ended(this.#unknown('and the server could not be reached again'))
    }
    this.#session = opening.session
    this.#opened = opening.session.opened
    const end = await this.#killAndSee(lost, context)
    if (end !== 'gone' && how.stops === true) this.#means.sessions.noteLingering(this.address, lost)
    if (end === undefined || (end === 'killed' && how.stops !== true)) {
      return ended(this.#unknown('and its end on the server was not seen'))
    }
    const answer = await opening.session.ask(question, context)
    return answer.kind === 'answered'
      ? seen(answer.value)
      : ended(this.#unknown('and what came of it could not be read'))
  }

  /** A second session to the same server, for the time of `work`; an outcome when none can be had. */
  async beside<T>(work: (other: Hand) => Promise<Seen<T>>): Promise<Seen<T>> {
    const opening: Opening = await this.#means.sessions.take(this.address, this.context.signal)
    if (opening.kind === 'failed') return ended(opening.outcome)
    const other = new Hand(this.address, this.context, opening.session, this.#means)
    try {
      return await work(other)
    } finally {
      other.done()
    }
  }

  /** From now on this hand works with the other session; the one it had is lost, its killed STOP may still go on. */
  leaveBehind(): void {
    this.#means.sessions.noteLingering(this.address, this.#session.thread)
    this.#session.close()
  }

  /** Refuses while a killed STOP still goes on: its channel may be touched by nothing before that has ended. */
  async nothingLingers(): Promise<Seen<undefined>> {
    const lingering = this.#means.sessions.lingering(this.address)
    if (lingering.length === 0) return seen(undefined)
    const threads = await this.ask(this.side.threads)
    if (!threads.ok) return threads
    const alive = new Set(threads.value.map((thread) => thread.id))
    for (const thread of lingering) if (!alive.has(thread)) this.#means.sessions.forgetLingering(this.address, thread)
    if (!lingering.some((thread) => alive.has(thread))) return seen(undefined)
    return ended(
      failed(
        'stop_pending',
        `a killed STOP still goes on at ${this.#where}: nothing else is sent to that channel before it ends`,
      ),
    )
  }

  async pause(ms: number): Promise<boolean> {
    return this.clock.sleep(ms, this.context.signal).then(
      () => true,
      () => false,
    )
  }

  /** Undefined: neither was seen before the context's signal fired. */
  async #killAndSee(thread: number, context: ChangeContext): Promise<'gone' | 'killed' | undefined> {
    const killed = await this.#session.change([this.side.kill(thread)], this.side.threads, context)
    let threads: readonly Thread[] | undefined = killed.kind === 'answered' ? killed.value : undefined
    while (!context.signal.aborted) {
      const found = threads?.find((one) => one.id === thread)
      if (threads !== undefined && found === undefined) return 'gone'
      if (found?.killed && /^\s*STOP\b/i.test(found.statement)) return 'killed'
      const rested = await this.clock.sleep(LOOK_AGAIN_MS, context.signal).then(
        () => true,
        () => false,
      )
      if (!rested) return undefined
      const again = await this.#session.ask(this.side.threads, context)
      threads = again.kind === 'answered' ? again.value : undefined
    }
    return undefined
  }

  get #where(): string {
    return printAddress(this.address)
  }

  #unknown(why: string): Outcome {
    return { kind: 'unknown', says: `no answer from ${this.#where} in time, ${why}` }
  }

  outcomeOf(answer: Exclude<Answer<unknown>, { kind: 'answered' }>): Outcome {
    if (answer.kind === 'late') return LATE
    if (answer.kind === 'refused')
      return failed('server_refused', `${this.#where}: error ${answer.code}: ${answer.says}`)
    return failed('no_answer', `${this.#where} did not answer: ${answer.says}`)
  }
}

const LATE = failed(
  'guard_expired',
  'the right to change servers ended before this change ran; the server ran nothing of it from then on',
  'another Regent may have taken over: look again',
)
