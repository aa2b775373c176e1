import { instant, wallTime } from '../../model/ids.ts'
import type { Clock, DeadlineSignal } from '../../ports/clock.ts'
import { monotonicMs, startTimer } from './timer.ts'

/** Real time. Instants count from the boot of this machine; a deadline's signal fires with a `TimeoutError`, or with its parent's reason. */
export function systemClock(): Clock {
  return {
    now: () => instant(monotonicMs()),
    wall: () => wallTime(Date.now()),
    sleep,
    deadline,
  }
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.reject(signal.reason)
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      timer[Symbol.dispose]()
      reject(signal?.reason)
    }
    const timer = startTimer(ms, () => {
      signal?.removeEventListener('abort', stop)
      resolve()
    })
    signal?.addEventListener('abort', stop, { once: true })
  })
}

/** Not AbortSignal.any: signals made that way stay registered with a long-lived parent until the garbage collector comes. */
function deadline(ms: number, parent?: AbortSignal): DeadlineSignal {
  const control = new AbortController()
  if (parent?.aborted) {
    control.abort(parent.reason)
    return { signal: control.signal, [Symbol.dispose]: () => undefined }
  }
  const release = (): void => {
    timer[Symbol.dispose]()
    parent?.removeEventListener('abort', follow)
  }
  const follow = (): void => {
    release()
    control.abort(parent?.reason)
  }
  const timer = startTimer(ms, () => {
    release()
    control.abort(new DOMException(`${ms} ms have passed`, 'TimeoutError'))
  })
  parent?.addEventListener('abort', follow, { once: true })
  return { signal: control.signal, [Symbol.dispose]: release }
}
