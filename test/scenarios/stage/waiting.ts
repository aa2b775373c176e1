import { setTimeout as sleep } from 'node:timers/promises'

/** What is asked of a frozen server may never be answered: no answer in time is an error of its own. */
export async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  const stop = new AbortController()
  const late = sleep(ms, undefined, { signal: stop.signal }).then(
    () => {
      throw new Error(`not ended within ${ms} ms: ${what}`)
    },
    () => new Promise<never>(() => undefined),
  )
  try {
    return await Promise.race([work, late])
  } finally {
    stop.abort()
  }
}

interface How {
  readonly withinMs?: number
  /** What is to be seen in the message of a failed wait. */
  readonly seen?: () => string | Promise<string>
}

/** Looks until it is so. Throws with what was waited for. */
export async function until(what: string, look: () => boolean | Promise<boolean>, how: How = {}): Promise<void> {
  const { withinMs = 15_000, seen } = how
  const deadline = performance.now() + withinMs
  let trouble = ''
  while (performance.now() < deadline) {
    try {
      if (await within(Math.max(1, deadline - performance.now()), what, Promise.resolve(look()))) return
      trouble = ''
    } catch (error) {
      // A server that is just being killed or started answers with errors: only the deadline ends the waiting.
      trouble = error instanceof Error ? error.message : String(error)
    }
    await sleep(20)
  }
  const told = seen ? await within(3000, 'the story', Promise.resolve(seen())).catch(String) : ''
  throw new Error(`did not come true within ${withinMs} ms: ${what} ${trouble}\n${told}`)
}

/** Nothing may happen in this time: the check is asked all along, not only at its end. */
export async function throughout(ms: number, what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + ms
  while (performance.now() < deadline) {
    if (!(await within(ms + 5000, what, Promise.resolve(holds())))) throw new Error(`was not so all the time: ${what}`)
    await sleep(20)
  }
}
