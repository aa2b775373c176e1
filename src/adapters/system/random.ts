import type { Random } from '../../ports/random.ts'

/** For jitter and choices among equals; not for secrets. */
export function systemRandom(): Random {
  return { next: () => Math.random() }
}
