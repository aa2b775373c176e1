import type { RecoveryId, WallTime } from '../../../model/ids.ts'
import type { StepRecord } from '../../../model/outcome.ts'
import type { Database } from '../database.ts'
import { encode } from '../encoding.ts'

export interface StepInput {
  readonly id: RecoveryId
  readonly key: string
  /** The lease under which the writer last stood, and the order of its writes. */
  readonly token: number
  readonly tick: number
  /** Absent: the step has been started, its outcome is not known. */
  readonly record?: StepRecord
}

/** What may be written behind. A write that comes late (retried, or by a former holder) never covers a newer one. */
export function stepRows(db: Database) {
  return {
    step: (input: StepInput): void =>
      db.write(() => {
        db.run(
          `INSERT INTO steps (recovery, key, token, tick, record) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (recovery, key) DO UPDATE SET token = excluded.token, tick = excluded.tick, record = excluded.record
           WHERE (excluded.token, excluded.tick) >= (steps.token, steps.tick)`,
          ...[input.id, input.key, input.token, input.tick, input.record === undefined ? null : encode(input.record)],
        )
      }),

    event: (input: { readonly id: RecoveryId; readonly at: WallTime; readonly says: string }): void =>
      db.write(() => {
        db.run('INSERT INTO events (recovery, at, says) VALUES (?, ?, ?)', input.id, Math.round(input.at), input.says)
      }),
  }
}
