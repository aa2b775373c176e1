/**
 * The client that remembers what was acknowledged. It writes numbered rows one after the other and keeps for each number
 * what it knows: acknowledged (an OK packet arrived), refused (the server proved that it was not executed) or unanswered.
 * It never writes a number twice, so a row's presence later can be compared with what was promised.
 *
 * All times are `performance.now()` of this process, in ms.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { SandboxError } from './error.ts'
import { type Acknowledgement, compareRows, type Gap, gapsBetween, type Verdict } from './gaps.ts'
import { codeOf, outcomeOf } from './outcome.ts'
import { rows, type SqlConnection } from './sql.ts'
import { WriterSession } from './writer-session.ts'

export interface WriterRequest {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  /** One insert is due every so many ms; one that waited too long for its answer does not make the next ones hurry. */
  readonly everyMs: number
  /** At most 32 characters; writers with different names may share a table. */
  readonly name: string
  /** A connection or an answer that takes longer is given up: unanswered. Longer than a proxy holds clients. Default 30 s. */
  readonly answerWithinMs?: number
  /** How long the table may take to be made: until the cluster is open for writes. Default 30 s. */
  readonly readyWithinMs?: number
}

export interface WriterStats {
  readonly acknowledged: number
  readonly unanswered: number
  readonly refused: number
  /** Every error seen, those of connecting included, by MySQL's number or Node's code. */
  readonly errors: ReadonlyMap<string, number>
  /** The longest time without an acknowledgement so far, the one that lasts now included. */
  readonly longestGapMs: number
  /** Since the last acknowledgement. */
  readonly sinceLastMs: number
}

export interface Writer extends AsyncDisposable {
  stats(): WriterStats
  readonly acknowledgedList: readonly Acknowledgement[]
  readonly unansweredList: readonly number[]
  /** Pauses between acknowledgements of more than `overMs` (default 20). */
  gaps(overMs?: number): readonly Gap[]
  /** Resolves when one more write than now has been acknowledged; rejects when the signal aborts. */
  nextAcknowledgement(signal: AbortSignal): Promise<Acknowledgement>
  /** Ends writing; waits for the answer under way at most `withinMs` (default 1 s), then counts it as unanswered. */
  stop(withinMs?: number): Promise<void>
  /** Compares what is remembered with what that server has. Call it after `stop`. */
  verify(connection: SqlConnection): Promise<Verdict>
}

const FIRST_RETRY_MS = 2
const LONGEST_RETRY_MS = 20

/** Creates `app.writes` if it is not there (waiting until that is possible) and begins to write. */
export async function startWriter(request: WriterRequest): Promise<Writer> {
  const writer = new RunningWriter(request)
  await writer.prepare()
  writer.begin()
  return writer
}

class RunningWriter implements Writer {
  readonly #request: WriterRequest
  readonly #acknowledged: Acknowledgement[] = []
  readonly #refused = new Set<number>()
  readonly #unanswered: number[] = []
  readonly #errors = new Map<string, number>()
  readonly #stopping = new AbortController()
  readonly #waiting = new Set<(ack: Acknowledgement) => void>()
  #session: WriterSession | undefined
  #retryMs = 0
  #longestGapMs = 0
  #startedAt = 0
  #n = 0
  #loop: Promise<void> = Promise.resolve()

  constructor(request: WriterRequest) {
    this.#request = request
  }

  get acknowledgedList(): readonly Acknowledgement[] {
    return this.#acknowledged
  }

  get unansweredList(): readonly number[] {
    return this.#unanswered
  }

  async prepare(): Promise<void> {
    const deadline = performance.now() + (this.#request.readyWithinMs ?? 30_000)
    for (;;) {
      try {
        const session = await WriterSession.open(this.#request)
        this.#session = session
        await session.makeTable()
        break
      } catch (error) {
        this.#session?.destroy()
        this.#session = undefined
        if (performance.now() > deadline) throw cannotWrite(this.#request, error)
        await sleep(LONGEST_RETRY_MS)
      }
    }
  }

  begin(): void {
    this.#startedAt = performance.now()
    this.#loop = this.#run()
  }

  async #run(): Promise<void> {
    let due = performance.now()
    while (!this.#stopping.signal.aborted) {
      const session = await this.#connected()
      if (session === undefined) continue
      const wait = due - performance.now()
      // A session that ends while nothing is due is replaced at once, not when the next write is due.
      if (wait > 0) await this.#pause(wait, session)
      if (session.isClosed || this.#stopping.signal.aborted) continue
      due = Math.max(due + this.#request.everyMs, performance.now())
      await this.#writeOne(session)
    }
    this.#session?.destroy()
  }

  async #connected(): Promise<WriterSession | undefined> {
    if (this.#session !== undefined && !this.#session.isClosed) return this.#session
    this.#session = undefined
    if (this.#retryMs > 0)
      await sleep(this.#retryMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined)
    if (this.#stopping.signal.aborted) return undefined
    this.#retryMs = this.#retryMs === 0 ? FIRST_RETRY_MS : Math.min(this.#retryMs * 1.5, LONGEST_RETRY_MS)
    try {
      this.#session = await WriterSession.open(this.#request, this.#stopping.signal)
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#count(error)
    }
    return this.#session
  }

  async #pause(ms: number, session: WriterSession): Promise<void> {
    const woken = AbortSignal.any([this.#stopping.signal, session.closed])
    await sleep(ms, undefined, { signal: woken }).catch(() => undefined)
  }

  async #writeOne(session: WriterSession): Promise<void> {
    this.#n += 1
    const n = this.#n
    try {
      await session.insert(n)
      this.#acknowledge(n)
    } catch (error) {
      this.#count(error)
      if (outcomeOf(error) === 'refused') this.#refused.add(n)
      else this.#unanswered.push(n)
      // Whoever says no may be a demoted primary: only a new connection can be routed elsewhere.
      session.destroy()
    }
  }

  #acknowledge(n: number): void {
    const ack = { n, at: performance.now() }
    this.#longestGapMs = Math.max(this.#longestGapMs, ack.at - this.#lastAt())
    this.#acknowledged.push(ack)
    this.#retryMs = 0
    for (const tell of this.#waiting) tell(ack)
    this.#waiting.clear()
  }

  #lastAt(): number {
    return this.#acknowledged.at(-1)?.at ?? this.#startedAt
  }

  #count(error: unknown): void {
    const code = codeOf(error)
    this.#errors.set(code, (this.#errors.get(code) ?? 0) + 1)
  }

  stats(): WriterStats {
    const sinceLastMs = performance.now() - this.#lastAt()
    return {
      acknowledged: this.#acknowledged.length,
      unanswered: this.#unanswered.length,
      refused: this.#refused.size,
      errors: new Map(this.#errors),
      longestGapMs: Math.max(this.#longestGapMs, this.#stopping.signal.aborted ? 0 : sinceLastMs),
      sinceLastMs,
    }
  }

  gaps(overMs = 20): readonly Gap[] {
    return gapsBetween(this.#acknowledged, overMs)
  }

  nextAcknowledgement(signal: AbortSignal): Promise<Acknowledgement> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const tell = (ack: Acknowledgement): void => {
        signal.removeEventListener('abort', giveUp)
        resolve(ack)
      }
      const giveUp = (): void => {
        this.#waiting.delete(tell)
        reject(signal.reason)
      }
      signal.addEventListener('abort', giveUp, { once: true })
      this.#waiting.add(tell)
    })
  }

  async stop(withinMs = 1000): Promise<void> {
    this.#stopping.abort()
    const giveUp = setTimeout(() => this.#session?.destroy(), withinMs)
    await this.#loop
    clearTimeout(giveUp)
  }

  async verify(connection: SqlConnection): Promise<Verdict> {
    const found = await rows(connection, 'SELECT n FROM app.writes WHERE writer = ?', [this.#request.name])
    const acknowledged = new Set(this.#acknowledged.map((ack) => ack.n))
    return compareRows({ acknowledged, refused: this.#refused }, new Set(found.map((row) => Number(row['n']))))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

function cannotWrite(request: WriterRequest, cause: unknown): SandboxError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new SandboxError(`the writer cannot write at ${request.host}:${request.port}: ${why}`, {
    tryThis: 'see whether the cluster has an open primary: regent topology',
    cause,
  })
}
