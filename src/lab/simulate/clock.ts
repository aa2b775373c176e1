import { instant, wallTime } from '../../model/ids.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Life } from './life.ts'
import type { Timeline } from './timeline.ts'

/** Midnight of 2026-01-01, UTC: where the wall clock of a simulation stands at its instant 0. */
const WALL_AT_ZERO = 1_767_225_600_000

/** Virtual time as one process sees it: the timers of a dead process never fire. */
export function virtualClock(timeline: Timeline, life: Life): Clock {
  const now = (): number => timeline.now
  return {
    now: () => instant(now()),
    wall: () => wallTime(WALL_AT_ZERO + now()),

    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason)
          return
        }
        const stop = (): void => {
          timer.cancel()
          reject(signal?.reason)
        }
        const timer = timeline.after(ms, () => {
          signal?.removeEventListener('abort', stop)
          if (!life.dead) resolve()
        })
        signal?.addEventListener('abort', stop, { once: true })
      }),

    deadline: (ms, parent) => {
      const control = new AbortController()
      if (parent?.aborted) {
        control.abort(parent.reason)
        return { signal: control.signal, [Symbol.dispose]: () => undefined }
      }
      const follow = (): void => {
        release()
        control.abort(parent?.reason)
      }
      const timer = timeline.after(ms, () => {
        release()
        if (!life.dead) control.abort(new DOMException(`${ms} ms have passed`, 'TimeoutError'))
      })
      const release = (): void => {
        timer.cancel()
        parent?.removeEventListener('abort', follow)
      }
      parent?.addEventListener('abort', follow, { once: true })
      return { signal: control.signal, [Symbol.dispose]: release }
    },
  }
}
