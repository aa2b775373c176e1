import { describe, expect, test } from 'vitest'
import { PRIMARY_VERDICTS } from '../../model/diagnosis.ts'
import { FACT_NAMES, FACTS, type PrimaryFacts } from './facts.ts'
import { everyCombination, possible } from './possible.testing.ts'
import { PRIMARY_RULES } from './primary-rules.ts'
import { holds, mismatches, winners } from './rule.ts'

const turned = (pair: string): string => pair.split('>').reverse().join('>')

/** One pass over every combination serves all the questions below. */
const seen = survey()

function survey() {
  const possibleOnes: PrimaryFacts[] = []
  const unsettled: string[] = []
  const alive = new Set<string>()
  const wins = new Set<string>()
  const overlaps = new Set<string>()
  for (const facts of everyCombination()) {
    if (!possible(facts)) continue
    possibleOnes.push(facts)
    const holding = PRIMARY_RULES.filter((rule) => holds(rule.when, facts))
    const won = winners(holding, facts)
    if (won.length !== 1)
      unsettled.push(`${JSON.stringify(facts)}: ${won.map((rule) => rule.name).join(', ') || 'no row'}`)
    for (const rule of won) wins.add(rule.name)
    for (const rule of holding) {
      alive.add(rule.name)
      for (const other of holding) if (rule !== other) overlaps.add(`${rule.name}>${other.name}`)
    }
  }
  return { possibleOnes, unsettled, alive, wins, overlaps }
}

describe("the primary's table", () => {
  test('gives exactly one verdict for every possible combination of facts', () => {
    expect(seen.possibleOnes.length).toBeGreaterThan(2000)
    expect(seen.unsettled.slice(0, 5)).toEqual([])
  })

  test('has no dead row: each wins somewhere', () => {
    expect(PRIMARY_RULES.map((rule) => rule.name).filter((name) => !seen.wins.has(name))).toEqual([])
  })

  test('declares every overlap, in one direction, and no other', () => {
    const declared = new Set(PRIMARY_RULES.flatMap((rule) => rule.beats.map((loser) => `${rule.name}>${loser}`)))
    const undeclared = [...seen.overlaps].filter((pair) => !declared.has(pair) && !declared.has(turned(pair)))
    const both = [...declared].filter((pair) => declared.has(turned(pair)))
    const needless = [...declared].filter((pair) => !seen.overlaps.has(pair))
    expect({ undeclared, both, needless }).toEqual({ undeclared: [], both: [], needless: [] })
  })

  test('reaches every verdict that the model names', () => {
    const reached = new Set(PRIMARY_RULES.map((rule) => rule.verdict))
    expect(PRIMARY_VERDICTS.filter((verdict) => !reached.has(verdict))).toEqual([])
  })

  test('names and explanations are unique, values belong to their domains', () => {
    expect(new Set(PRIMARY_RULES.map((rule) => rule.name)).size).toBe(PRIMARY_RULES.length)
    expect(new Set(PRIMARY_RULES.map((rule) => rule.because)).size).toBe(PRIMARY_RULES.length)
    for (const rule of PRIMARY_RULES)
      for (const fact of FACT_NAMES) {
        const domain: readonly string[] = FACTS[fact]
        for (const value of rule.when[fact] ?? []) expect(domain).toContain(value)
      }
  })

  test('no condition is idle: every value that a row lists is met where the row holds', () => {
    const idle = PRIMARY_RULES.flatMap((rule) =>
      FACT_NAMES.flatMap((fact) => (rule.when[fact] ?? []).map((value) => ({ rule, fact, value }))),
    ).filter(
      ({ rule, fact, value }) => !seen.possibleOnes.some((facts) => facts[fact] === value && holds(rule.when, facts)),
    )
    expect(idle.map(({ rule, fact, value }) => `${rule.name}: ${fact}=${value}`)).toEqual([])
  })
})

describe('what may never lead to a failover', () => {
  const every = seen.possibleOnes.filter((facts) => winners(PRIMARY_RULES, facts)[0]?.remedy === 'fail_over')
  const failovers = every.filter((facts) => facts.reign !== 'opening')

  test('a failover exists at all, so that the following can fail', () => {
    expect(failovers.length).toBeGreaterThan(10)
  })

  // covers W3, W6, W8, W10, W14
  test('every failover has a lost primary, enough witnesses, nobody who hears it, a proof and no rival', () => {
    for (const facts of failovers) {
      expect(['refused', 'silent', 'never_answered']).toContain(facts.primary)
      expect(facts.hearing).toBe('none_hear')
      expect(facts.witnesses).toBe('enough')
      expect(['everyone_refused', 'time_passed']).toContain(facts.proof)
      expect(['all_answer', 'some_answer']).toContain(facts.replicas)
      expect(facts.otherWritable).toBe('none')
      expect(facts.reign).not.toBe('none')
    }
  })

  test('a winner that was not open yet is given up only where it refuses, nobody receives from it, and it has no rival', () => {
    const givenUp = every.filter((facts) => facts.reign === 'opening')
    expect(givenUp.length).toBeGreaterThan(0)
    for (const facts of givenUp) {
      expect(['refused', 'never_answered']).toContain(facts.primary)
      expect(['none_hear', 'no_witness']).toContain(facts.hearing)
      expect(facts.proof).toBe('refused_unheard')
      expect(facts.otherWritable).toBe('none')
    }
  })

  // trap 27: an outdated server promoted after all were down
  test('trap 27: a primary never seen alive is replaced only when every replica answers', () => {
    for (const facts of failovers.filter((f) => f.primary === 'never_answered'))
      expect(facts.replicas).toBe('all_answer')
  })

  // trap 64
  test('trap 64: a primary whose history is not sound is never reopened', () => {
    const reopened = seen.possibleOnes.filter((facts) => winners(PRIMARY_RULES, facts)[0]?.remedy === 'reopen')
    expect(reopened.length).toBeGreaterThan(0)
    for (const facts of reopened) {
      expect(facts.history).toBe('sound')
      expect(facts.reign).toBe('open')
      expect(facts.access).toBe('read_only')
      expect(['all_answer', 'none']).toContain(facts.replicas)
    }
  })
})

test('a mismatch names the fact, what it is and what the row needs', () => {
  const facts = seen.possibleOnes.find((f) => f.primary === 'silent')
  if (facts === undefined) throw new Error('no combination with a silent primary')
  expect(mismatches({ primary: ['answers', 'denies'] }, facts)).toEqual([
    { fact: 'primary', is: 'silent', needs: ['answers', 'denies'] },
  ])
})
