import assert from 'node:assert/strict'
import { test } from 'vitest'
import { compareRows, gapsBetween } from './gaps.ts'

const acks = [
  { n: 1, at: 0 },
  { n: 2, at: 5 },
  { n: 5, at: 105 },
  { n: 6, at: 125 },
  { n: 7, at: 145.5 },
]

test('a gap runs from the last acknowledgement before it to the first after it', () => {
  assert.deepEqual(gapsBetween(acks, 20), [
    { from: 5, to: 105, ms: 100, after: 2, until: 5 },
    { from: 125, to: 145.5, ms: 20.5, after: 6, until: 7 },
  ])
})

test('a pause of exactly the limit is no gap, and fewer than two acknowledgements have none', () => {
  assert.deepEqual(gapsBetween(acks, 100), [])
  assert.deepEqual(gapsBetween([], 20), [])
  assert.deepEqual(gapsBetween([{ n: 1, at: 50 }], 20), [])
})

test('an acknowledged row that is missing is lost; a present row that was never acknowledged is extra', () => {
  const remembered = { acknowledged: new Set([1, 2, 10]), refused: new Set([3, 4]) }
  assert.deepEqual(compareRows(remembered, new Set([5, 2, 4])), { lost: [1, 10], extra: [4, 5], contradicted: [4] })
})

test('what was remembered and what is there may agree completely', () => {
  const remembered = { acknowledged: new Set([1, 2]), refused: new Set([3]) }
  assert.deepEqual(compareRows(remembered, new Set([1, 2])), { lost: [], extra: [], contradicted: [] })
})
