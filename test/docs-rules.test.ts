import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { RULES_PATH, rulesText } from '../scripts/print-rules.ts'
import { PRIMARY_RULES } from '../src/decide/diagnose/primary-rules.ts'
import { PRIMARY_VERDICTS, REPLICA_FINDINGS } from '../src/model/diagnosis.ts'

const published = readFileSync(RULES_PATH, 'utf8')

test('what print-rules.ts prints is what is published; else run it: node scripts/print-rules.ts', () => {
  expect(published).toBe(rulesText())
})

test('every row and every verdict stands on the page, and every heading is a row', () => {
  const headings = [...published.matchAll(/^### (\w+)$/gm)].map((match) => match[1])
  expect(headings.toSorted()).toEqual(PRIMARY_RULES.map((rule) => rule.name).toSorted())
  for (const word of [...PRIMARY_VERDICTS, ...REPLICA_FINDINGS]) expect(published).toContain(`\`${word}\``)
  expect(published).not.toMatch(/undefined|NaN|\[object/)
})
