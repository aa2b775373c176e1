import { drained } from '../../model/history.ts'
import type { ServerId } from '../../model/ids.ts'
import { type Refusal, type Risk, refuse } from '../../model/plan.ts'
import type { ReignSemiSync } from '../../model/reign.ts'
import type { Follower, Situation } from './situation.ts'

export interface AckerPlan {
  readonly kind: 'ackers'
  /** Attached to the winner before it opens. */
  readonly ackers: readonly Follower[]
  /** What the reign is to wait for: kept with it, so that a lowered count is raised again later. */
  readonly wanted: ReignSemiSync
  /** What it waits for at the opening: lowered where policy says so, 0 with the source side off. */
  readonly waitCount: number
  readonly risks: readonly Risk[]
}

/** What the reign is to wait for: kept with it, or as the primary's last good reading had it, or as the policy says. */
export function wantedSemiSync(situation: Situation): ReignSemiSync {
  const { policy, topology } = situation
  if (policy.semiSync.kind === 'off') return { kind: 'off' }
  if (policy.semiSync.kind === 'wait_count')
    return { kind: 'on', waitCount: policy.semiSync.count, waitPoint: 'after_sync' }
  const read = situation.lastReading?.status.semiSync
  if (read?.kind === 'present' && read.source.enabled)
    return { kind: 'on', waitCount: read.source.waitCount, waitPoint: read.source.waitPoint }
  return topology.reign?.semiSync ?? { kind: 'off' }
}

/**
 * Enough ackers before the opening, or nothing commits (lossless semi-sync waits also without replicas). Drained ones first: one
 * that has not drained delays the first commit and holds, for a while, fewer acknowledged rows than before.
 */
export function planAckers(
  situation: Situation,
  winner: { readonly id: ServerId },
  candidates: readonly Follower[],
): AckerPlan | Refusal {
  const wanted = wantedSemiSync(situation)
  if (wanted.kind === 'off') return { kind: 'ackers', ackers: [], wanted, waitCount: 0, risks: [] }
  const able = candidates.filter(
    (c) => c.id !== winner.id && canAcknowledge(c) && !situation.unusableAckers.includes(c.id),
  )
  const order = [...able].sort((a, b) => undrained(a) - undrained(b) || (a.id < b.id ? -1 : 1))
  if (order.length >= wanted.waitCount)
    return { kind: 'ackers', ackers: order.slice(0, wanted.waitCount), wanted, waitCount: wanted.waitCount, risks: [] }
  const says = `${order.length} of ${wanted.waitCount} ackers can be attached to ${winner.id}`
  if (situation.policy.ackers === 'refuse')
    return refuse({ code: 'too_few_ackers', says, tryThis: 'bring a replica back, or set policy ackers: lower' })
  const effect =
    order.length === 0
      ? 'it opens without waiting for acknowledgements'
      : `its wait count is lowered to ${order.length}`
  return {
    kind: 'ackers',
    ackers: order,
    wanted,
    waitCount: order.length,
    risks: [{ code: 'fewer_ackers', says: `${says}: ${effect}, until enough are attached` }],
  }
}

/** One whose applier is broken would have to drop what it received, or never drain. */
const canAcknowledge = (f: Follower): boolean =>
  f.status.semiSync.kind === 'present' &&
  f.status.semiSync.replicaEnabled &&
  (f.channel.applierError === undefined || drained(f.status.history) === 'yes')
const undrained = (f: Follower): number => (drained(f.status.history) === 'yes' ? 0 : 1)
