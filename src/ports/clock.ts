import type { Instant, WallTime } from '../model/ids.ts'

/** Time for everything inside: the simulator drives it. */
export interface Clock {
  /** Monotonic, ms with fractions. */
  now(): Instant
  wall(): WallTime
  /** Resolves after `ms`; rejects with the signal's reason when that fires first. Its listener is removed in either case. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** A signal that fires after `ms`, or with `parent`. Dispose it, or its timer stays. */
  deadline(ms: number, parent?: AbortSignal): DeadlineSignal
}

export interface DeadlineSignal extends Disposable {
  readonly signal: AbortSignal
}
