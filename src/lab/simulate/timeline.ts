/** Virtual time before the first event, ms: not 0, so that a forgotten zero is seen. */
const START_MS = 1_000_000

export interface Scheduled {
  cancel(): void
}

interface Event {
  readonly at: number
  readonly order: number
  readonly run: () => void
  cancelled: boolean
}

/**
 * The one queue of a simulation. Between two events every promise that can go on has gone on, so what runs inside sees time stand
 * still while it computes; events of one instant run in the order in which they were scheduled. Same seed, same history.
 */
export class Timeline {
  #now = START_MS
  #order = 0
  readonly #events: Event[] = []
  readonly #watchers: (() => void)[] = []

  get now(): number {
    return this.#now
  }

  after(ms: number, run: () => void): Scheduled {
    const event: Event = { at: this.#now + Math.max(0, ms), order: this.#order++, run, cancelled: false }
    this.#events.splice(this.#placeOf(event), 0, event)
    return {
      cancel: () => {
        event.cancelled = true
      },
    }
  }

  /** Called after every event, once everything that it set in motion has come to rest: where the invariants are checked. */
  watch(watcher: () => void): void {
    this.#watchers.push(watcher)
  }

  /** Runs until the condition holds; false when `limitMs` of virtual time have passed, or nothing is left to happen. */
  async run(until: () => boolean, limitMs: number): Promise<boolean> {
    const end = this.#now + limitMs
    await atRest()
    while (!until()) {
      const next = this.#events.shift()
      if (next === undefined || next.at > end) {
        if (next !== undefined) this.#events.unshift(next)
        this.#now = end
        return false
      }
      if (next.cancelled) continue
      this.#now = next.at
      next.run()
      await atRest()
      for (const watcher of this.#watchers) watcher()
    }
    return true
  }

  async pass(ms: number): Promise<void> {
    await this.run(() => false, ms)
  }

  #placeOf(event: Event): number {
    let low = 0
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >> 1
      const other = this.#events[middle]
      if (other !== undefined && other.at <= event.at) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** All promise reactions run before the next turn of the loop: one turn is enough, however long their chain. */
const atRest = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
