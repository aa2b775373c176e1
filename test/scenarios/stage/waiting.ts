import { setTimeout as sleep } from 'node:timers/promises'

/** Looks until it is so. Throws with what was waited for, and with what was seen last where `seen` tells it. */
export async function until(
  what: string,
  look: () => boolean | Promise<boolean>,
  how: { readonly withinMs?: number; readonly seen?: () => string | Promise<string> } = {},
): Promise<void> {
  const { withinMs = 15_000, seen } = how
  const deadline = performance.now() + withinMs
  while (!(await look())) {
    if (performance.now() > deadline)
      throw new Error(`did not come true within ${withinMs} ms: ${what}${seen ? `\n${await seen()}` : ''}`)
    await sleep(20)
  }
}

/** Nothing may happen in this time: the check is asked all along, not only at its end. */
export async function throughout(ms: number, what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + ms
  while (performance.now() < deadline) {
    if (!(await holds())) throw new Error(`was not so all the time: ${what}`)
    await sleep(20)
  }
}
