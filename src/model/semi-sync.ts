import type { SemiSyncSource } from './server.ts'

/**
 * An hour is beyond every window of ours: a fall-back that takes longer cannot have passed unseen between the last good reading and the
 * failure.
 */
export const SHORTEST_TIMEOUT_MS = 3_600_000

/** Why what a source acknowledged is not proven to be on a replica. */
export type SemiSyncGap = 'off' | 'fallen_back' | 'after_commit' | 'stops_waiting_alone' | 'short_timeout'

/** In force are `off` and `fallen_back`, settings are the others: they stand ready for when it becomes the primary. */
export function gapsOf(source: SemiSyncSource): readonly SemiSyncGap[] {
  const gaps: SemiSyncGap[] = []
  if (!source.enabled) gaps.push('off')
  else if (!source.operational) gaps.push('fallen_back')
  if (source.waitPoint !== 'after_sync') gaps.push('after_commit')
  if (!source.waitsWithoutReplicas) gaps.push('stops_waiting_alone')
  if (source.timeoutMs < SHORTEST_TIMEOUT_MS) gaps.push('short_timeout')
  return gaps
}
