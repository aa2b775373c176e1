import { instant, wallTime } from '../../model/ids.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Life } from './life.ts'
import type { Timeline } from './timeline.ts'

/** Midnight of 2026-01-01, UTC: where the wall clock of a simulation stands at its instant 0. */
const WALL_AT_ZERO = 1_767_225_600_000

/** Virtual time as one process sees it: the timers of a dead process never fire, those of a frozen one when it wakes. */
export function virtualClock(timeline: Timeline, life: Life): Clock {
  const now = (): number => timeline.now
  const after = (ms: number, run: () => void): Disposable => {
    let cancelled = false
    const timer = timeline.after(ms, () =>
      life.whenAwake(() => {
        if (!cancelled) run()
      }),
    )
    return {
      [Symbol.dispose]: () => {
        cancelled = true
        timer.cancel()
      },
    }
  }
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
          timer[Symbol.dispose]()
          reject(signal?.reason)
        }
        const timer = after(ms, () => {
          signal?.removeEventListener('abort', stop)
          resolve()
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
      const timer = after(ms, () => {
        release()
        control.abort(new DOMException(`${ms} ms have passed`, 'TimeoutError'))
      })
      const release = (): void => {
        timer[Symbol.dispose]()
        parent?.removeEventListener('abort', follow)
      }
      parent?.addEventListener('abort', follow, { once: true })
      return { signal: control.signal, [Symbol.dispose]: release }
    },
  }
}
