/** How a process of Regent ends: `lost`: before the call leaves it. `sent`: right after. `late`: the call's effect comes much later. */
export type Ending = 'lost' | 'sent' | 'late'

/** A promise that nobody will ever settle: what a call of a dead process returns to its caller. */
export const never = <T>(): Promise<T> => new Promise<T>(() => undefined)

/** What a sent change meets on its way when its sender dies at once: long enough for a successor to be at work. */
export const LATE_MS = 700

/**
 * One process of Regent: alive until it is killed at a chosen call; frozen it computes nothing, while time and the world go on. Every call by which it changes something, or writes it down,
 * is a point; the points of a run are numbered, so that a second run can end at each of them.
 */
export class Life {
  readonly name: string
  readonly points: string[] = []
  #dead = false
  #counting = false
  #end: { readonly at: number; readonly how: Ending } | undefined
  readonly #onDeath: ((how: Ending) => void)[] = []
  /** What it meets on waking; undefined while it is awake. */
  #frozen: (() => void)[] | undefined

  constructor(name: string) {
    this.name = name
  }

  get dead(): boolean {
    return this.#dead
  }

  /** Points count from now on; at the given one the process ends. */
  count(end?: { readonly at: number; readonly how: Ending }): void {
    this.#counting = true
    this.#end = end
  }

  whenDead(listener: (how: Ending) => void): void {
    this.#onDeath.push(listener)
  }

  kill(how: Ending = 'lost'): void {
    if (this.#dead) return
    this.#dead = true
    for (const listener of this.#onDeath) listener(how)
  }

  get frozen(): boolean {
    return this.#frozen !== undefined
  }

  freeze(): void {
    this.#frozen ??= []
  }

  /** It wakes, and meets what has come meanwhile in the order in which it came. */
  thaw(): void {
    const met = this.#frozen ?? []
    this.#frozen = undefined
    for (const go of met) this.whenAwake(go)
  }

  /** At once, or as soon as it wakes; never in a dead process. */
  whenAwake(run: () => void): void {
    if (this.#dead) return
    if (this.#frozen) this.#frozen.push(run)
    else run()
  }

  /** A call that changes something. `send` gets the delay that the change meets on its way. */
  point<T>(what: string, send: (delayMs: number) => Promise<T>): Promise<T> {
    if (this.#dead) return never()
    if (!this.#counting) return this.outlive(send(0))
    const number = this.points.length
    this.points.push(what)
    if (this.#end?.at !== number) return this.outlive(send(0))
    const { how } = this.#end
    if (how !== 'lost') void send(how === 'late' ? LATE_MS : 0).catch(() => undefined)
    this.kill(how)
    return never()
  }

  /** As `point`, for what is posted without waiting. */
  post(what: string, send: () => void): void {
    void this.point(what, async () => send())
  }

  /** An answer reaches only a living process. */
  async outlive<T>(answer: Promise<T>): Promise<T> {
    if (this.#dead) return never()
    try {
      const value = await answer
      await this.#awake()
      return value
    } catch (error) {
      await this.#awake()
      throw error
    }
  }

  #awake(): Promise<void> | undefined {
    if (this.#dead) return never()
    return this.#frozen && new Promise((resolve) => this.whenAwake(resolve))
  }
}
