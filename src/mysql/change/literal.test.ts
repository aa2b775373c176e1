import { describe, expect, test } from 'vitest'
import { integer, seconds, text } from './literal.ts'

describe('a value becomes one string literal', () => {
  test.each([
    ['plain', "'plain'"],
    ['', "''"],
    ["O'Brien", "'O''Brien'"],
    ["'; DROP TABLE t; -- ", "'''; DROP TABLE t; -- '"],
    ['back\\slash', "'back\\\\slash'"],
    ["\\'", "'\\\\'''"],
    ['two\nlines\r', "'two\\nlines\\r'"],
    ['nul\0', "'nul\\0'"],
    ['sub\x1a', "'sub\\Z'"],
    ['"quoted" `ticked` %_', '\'"quoted" `ticked` %_\''],
    ['päss😀', "'päss😀'"],
  ])('%j', (value, literal) => {
    expect(text(value)).toBe(literal)
  })
})

test('numbers are whole, or nothing is sent', () => {
  expect(integer(3306)).toBe('3306')
  for (const wrong of [1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60])
    expect(() => integer(wrong)).toThrow(RangeError)
})

test('durations are printed in seconds, to the millisecond', () => {
  expect(seconds(500)).toBe('0.5')
  expect(seconds(1)).toBe('0.001')
  expect(seconds(60_000)).toBe('60')
  for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY]) expect(() => seconds(wrong)).toThrow(RangeError)
})
