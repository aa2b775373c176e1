import type { Outcome } from '../../model/outcome.ts'
import { describeStep, type Step } from '../../model/step.ts'
import type { World } from './world.ts'

/** By which step an act is stopped. */
export interface StoppedBy {
  readonly by: Step
  readonly outcome: Outcome
}

/** Which step did not succeed, why, and what to do about it where that is known. Servers are named by id. */
export function stoppedText({ by, outcome }: StoppedBy): string {
  const says = `${describeStep(by, (id) => id)}: ${outcome.says}`
  const advice = outcome.kind === 'failed' ? outcome.tryThis : undefined
  return advice === undefined ? says : `${says}. ${advice.charAt(0).toUpperCase()}${advice.slice(1)}`
}

/** What kept the old primary from being closed: not the steps that were not even begun, but those that failed before them. */
export function whyNot(ids: readonly string[], { ledger }: World): string {
  const causes = (id: string): readonly string[] => {
    const { step, outcome } = ledger.get(id) ?? {}
    if (!step || !outcome || outcome.kind === 'done') return []
    const earlier = (step.needs ?? []).flatMap(causes)
    return earlier.length > 0 ? earlier : [`; ${stoppedText({ by: step, outcome })}`]
  }
  return [...new Set(ids.flatMap(causes))].join('')
}
