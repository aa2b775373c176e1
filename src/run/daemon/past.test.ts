import { expect, test } from 'vitest'
import type { GtidSet } from '../../model/gtid/mysql-set.ts'
import type { History } from '../../model/history.ts'
import { instant } from '../../model/ids.ts'
import { type PastReading, withReading } from './past.ts'

const set = (intervals: number): GtidSet => ({
  parts: [
    {
      uuid: '00000000-0000-0000-0000-000000000001',
      tag: '',
      bounds: Array.from({ length: intervals * 2 }, (_, i) => i * 2 + 1) as never,
    },
  ],
})
const history = (intervals = 1): History => ({
  kind: 'mysql',
  executed: set(intervals),
  received: set(intervals),
  purged: { parts: [] },
})

const ages = (past: readonly PastReading[], now: number): readonly number[] => past.map((r) => now - r.sentAt)

test('looks every half second for an hour leave few readings: the newest, one a second at first, a tenth of their age apart later', () => {
  let past: readonly PastReading[] = []
  for (let at = 0; at <= 3_600_000; at += 500) past = withReading(past, { history: history(), sentAt: instant(at) })
  const found = ages(past, 3_600_000)
  expect(found[0]).toBe(0)
  expect(found.length).toBeLessThan(130)
  expect(found.at(-1)).toBeGreaterThan(500_000)
  expect(found.at(-1)).toBeLessThanOrEqual(600_000)
  for (const [i, age] of found.entries()) {
    const gap = age - (found[i - 1] ?? 0)
    expect(gap, `${age}`).toBeLessThanOrEqual(Math.max(1500, age * 0.15))
  }
})

test('sets in a hundred thousand pieces are kept only as far as they fit', () => {
  let past: readonly PastReading[] = []
  for (let at = 0; at <= 20_000; at += 1000) past = withReading(past, { history: history(30_000), sentAt: instant(at) })
  expect(past.length).toBe(3)
  expect(past[0]?.sentAt).toBe(20_000)
})
