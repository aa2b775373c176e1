import type { RefusalReason } from '../../model/plan.ts'
import type { Policy } from '../../model/policy.ts'

/** What is asked before an automatic recovery. Times are wall times, ms: they span restarts of Regent. */
export interface PermitQuestion {
  readonly alias: string
  readonly policy: Policy
  readonly now: number
  readonly pause?: { readonly reason: string; readonly by: string; readonly until: number }
  /** End of the last *completed* automatic recovery of the primary: a winner that dies before that is not flapping. */
  readonly lastCompleted?: number
  /** A recovery of this cluster that is not finished. An intermediate's never stands here. */
  readonly openRecovery?: string
  /** Versions among the members that no test of this project ran on, and that the configuration does not trust by name. */
  readonly unprovenVersions: readonly string[]
}

export type Permit =
  | { readonly kind: 'granted' }
  | { readonly kind: 'denied'; readonly reasons: readonly RefusalReason[] }

/** May Regent act by itself now? Every no names its reason and the way out. */
export function permit(question: PermitQuestion): Permit {
  const { policy, alias, now, pause } = question
  const reasons: RefusalReason[] = []
  const say = (when: boolean, code: string, says: string, tryThis: string): void =>
    void (when && reasons.push({ code, says, tryThis }))
  const sinceLast = question.lastCompleted === undefined ? Number.POSITIVE_INFINITY : now - question.lastCompleted
  say(policy.recovery === 'ask', 'manual', 'policy recovery: ask', `regent failover ${alias}`)
  say(
    pause !== undefined && pause.until > now,
    'paused',
    `paused by ${pause?.by}: ${pause?.reason}`,
    `regent resume ${alias}`,
  )
  say(
    sinceLast < policy.antiFlappingMs,
    'anti_flapping',
    `the last automatic recovery ended ${Math.round(sinceLast / 1000)} s ago; the next one is allowed after ${policy.antiFlappingMs / 1000} s`,
    `regent failover ${alias}`,
  )
  say(
    question.openRecovery !== undefined,
    'recovery_open',
    `recovery ${question.openRecovery} is not finished`,
    `regent history ${question.openRecovery}`,
  )
  say(
    question.unprovenVersions.length > 0,
    'version_not_proven',
    `no test of Regent ran on ${question.unprovenVersions.join(', ')}`,
    `allow it by name in the policy: trust_versions: [${question.unprovenVersions.join(', ')}]`,
  )
  return reasons.length === 0 ? { kind: 'granted' } : { kind: 'denied', reasons }
}
