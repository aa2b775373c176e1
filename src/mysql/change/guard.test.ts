import { describe, expect, test } from 'vitest'
import { deadlineOf, guard, guarded, MARGIN_MS, parseServerTime, printServerTime } from './guard.ts'

const NOON = parseServerTime('2026-11-21 12:00:00.000000') ?? 0

describe('a server prints its clock and it is read', () => {
  test.each([
    '2026-11-21 12:35:04.379702',
    '2026-12-31 23:59:59.999999',
    '2028-02-29 00:00:00.000000',
    '2100-01-01 00:00:00.000001',
  ])('%s keeps every microsecond', (printed) => {
    expect(printServerTime(parseServerTime(printed) ?? 0)).toBe(printed)
  })

  test('fewer digits are read as the same instant', () => {
    expect(parseServerTime('2026-11-21 12:00:00.5')).toBe(NOON + 500_000)
    expect(parseServerTime('2026-11-21 12:00:00')).toBe(NOON)
  })

  test.each(['', '12:00:00', '2026-11-21T12:00:00Z', '0', 'NULL'])('%j is no time', (printed) => {
    expect(parseServerTime(printed)).toBeUndefined()
  })
})

describe('trap 65: the deadline of a packet', () => {
  test('is the server clock, plus what was left of the lease, less the margin', () => {
    expect(deadlineOf({ serverUs: NOON, leftMs: 4000 })).toBe(NOON + (4000 - MARGIN_MS) * 1000)
  })

  test('never lies later than the lease, also with fractions of milliseconds', () => {
    expect(deadlineOf({ serverUs: NOON, leftMs: 1000.0007 })).toBe(NOON + (1000 - MARGIN_MS) * 1000)
  })

  test.each([0, -1, MARGIN_MS, MARGIN_MS - 1])('does not exist with %d ms left', (leftMs) => {
    expect(deadlineOf({ serverUs: NOON, leftMs })).toBeUndefined()
  })

  test('crosses midnight', () => {
    const late = parseServerTime('2026-12-31 23:59:59.900000') ?? 0
    const deadline = deadlineOf({ serverUs: late, leftMs: 1000 + MARGIN_MS })
    expect(printServerTime(deadline ?? 0)).toBe('2027-01-01 00:00:00.900000')
  })
})

describe('trap 66: the guard', () => {
  test('is a SELECT whose subquery has two rows, which stops the packet on both flavours', () => {
    expect(guard(NOON)).toBe("SELECT IF(UTC_TIMESTAMP(6) < '2026-11-21 12:00:00.000000', 0, (SELECT 1 UNION SELECT 2))")
  })

  test('trap 84: stands before each statement', () => {
    expect(guarded(['A', 'B'], NOON)).toEqual([guard(NOON), 'A', guard(NOON), 'B'])
  })
})
