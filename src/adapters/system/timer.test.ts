import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { systemRandom } from './random.ts'
import { monotonicMs, startTimer } from './timer.ts'

test('a wait longer than setTimeout can do does not end at once', async () => {
  let fired = false
  using _timer = startTimer(2 ** 31 + 5, () => {
    fired = true
  })
  await setTimeout(20)
  expect(fired).toBe(false)
})

test('a timer that was disposed does not fire', async () => {
  let fired = false
  startTimer(1, () => {
    fired = true
  })[Symbol.dispose]()
  await setTimeout(20)
  expect(fired).toBe(false)
})

test('instants count from the boot of this machine, so that processes can compare a deadline', () => {
  const uptimeMs = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000
  // Uptime has hundredths of a second, and counts suspended time as well.
  expect(monotonicMs()).toBeLessThan(uptimeMs + 1000)
  expect(monotonicMs()).toBeGreaterThan(0)
})

test('random numbers lie in [0, 1)', () => {
  const random = systemRandom()
  const drawn = Array.from({ length: 1000 }, () => random.next())
  expect(drawn.every((x) => x >= 0 && x < 1)).toBe(true)
  expect(new Set(drawn).size).toBeGreaterThan(990)
})
