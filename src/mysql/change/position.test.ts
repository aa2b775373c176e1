import { describe, expect, test } from 'vitest'
import { covers, handsOnGtids, inDomainsOf, joinedPosition } from './position.ts'

describe('a position covers another', () => {
  test.each([
    ['0-1-5', '0-1-5', true],
    ['0-1-5', '0-1-6', false],
    ['0-2-7', '0-1-6', true],
    ['0-1-5', '', true],
    ['', '0-1-1', false],
    ['0-1-5,1-1-2', '1-1-2', true],
    ['0-1-5', '0-1-5,1-1-1', false],
    ['0-1-18446744073709551615', '0-1-18446744073709551614', true],
    ['0-1-18446744073709551614', '0-1-18446744073709551615', false],
  ])('%s of %s: %s', (a, b, answer) => {
    expect(covers(a, b)).toBe(answer)
  })
})

describe('trap 63: handing on needs the same server in the same domain', () => {
  test.each([
    ['0-1-5,0-2-9', '0-1-5', true],
    ['0-2-9', '0-1-5', false],
    ['0-1-4,0-2-9', '0-1-5', false],
    ['0-1-5', '', true],
    ['', '0-1-5', false],
  ])('state %s, part %s: %s', (state, part, answer) => {
    expect(handsOnGtids(state, part)).toBe(answer)
  })
})

test('joined positions stand at the furthest of each domain', () => {
  expect(joinedPosition(['0-1-5', '0-2-7,3-1-1', ''])).toBe('0-2-7,3-1-1')
  expect(joinedPosition(['0-2-7', '0-1-5'])).toBe('0-2-7')
  expect(joinedPosition([])).toBe('')
})

test('only domains that both know are common', () => {
  expect(inDomainsOf('0-1-7,9-99-2', '0-3-5')).toBe('0-1-7')
  expect(inDomainsOf('9-99-2', '')).toBe('')
})
