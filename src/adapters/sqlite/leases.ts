import { elapsedMs, type Instant } from '../../model/ids.ts'
import { ProblemError } from '../../model/problem.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Acquired, HeldLease, Leases } from '../../ports/lease.ts'
import type { Bridge } from './bridge.ts'
import { leaseLost } from './trouble.ts'

export interface LeaseTimes {
  readonly ttlMs: number
  readonly renewEveryMs: number
}

/** Four renewals may fail before it is lost. */
export const leaseTimes = (ttlMs: number): LeaseTimes => ({ ttlMs, renewEveryMs: ttlMs / 5 })

export interface LeaseParts {
  readonly bridge: Bridge
  /** Its instants count from boot, the same for all processes of this machine. */
  readonly clock: Clock
  readonly times: LeaseTimes
  readonly onTrouble: (error: Error) => void
}

export interface TrackedLeases extends Leases {
  /** Token of the lease taken last; 0 before the first. */
  readonly lastToken: () => number
}

export function leasesOver(parts: LeaseParts): TrackedLeases {
  const { bridge, clock, times } = parts
  const lostTokens: number[] = []
  let lastToken = 0
  return {
    lastToken: () => lastToken,

    acquire: async (who): Promise<Acquired> => {
      const sentAt = clock.now()
      const answer = await bridge.call('acquire', { who, now: sentAt, ttlMs: times.ttlMs, lostTokens })
      if (answer.kind === 'taken') return answer
      lastToken = answer.token
      const lease = new SqliteLease(parts, { token: answer.token, sentAt })
      lease.lost.addEventListener('abort', () => lostTokens.push(answer.token), { once: true })
      return { kind: 'held', lease }
    },

    holder: () => bridge.call('holder', { now: clock.now() }),
  }
}

/**
 * Valid until the *sending* of its last good renewal + TTL, by the same clock and number that stand in the store: nobody can take it
 * over while `leftMs() > 0`, and a process that was frozen finds 0 or less on waking, before any timer of its own has run.
 */
class SqliteLease implements HeldLease {
  readonly token: number
  readonly #parts: LeaseParts
  readonly #stop = new AbortController()
  readonly #lost = new AbortController()
  readonly #ended: Promise<unknown>
  #renewedAt: Instant
  #lastTrouble: unknown

  constructor(parts: LeaseParts, first: { readonly token: number; readonly sentAt: Instant }) {
    this.token = first.token
    this.#parts = parts
    this.#renewedAt = first.sentAt
    this.#ended = Promise.all([this.#keepRenewing(), this.#keepWatch()])
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  get ttlMs(): number {
    return this.#parts.times.ttlMs
  }

  leftMs(): number {
    if (this.#stop.signal.aborted) return 0
    return this.#parts.times.ttlMs - elapsedMs(this.#renewedAt, this.#parts.clock.now())
  }

  warrant(cluster: Parameters<HeldLease['warrant']>[0]): ReturnType<HeldLease['warrant']> {
    return { cluster, token: this.token, leftMs: () => this.leftMs() }
  }

  /** Gives it back, so that the next one need not wait. Where the store does not take that, it runs out by itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#stop.signal.aborted) this.#stop.abort()
    await this.#ended
    await this.#release()
  }

  async #keepRenewing(): Promise<void> {
    const { bridge, clock, times } = this.#parts
    while (await this.#pause(times.renewEveryMs)) {
      const sentAt = clock.now()
      try {
        const renewed = await bridge.call('renew', { token: this.token, now: sentAt, ttlMs: times.ttlMs })
        if (!renewed) return this.#lose('another Regent has taken it')
        this.#renewedAt = sentAt
        this.#lastTrouble = undefined
      } catch (error) {
        this.#lastTrouble = error
      }
    }
  }

  /**
   * Beside the renewals, because one of them may hang. A lease that ran out is given one more interval: after a freeze in which
   * nobody took it, the renewal that is due then restores it; nothing is sent meanwhile, for `leftMs()` is not above 0.
   */
  async #keepWatch(): Promise<void> {
    for (;;) {
      if (!(await this.#pause(Math.max(this.leftMs(), 1)))) return
      if (this.leftMs() > 0) continue
      if (!(await this.#pause(this.#parts.times.renewEveryMs))) return
      if (this.leftMs() <= 0) return this.#lose('it could not be renewed in time')
    }
  }

  /** False once the lease has ended. */
  #pause(ms: number): Promise<boolean> {
    return this.#parts.clock.sleep(ms, this.#stop.signal).then(
      () => !this.#stop.signal.aborted,
      () => false,
    )
  }

  #lose(why: string): void {
    if (this.#stop.signal.aborted) return
    const cause = this.#lastTrouble === undefined ? {} : { cause: this.#lastTrouble }
    this.#stop.abort()
    this.#lost.abort(new ProblemError(leaseLost(why), cause))
  }

  async #release(): Promise<void> {
    try {
      await this.#parts.bridge.call('release', { token: this.token })
    } catch (error) {
      this.#parts.onTrouble(error instanceof Error ? error : new Error(String(error)))
    }
  }
}
