import type { Clock } from '../../ports/clock.ts'

/** Waits for news or for the next round, whichever comes first; news that came while nobody waited is not lost. */
export class Wake {
  readonly #clock: Clock
  #rung = false
  #ringing: AbortController | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  ring(): void {
    this.#rung = true
    this.#ringing?.abort()
  }

  async next(atMostMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#rung && !signal.aborted) {
      const ringing = new AbortController()
      this.#ringing = ringing
      const stop = (): void => ringing.abort()
      signal.addEventListener('abort', stop, { once: true })
      await this.#clock.sleep(atMostMs, ringing.signal).catch(() => undefined)
      signal.removeEventListener('abort', stop)
      this.#ringing = undefined
    }
    this.#rung = false
  }
}
