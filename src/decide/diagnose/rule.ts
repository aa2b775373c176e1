import type { PrimaryVerdict, Remedy } from '../../model/diagnosis.ts'
import { FACT_NAMES, type PrimaryFacts } from './facts.ts'

/** What must hold; facts that are not named do not matter. */
export type When = { readonly [F in keyof PrimaryFacts]?: readonly PrimaryFacts[F][] }

export interface PrimaryRule {
  readonly name: string
  readonly when: When
  /** Rows that may hold at the same time and are overruled by this one. */
  readonly beats: readonly string[]
  readonly verdict: PrimaryVerdict
  readonly remedy: Remedy
  readonly actsOn: 'primary' | 'older_primaries' | 'nobody'
  /** For people; unique. */
  readonly because: string
}

export interface Mismatch {
  readonly fact: string
  readonly is: string
  readonly needs: readonly string[]
}

/** What keeps a row from holding; empty when it holds. */
export function mismatches(when: When, facts: PrimaryFacts): readonly Mismatch[] {
  return FACT_NAMES.flatMap((fact) => {
    const needs: readonly string[] | undefined = when[fact]
    return needs === undefined || needs.includes(facts[fact]) ? [] : [{ fact, is: facts[fact], needs }]
  })
}

/** Without building explanations: this runs in every cycle and over every combination. */
export function holds(when: When, facts: PrimaryFacts): boolean {
  return FACT_NAMES.every((fact) => {
    const needs: readonly string[] | undefined = when[fact]
    return needs === undefined || needs.includes(facts[fact])
  })
}

/** Rows that hold and that no other row that holds overrules. One, by the table's test. */
export function winners(rules: readonly PrimaryRule[], facts: PrimaryFacts): readonly PrimaryRule[] {
  const holding = rules.filter((rule) => holds(rule.when, facts))
  return holding.filter((rule) => !holding.some((other) => other.beats.includes(rule.name)))
}
