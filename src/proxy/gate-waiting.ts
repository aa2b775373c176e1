/** Clients that wait for their first byte: who is led to the primary next, and when it is tried again. */
import type { Address } from '../model/address.ts'
import { elapsedMs, type Instant, later } from '../model/ids.ts'
import type { GateEffect } from './gate-words.ts'

interface Attempt {
  readonly number: number
  readonly to: Address
  readonly round: number
}
interface Unserved {
  readonly since: Instant
  readonly attempt: Attempt | undefined
}

/** More at once overflow the listen queue of a MariaDB with default settings (80): the kernel drops those and tries again after 1 s. */
const MAX_CONNECTING = 64
const FIRST_BACKOFF_MS = 10
const LONGEST_BACKOFF_MS = 100

export interface Expired {
  readonly client: number
  readonly waitedMs: number
  /** Where it was being led, if anywhere: nothing was said there. */
  readonly attempted: Address | undefined
}

export class Waiting {
  /** In the order in which they came, so that the first one's bound is always the next to expire. */
  readonly #unserved = new Map<number, Unserved>()
  #connecting = 0
  #attempts = 0
  /** Attempts of one round fail together (the server died): they lengthen the backoff once. */
  #round = 0
  #failures = 0
  #retryAt: Instant | undefined

  get size(): number {
    return this.#unserved.size
  }
  get firstSince(): Instant | undefined {
    return this.#unserved.values().next().value?.since
  }
  /** Undefined while nobody waits for a try. */
  get retryAt(): Instant | undefined {
    return this.#connecting < this.#unserved.size ? this.#retryAt : undefined
  }

  add(client: number, at: Instant): void {
    this.#unserved.set(client, { since: at, attempt: undefined })
  }

  /** Whether an attempt was under way for it. */
  forget(client: number): boolean {
    const waiting = this.#unserved.get(client)
    if (!this.#unserved.delete(client) || !waiting?.attempt) return false
    this.#connecting--
    return true
  }

  /** Where this very attempt led; undefined where it is not awaited any more. */
  greeted(client: number, number: number): Address | undefined {
    const waiting = this.#unserved.get(client)
    if (waiting?.attempt?.number !== number) return undefined
    this.#unserved.delete(client)
    this.#connecting--
    this.settle()
    return waiting.attempt.to
  }

  /** As `greeted`; its client goes on waiting. */
  failed(client: number, number: number, at: Instant): Address | undefined {
    const waiting = this.#unserved.get(client)
    const attempt = waiting?.attempt
    if (!waiting || attempt?.number !== number) return undefined
    this.#unserved.set(client, { since: waiting.since, attempt: undefined })
    this.#connecting--
    if (attempt.round === this.#round) {
      this.#retryAt = later(at, Math.min(FIRST_BACKOFF_MS * 2 ** this.#failures, LONGEST_BACKOFF_MS))
      this.#failures++
      this.#round++
    }
    return attempt.to
  }

  connect(to: Address, at: Instant): readonly GateEffect[] {
    if (this.#retryAt !== undefined && at < this.#retryAt) return []
    this.#retryAt = undefined
    const effects: GateEffect[] = []
    for (const [client, { since, attempt }] of this.#unserved) {
      if (this.#connecting >= MAX_CONNECTING) break
      if (attempt) continue
      const number = ++this.#attempts
      this.#unserved.set(client, { since, attempt: { number, to, round: this.#round } })
      this.#connecting++
      effects.push({ kind: 'connect', client, attempt: number, to })
    }
    return effects
  }

  /** Those that have waited for the bound; they wait no more. */
  expired(at: Instant, boundMs: number): readonly Expired[] {
    const expired: Expired[] = []
    for (const [client, { since, attempt }] of this.#unserved) {
      const waitedMs = elapsedMs(since, at)
      if (waitedMs < boundMs) break
      this.#unserved.delete(client)
      if (attempt) this.#connecting--
      expired.push({ client, waitedMs, attempted: attempt?.to })
    }
    return expired
  }

  abandon(which: (to: Address) => boolean): readonly GateEffect[] {
    const effects: GateEffect[] = []
    for (const [client, { since, attempt }] of this.#unserved) {
      if (!attempt || !which(attempt.to)) continue
      this.#unserved.set(client, { since, attempt: undefined })
      this.#connecting--
      effects.push({ kind: 'abandon', client })
    }
    return effects
  }

  /** What is tried next is tried at once. */
  settle(): void {
    this.#failures = 0
    this.#retryAt = undefined
    this.#round++
  }
}
