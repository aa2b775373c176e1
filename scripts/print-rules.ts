/** Prints `docs/rules.md` from the tables of detection. */
import { writeFileSync } from 'node:fs'
import { FACT_NAMES, FACT_QUESTIONS, FACTS } from '../src/decide/diagnose/facts.ts'
import { PRIMARY_RULES } from '../src/decide/diagnose/primary-rules.ts'
import {
  REPLICA_FACT_NAMES,
  REPLICA_FACTS,
  REPLICA_QUESTIONS,
  REPLICA_RULES,
} from '../src/decide/diagnose/replica-rules.ts'
import type { PrimaryRule } from '../src/decide/diagnose/rule.ts'
import { PRIMARY_VERDICTS, REPLICA_FINDINGS, type Remedy } from '../src/model/diagnosis.ts'

export const RULES_PATH = new URL('../docs/rules.md', import.meta.url)

const HEAD = `# Rules of detection

How Regent concludes what is broken. Readings are folded into a few facts, and tables of rules give the verdict. This page is
printed from the tables in \`src/decide/diagnose\` by \`scripts/print-rules.ts\`; \`regent explain <cluster>\` shows the facts as they
stand, who said what, the row that holds, and what every other row misses.

The primary has one verdict: a test enumerates every possible combination of facts and demands exactly one row that holds and is
not overruled. The order of the rows means nothing; where two may hold, one says that it overrules the other.
`

const REMEDIES: { readonly [R in Remedy]: string } = {
  none: 'nothing is done',
  watch: 'nothing is done, it is shown',
  look_again: 'every server of the cluster is looked at at once, and new connections to the primary are tried',
  tell: 'a person is told',
  fail_over: 'the primary role moves to a replica, as far as policy allows it without asking',
  fence_stale: 'the servers named are kept from taking writes',
  reopen: 'the primary is made writable again',
  adopt: 'the first reign is recorded',
}

const list = (values: readonly string[]): string => values.map((value) => `\`${value}\``).join(' or ')
const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const table = (head: readonly string[], rows: readonly string[]): string =>
  [row(...head), row(...head.map(() => '---')), ...rows, ''].join('\n')

export function rulesText(): string {
  return [
    HEAD,
    '## Remedies\n',
    table(
      ['remedy', 'means'],
      Object.entries(REMEDIES).map(([remedy, means]) => row(`\`${remedy}\``, means)),
    ),
    '## Facts about the primary\n',
    table(
      ['fact', 'asks', 'values'],
      FACT_NAMES.map((fact) => row(`\`${fact}\``, FACT_QUESTIONS[fact], list(FACTS[fact]))),
    ),
    '## Rules about the primary\n',
    ...PRIMARY_VERDICTS.flatMap((verdict) => PRIMARY_RULES.filter((rule) => rule.verdict === verdict)).map(printRule),
    '## Facts about a replica\n',
    table(
      ['fact', 'asks', 'values'],
      REPLICA_FACT_NAMES.map((fact) => row(`\`${fact}\``, REPLICA_QUESTIONS[fact], list(REPLICA_FACTS[fact]))),
    ),
    '## Findings about a replica\n',
    'Any number may hold. Every server that is not the primary is asked.\n',
    table(['finding', 'because', 'when'], REPLICA_FINDINGS.map(printFinding)),
  ].join('\n')
}

function printRule(rule: PrimaryRule): string {
  const conditions = FACT_NAMES.flatMap((fact) => {
    const needs: readonly string[] | undefined = rule.when[fact]
    return needs === undefined ? [] : [`- \`${fact}\` is ${list(needs)}`]
  })
  const beats = rule.beats.length === 0 ? [] : ['', `Overrules ${rule.beats.map((name) => `\`${name}\``).join(', ')}.`]
  const head = [
    `### ${rule.name}`,
    '',
    `Verdict \`${rule.verdict}\`, remedy \`${rule.remedy}\`: ${rule.because}.`,
    '',
    'When',
  ]
  return [...head, '', ...conditions, ...beats, ''].join('\n')
}

function printFinding(finding: (typeof REPLICA_FINDINGS)[number]): string {
  const { because, when } = REPLICA_RULES[finding]
  const conditions = REPLICA_FACT_NAMES.flatMap((fact) => {
    const needs: readonly string[] | undefined = when[fact]
    return needs === undefined ? [] : [`\`${fact}\` is ${list(needs)}`]
  })
  return row(`\`${finding}\``, because, conditions.join(', '))
}

if (import.meta.main) writeFileSync(RULES_PATH, rulesText())
