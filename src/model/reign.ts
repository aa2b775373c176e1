import type { ClusterId, Epoch, RecoveryId, ServerId, WallTime } from './ids.ts'

/** Whether the primary of a reign waits for acknowledgements: found or configured once, kept with the reign. */
export type ReignSemiSync =
  | { readonly kind: 'off' }
  | { readonly kind: 'on'; readonly waitCount: number; readonly waitPoint: 'after_sync' | 'after_commit' }

/**
 * One primary's term. `opening`: minted together with its winner, in the durable intent of act 2, and not yet known to be open;
 * from then on nobody else is chosen in the same epoch. `open`: it was opened.
 */
export interface Reign {
  readonly cluster: ClusterId
  readonly epoch: Epoch
  readonly primary: ServerId
  readonly state: 'opening' | 'open'
  readonly semiSync: ReignSemiSync
  /** The winner's history at the opening, printed; '' when adopted unread. */
  readonly openedAt: string
  readonly recovery?: RecoveryId
  readonly at: WallTime
}
