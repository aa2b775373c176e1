import type { ClusterId, RecoveryId } from '../model/ids.ts'

export interface Ids {
  cluster(): ClusterId
  /** Sortable by time, unique. */
  recovery(): RecoveryId
}
