import type { Difference } from '../../decide/recover/differs.ts'
import type { Diagnosis } from '../../model/diagnosis.ts'
import type { ClusterId, RecoveryId, WallTime } from '../../model/ids.ts'
import type { Plan, RecoveryKind, RefusalReason } from '../../model/plan.ts'
import type { Topology } from '../../model/topology.ts'
import type { StepEvent } from '../execute/world.ts'
import type { Answer } from './questions.ts'

/** What the daemon tells of itself as it happens: for the page, the log and the terminal. */
export type DaemonEvent =
  | {
      readonly kind: 'cycle'
      readonly cluster: ClusterId
      readonly at: WallTime
      readonly topology: Topology
      readonly diagnosis: Diagnosis
      readonly sentence: string
    }
  | {
      readonly kind: 'verdict'
      readonly cluster: ClusterId
      readonly at: WallTime
      readonly diagnosis: Diagnosis
      readonly tookMs: number
    }
  | {
      readonly kind: 'recovery_began'
      readonly cluster: ClusterId
      readonly at: WallTime
      readonly id: RecoveryId
      readonly what: RecoveryKind
      readonly because: string
    }
  | {
      readonly kind: 'plan'
      readonly cluster: ClusterId
      readonly at: WallTime
      readonly id: RecoveryId
      readonly plan: Plan
    }
  | {
      readonly kind: 'step'
      readonly cluster: ClusterId
      readonly at: WallTime
      readonly id: RecoveryId
      readonly event: StepEvent
    }
  /** Act 1 has been run, and the real act 2, `plan`, is not the one that was shown: a person is asked, within a deadline. */
  | {
      readonly kind: 'question'
      readonly cluster: ClusterId
      readonly at: WallTime
      readonly id: RecoveryId
      readonly plan: Plan
      readonly differs: readonly Difference[]
    }
  | {
      readonly kind: 'answered'
      readonly cluster: ClusterId
      readonly at: WallTime
      readonly id: RecoveryId
      readonly answer: Answer
    }
  | {
      readonly kind: 'recovery_ended'
      readonly cluster: ClusterId
      readonly at: WallTime
      readonly id: RecoveryId
      readonly state: string
      readonly says: string
    }
  | {
      readonly kind: 'refused'
      readonly cluster: ClusterId
      readonly at: WallTime
      readonly what: RecoveryKind
      readonly reasons: readonly RefusalReason[]
    }
  | { readonly kind: 'trouble'; readonly cluster: ClusterId; readonly at: WallTime; readonly says: string }

export type DaemonListener = (event: DaemonEvent) => void
