import { elapsedMs, type Instant } from '../../model/ids.ts'
import type { ServerStatus } from '../../model/server.ts'
import type { Version } from '../../model/version.ts'
import { UnusableReply } from '../../mysql/cells.ts'
import { deadlineOf, GUARD_ERROR, guarded, MARGIN_MS, parseServerTime, READ_CLOCK } from '../../mysql/change/guard.ts'
import { numberOf, printed, type Question, type Rows } from '../../mysql/change/question.ts'
import type { ChangeSide } from '../../mysql/dialects/changes.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ChangeContext } from '../../ports/servers.ts'
import type { Wire } from './change-wire.ts'

/** How one packet ended. */
export type Answer<T> =
  | { readonly kind: 'answered'; readonly value: T }
  /** The guard's deadline had passed, here or on the server: nothing after it ran. */
  | { readonly kind: 'late' }
  | { readonly kind: 'refused'; readonly code: number; readonly says: string }
  /** The connection ended while the packet was under way: its statement may still run on the server. */
  | { readonly kind: 'cut'; readonly says: string }

/** What was learned of a server when the session was opened. */
export interface Opened {
  readonly version: Version
  readonly side: ChangeSide
  readonly semiSyncSource: boolean
  readonly semiSyncReplica: boolean
  /** Everything about the server; slow-moving parts as of this session's first reading. */
  readonly status: () => Question<ServerStatus>
  /** Number of the named lock that this session holds. */
  readonly lock: number
}

/**
 * A reading older than this is not used: a step of the server's clock since then would go unnoticed. Every answer brings a
 * new one, so within a busy act no round trip is spent on it.
 */
const CLOCK_KEEPS_MS = 1000
/** Less than this left by the last reading: read again, the lease has probably been renewed since. */
const WORTH_SENDING_MS = 500

interface Reading {
  readonly serverUs: number
  readonly leftMs: number
  readonly token: number
  readonly at: Instant
}

/** One connection that holds a lock; every change on it is a guarded packet. Used by one caller at a time. */
export class ChangeSession {
  readonly opened: Opened
  readonly #wire: Wire
  readonly #clock: Clock
  readonly #listeners: (() => void)[] = []
  #reading: Reading | undefined
  #broken = false

  constructor(wire: Wire, opened: Opened, clock: Clock) {
    this.#wire = wire
    this.#clock = clock
    this.opened = opened
    wire.onClose(() => this.close())
  }

  get thread(): number {
    return this.#wire.threadId
  }

  get broken(): boolean {
    return this.#broken
  }

  /** Called once, whoever ended it; at once if that has already happened. */
  onClose(listener: () => void): void {
    if (this.#broken) listener()
    else this.#listeners.push(listener)
  }

  /** A look: no guard, one round trip, and the server's clock with it. */
  async ask<T>(question: Question<T>, context: ChangeContext): Promise<Answer<T>> {
    return this.#send([], question, context)
  }

  /** `statements` in one packet, each behind its own guard; then the question, in the same round trip. */
  async change<T>(statements: readonly string[], question: Question<T>, context: ChangeContext): Promise<Answer<T>> {
    if (context.warrant.leftMs() <= 0) return { kind: 'late' }
    const fresh = await this.#freshReading(context)
    if (fresh.kind !== 'answered') return fresh
    const deadline = deadlineOf(fresh.value)
    if (deadline === undefined) return { kind: 'late' }
    return this.#send(guarded(statements, deadline), question, context)
  }

  close(): void {
    if (this.#broken) return
    this.#broken = true
    this.#wire.destroy()
    for (const listener of this.#listeners.splice(0)) listener()
  }

  async #freshReading(context: ChangeContext): Promise<Answer<Reading>> {
    const known = this.#reading
    if (known !== undefined && known.token === context.warrant.token) {
      const age = elapsedMs(known.at, this.#clock.now())
      if (age < CLOCK_KEEPS_MS && known.leftMs - MARGIN_MS - age >= WORTH_SENDING_MS)
        return { kind: 'answered', value: known }
    }
    const asked = await this.#send([], NOTHING, context)
    if (asked.kind !== 'answered') return asked
    const reading = this.#reading
    return reading === undefined
      ? { kind: 'refused', code: 0, says: 'the server did not tell its time' }
      : { kind: 'answered', value: reading }
  }

  async #send<T>(before: readonly string[], question: Question<T>, context: ChangeContext): Promise<Answer<T>> {
    if (this.#broken) return { kind: 'cut', says: 'the connection had ended before' }
    const packet = [...before, ...question.statements, READ_CLOCK].join('; ')
    const answer = await this.#wire.say(packet, context.signal)
    if (answer.kind === 'cut') {
      this.close()
      return answer
    }
    if (answer.kind === 'refused') return answer.code === GUARD_ERROR ? { kind: 'late' } : answer
    this.#note(answer.sets.at(-1), context)
    return readAnswer(question, answer.sets.slice(before.length, -1))
  }

  /**
   * `leftMs()` is asked after the answer: the server's clock was read before. A freeze of this process in between only
   * shortens the deadline, for the lease's rest is then read late.
   */
  #note(rows: Rows | undefined, context: ChangeContext): void {
    const serverUs = parseServerTime(printed(rows?.[0], 'server_time'))
    if (serverUs === undefined) return
    const at = this.#clock.now()
    this.#reading = { serverUs, at, leftMs: context.warrant.leftMs(), token: context.warrant.token }
  }
}

function readAnswer<T>(question: Question<T>, sets: readonly Rows[]): Answer<T> {
  try {
    return { kind: 'answered', value: question.read(sets) }
  } catch (error) {
    if (!(error instanceof UnusableReply || error instanceof SyntaxError)) throw error
    return { kind: 'refused', code: 0, says: `the answer cannot be read: ${error.message}` }
  }
}

const NOTHING: Question<undefined> = { statements: [], read: () => undefined }

/** For `SHOW GLOBAL VARIABLES`: whether one of these names is there. */
export const hasVariable = (rows: Rows, name: string): boolean =>
  rows.some((row) => printed(row, 'Variable_name').toLowerCase() === name)

/** Empty where this server has no such variable. */
export const variableOf = (rows: Rows, name: string): string =>
  printed(
    rows.find((row) => printed(row, 'Variable_name').toLowerCase() === name),
    'Value',
  )

export const lockNumber = (rows: Rows | undefined): number | undefined => {
  const number = numberOf(rows?.[0], 'lock_number')
  return Number.isNaN(number) ? undefined : number
}
