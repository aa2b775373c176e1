import type { Evidence, WhyNot } from '../../model/diagnosis.ts'
import type { PrimaryFacts } from './facts.ts'
import type { Folded } from './fold.ts'
import { PRIMARY_RULES } from './primary-rules.ts'
import { mismatches, type PrimaryRule, winners } from './rule.ts'

export interface Explanation {
  readonly row: PrimaryRule
  readonly evidence: readonly Evidence[]
  readonly whyNot: readonly WhyNot[]
}

/**
 * The row that holds. The table's test proves that there is exactly one for every possible combination of facts; for an
 * impossible one nothing may be concluded, and this is a broken world.
 */
export function decide(facts: PrimaryFacts): PrimaryRule {
  const [winner, second] = winners(PRIMARY_RULES, facts)
  if (winner === undefined || second !== undefined)
    throw new Error(`no single row of the primary's table holds for ${JSON.stringify(facts)}`)
  return winner
}

/** Why this verdict, and for every other row what is missing, or who overruled it. */
export function explain({ facts, evidence }: Pick<Folded, 'facts' | 'evidence'>): Explanation {
  const row = decide(facts)
  const others = PRIMARY_RULES.filter((rule) => rule !== row)
  return { row, evidence, whyNot: others.map((rule) => whyNot(rule, row, facts)) }
}

function whyNot(rule: PrimaryRule, winner: PrimaryRule, facts: PrimaryFacts): WhyNot {
  const missing = mismatches(rule.when, facts)
  const body = { row: rule.name, verdict: rule.verdict, missing }
  return missing.length > 0 ? body : { ...body, beatenBy: winner.name }
}
