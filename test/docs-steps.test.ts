import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { KINDS, STEPS_PATH, stepsText } from '../scripts/print-steps.ts'

const published = readFileSync(STEPS_PATH, 'utf8')

test('what print-steps.ts prints is what is published; else run it: node scripts/print-steps.ts', () => {
  expect(published).toBe(stepsText())
})

test('every kind of step has its row, and each row shows a line of its own', () => {
  const rows = [...published.matchAll(/^\| `(\w+)` \| .* \| (?:changes|looks) \| (.+) \|$/gm)]
  expect(rows.map(([, kind]) => kind)).toEqual(KINDS)
  expect(new Set(rows.map(([, , line]) => line)).size).toBe(KINDS.length)
  expect(published).not.toMatch(/undefined|NaN|\[object|the-replica/)
})
