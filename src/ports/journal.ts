import type { ClusterId, RecoveryId, ServerId, WallTime } from '../model/ids.ts'
import type { StepRecord } from '../model/outcome.ts'
import type { Plan, RecoveryKind, RefusalReason } from '../model/plan.ts'

export type RecoveryState = 'act1' | 'act2' | 'undoing' | 'done' | 'failed' | 'undone' | 'refused'

/** Still somebody's duty: to be continued after a crash. */
export const OPEN_STATES: readonly RecoveryState[] = ['act1', 'act2', 'undoing']

export interface RecoveryRecord {
  readonly id: RecoveryId
  readonly cluster: ClusterId
  readonly kind: RecoveryKind
  readonly subject: ServerId
  readonly state: RecoveryState
  readonly automatic: boolean
  readonly startedAt: WallTime
  readonly endedAt?: WallTime
  /** The verdict and evidence, or the command and its reason. */
  readonly because: string
  readonly plans: readonly Plan[]
  /** Steps with an intent; `outcome` is absent while it is not known. Keyed `<act>/<step id>`, undo steps `undo/<step id>`. */
  readonly steps: readonly { readonly key: string; readonly record?: StepRecord }[]
  readonly events: readonly { readonly at: WallTime; readonly says: string }[]
  readonly refusals: readonly RefusalReason[]
  readonly lost?: string
}

export type BeginResult =
  | { readonly kind: 'begun' }
  | { readonly kind: 'another_is_open'; readonly id: RecoveryId }
  | { readonly kind: 'lease_lost' }

/** Intents are durable before the first change they announce; outcomes may be written behind, but `flush` waits for them. */
export interface Journal {
  /** One open recovery per cluster: a unique row written with the lease's token. Durable when it resolves. Act 1's intent. */
  begin(
    record: Pick<RecoveryRecord, 'id' | 'cluster' | 'kind' | 'subject' | 'automatic' | 'startedAt' | 'because'>,
    plan: Plan,
    token: number,
  ): Promise<BeginResult>
  /** Durable when it resolves. With `plan.mints`: the reign is recorded as `opening` in the same transaction; refused when its epoch is not new. */
  intend(id: RecoveryId, plan: Plan, token: number): Promise<'intended' | 'epoch_used' | 'lease_lost'>
  stepStarted(id: RecoveryId, key: string): void
  stepEnded(id: RecoveryId, key: string, record: StepRecord): void
  event(id: RecoveryId, at: WallTime, says: string): void
  setState(id: RecoveryId, state: RecoveryState, at: WallTime, token: number): Promise<void>
  setRefusals(id: RecoveryId, reasons: readonly RefusalReason[]): Promise<void>
  setLost(id: RecoveryId, lost: string): Promise<void>
  flush(): Promise<void>
  open(cluster: ClusterId): Promise<RecoveryRecord | undefined>
  read(id: RecoveryId): Promise<RecoveryRecord | undefined>
  list(cluster: ClusterId, limit: number): Promise<readonly RecoveryRecord[]>
  /** When the last recovery of this kind that was done ended, however many others there were since. */
  lastCompleted(cluster: ClusterId, kind: RecoveryKind, automatic: boolean): Promise<WallTime | undefined>
}
