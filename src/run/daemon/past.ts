import { EMPTY_GTID_SET } from '../../model/gtid/mysql-set.ts'
import type { History } from '../../model/history.ts'
import { elapsedMs, type Instant, type ServerId } from '../../model/ids.ts'
import { takesWrites } from '../../model/server.ts'
import type { LastAnswer } from '../../model/sighting.ts'

/** What a server had executed when it was read. */
export interface PastReading {
  readonly history: History
  readonly sentAt: Instant
}

/** No loss bound that is asked for in an incident is older than this; what is older is forgotten. */
const KEEP_MS = 600_000
const NEAR_MS = 1000
/** Older readings may stand further apart: a tenth of their age is as exact as anybody asks. */
const COARSENESS = 0.1
/** Of all readings of one server together: fragmented sets of MySQL are large, and only the newest then fit. */
const MOST_BOUNDS = 200_000

/**
 * The readings of servers that took writes, newest first, thinned with age: one a second at first, then fewer. For the question how old
 * the newest one is that a replica has received all of.
 */
export class PastReadings {
  readonly #of = new Map<ServerId, readonly PastReading[]>()

  note({ status, sentAt }: LastAnswer): void {
    if (!takesWrites(status.access)) return
    this.#of.set(
      status.id,
      withReading(this.#of.get(status.id) ?? [], { history: executedOnly(status.history), sentAt }),
    )
  }

  of(server: ServerId): readonly PastReading[] {
    return this.#of.get(server) ?? []
  }

  forget(server: ServerId): void {
    this.#of.delete(server)
  }
}

/** The newest always stands; it takes the place of the one before while that is not a second older than the next. */
export function withReading(past: readonly PastReading[], next: PastReading): readonly PastReading[] {
  const [newest, second] = past
  const tooNear = newest && second && elapsedMs(second.sentAt, newest.sentAt) < NEAR_MS
  return bounded(thinned([next, ...(tooNear ? past.slice(1) : past)], next.sentAt))
}

/** From the oldest on: one goes where its two neighbours are near enough to each other without it. */
function thinned(readings: readonly PastReading[], now: Instant): readonly PastReading[] {
  const kept = readings.filter((r) => elapsedMs(r.sentAt, now) <= KEEP_MS)
  for (let i = kept.length - 2; i > 0; i--) {
    const [younger, own, older] = [kept[i - 1], kept[i], kept[i + 1]]
    if (!younger || !own || !older) break
    const apart = Math.max(NEAR_MS, elapsedMs(own.sentAt, now) * COARSENESS)
    if (elapsedMs(older.sentAt, younger.sentAt) <= apart) kept.splice(i, 1)
  }
  return kept
}

function bounded(readings: readonly PastReading[]): readonly PastReading[] {
  let bounds = 0
  const over = readings.findIndex(({ history }, i) => {
    bounds += boundsIn(history)
    return i > 0 && bounds > MOST_BOUNDS
  })
  return over < 0 ? readings : readings.slice(0, over)
}

const boundsIn = (history: History): number =>
  history.kind === 'mysql' ? history.executed.parts.reduce((sum, part) => sum + part.bounds.length, 0) : 1

/** A primary received nothing but what it executed; the rest of a reading is not kept alive. */
const executedOnly = (history: History): History =>
  history.kind === 'mysql' ? { ...history, received: history.executed, purged: EMPTY_GTID_SET } : history
