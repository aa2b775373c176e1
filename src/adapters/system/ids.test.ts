import { expect, test } from 'vitest'
import { wallTime } from '../../model/ids.ts'
import { systemClock } from './clock.ts'
import { systemIds } from './ids.ts'

const NOON = Date.UTC(2026, 10, 21, 14, 15, 3)
const idsAt = (wall: () => number) => systemIds({ ...systemClock(), wall: () => wallTime(wall()) })

test('a recovery id tells its time', () => {
  expect(idsAt(() => NOON).recovery()).toMatch(/^r-20261121-141503-[0-9a-f]{4}$/)
})

test('ids of one second are unique and in order, also a burst of more than one second can name', () => {
  const ids = idsAt(() => NOON)
  const made = Array.from({ length: 140_000 }, () => ids.recovery())
  expect(new Set(made).size).toBe(made.length)
  expect(made.every((id, at) => at === 0 || id > (made[at - 1] ?? ''))).toBe(true)
})

test('trap 37: an id never sorts before an earlier one, though the wall clock was set back', () => {
  let now = NOON
  const ids = idsAt(() => now)
  const before = ids.recovery()
  now -= 3_600_000
  expect(ids.recovery() > before).toBe(true)
})

test('cluster ids are minted, not derived', () => {
  const ids = idsAt(() => NOON)
  expect(ids.cluster()).toMatch(/^c-[0-9a-f]{16}$/)
  expect(ids.cluster()).not.toBe(ids.cluster())
})
