import type { FenceDemand } from './fence.ts'
import type { ClusterId, Epoch, RecoveryId, ServerId } from './ids.ts'
import type { ReignSemiSync } from './reign.ts'
import type { Step } from './step.ts'

export type RecoveryKind =
  | 'failover'
  | 'switchover'
  | 'adopt'
  | 'rejoin'
  | 'reopen'
  | 'fence'
  | 'unfence'
  | 'raise_ackers'

/** Why a server would, or would not, become the primary. Best first. */
export interface Ranked {
  readonly server: ServerId
  readonly eligible: boolean
  readonly reasons: readonly string[]
}

/** A risk that policy allows: named before it is taken. */
export interface Risk {
  readonly code: string
  readonly says: string
  /** Of a loss that is measured: acknowledged writes of that many seconds. Absent where the risk has no such measure. */
  readonly seconds?: number
}

/** One act. The object that is shown is the object that is executed and journalled. */
export interface Plan {
  readonly version: 1
  readonly recovery: RecoveryId
  readonly cluster: ClusterId
  readonly kind: RecoveryKind
  readonly act: 1 | 2
  /** The primary that is replaced, or the server that is acted on. */
  readonly subject: ServerId
  /** Act 2 of a failover or switchover: the reign that its durable intent mints. */
  readonly mints?: { readonly epoch: Epoch; readonly winner: ServerId; readonly semiSync: ReignSemiSync }
  /** Act 1 of a switchover has chosen already: everything it does can be taken back. */
  readonly switchover?: { readonly winner: ServerId; readonly semiSync: ReignSemiSync }
  readonly steps: readonly Step[]
  readonly ranking: readonly Ranked[]
  readonly risks: readonly Risk[]
  /** The proof that the barrier demands, and why that one. */
  readonly fence: { readonly demand: FenceDemand; readonly because: string }
  readonly because: string
}

/** The answer of a planner that says no, before the first change. */
export interface Refusal {
  readonly kind: 'refusal'
  readonly reasons: readonly RefusalReason[]
}

export interface RefusalReason {
  readonly code: string
  readonly says: string
  /** The command that shows the evidence, and the way out: scoped and expiring. */
  readonly tryThis: string
  /** The server that it is about, and the GTIDs that it has and nobody else. */
  readonly errant?: { readonly server: ServerId; readonly gtids: string }
}

/** `expected`: the second act as it would be planned from what is known now; the real one is planned from sealed readings. */
export type Planned = { readonly kind: 'plan'; readonly plan: Plan; readonly expected?: Plan | Refusal } | Refusal

export const refuse = (...reasons: readonly RefusalReason[]): Refusal => ({ kind: 'refusal', reasons })
