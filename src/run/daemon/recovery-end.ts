import type { RecoveryId, ServerId } from '../../model/ids.ts'
import type { RefusalReason } from '../../model/plan.ts'

/** How a recovery ended, for whoever ordered it. */
export type RecoveryEnd =
  | {
      readonly kind: 'done'
      readonly id: RecoveryId
      readonly says: string
      /** Steps that did not succeed and kept nothing from going on, each with why. */
      readonly left: readonly string[]
      readonly newPrimary?: ServerId
    }
  | {
      readonly kind: 'refused'
      readonly id: RecoveryId
      readonly reasons: readonly RefusalReason[]
      readonly undone: boolean
    }
  | { readonly kind: 'failed'; readonly id: RecoveryId; readonly says: string }
