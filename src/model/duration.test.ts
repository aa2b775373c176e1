import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDuration, printDuration } from './duration.ts'

describe('a duration', () => {
  it.each([
    ['500ms', 500],
    ['1.5s', 1500],
    ['1.1s', 1100],
    ['10m', 600_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    ['0s', 0],
    [' 3s ', 3000],
  ])('%s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms))

  it.each(['', '10', '10 s', '-1s', '1e3s', '.5s', 's', '10sec', 'NaNs', '1h30m', '999999d'])('%j is none', (text) =>
    expect(parseDuration(text)).toBeUndefined(),
  )

  it.each([
    [0, '0s'],
    [500, '500ms'],
    [1500, '1.5s'],
    [90_000, '90s'],
    [600_000, '10m'],
    [0.25, '0.25ms'],
  ])('%d ms is printed as %s', (ms, text) => expect(printDuration(ms)).toBe(text))

  it('is read back as the number that was printed', () => {
    fc.assert(fc.property(fc.nat(3_000_000_000), (ms) => parseDuration(printDuration(ms)) === ms))
  })
})
