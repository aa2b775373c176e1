import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Clock } from '../../src/ports/clock.ts'

export interface ClockWorld extends AsyncDisposable {
  readonly clock: Clock
}

/** What every clock owes, real or driven. */
export function clockContract(name: string, make: () => Promise<ClockWorld>): void {
  describe(`the clock contract, kept by ${name}`, () => {
    let world: ClockWorld
    let clock: Clock
    beforeEach(async () => {
      world = await make()
      clock = world.clock
    })
    afterEach(() => world[Symbol.asyncDispose]())
    const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

    test('sleep never ends early', async () => {
      for (const ms of [0, 0.4, 5, 21.3]) {
        const before = clock.now()
        await clock.sleep(ms)
        expect(clock.now() - before).toBeGreaterThanOrEqual(ms)
      }
    })

    test('sleep rejects with the reason of a signal, one that has fired already included', async () => {
      const stop = new AbortController()
      const sleeping = clock.sleep(3_600_000, stop.signal)
      stop.abort(new Error('stopped by us'))
      await expect(sleeping).rejects.toThrow('stopped by us')
      await expect(clock.sleep(1, stop.signal)).rejects.toThrow('stopped by us')
    })

    test('sleep leaves no listener on a long-lived signal, however it ends', async () => {
      const stop = new AbortController()
      for (let round = 0; round < 20; round++) await clock.sleep(0, stop.signal)
      expect(listeners(stop.signal)).toBe(0)
      const sleeping = clock.sleep(3_600_000, stop.signal)
      expect(listeners(stop.signal)).toBe(1)
      stop.abort()
      await sleeping.catch(() => undefined)
      expect(listeners(stop.signal)).toBe(0)
    })

    test('a deadline fires after its time, with a TimeoutError', async () => {
      const before = clock.now()
      using deadline = clock.deadline(15)
      expect(deadline.signal.aborted).toBe(false)
      await expect(clock.sleep(3_600_000, deadline.signal)).rejects.toMatchObject({ name: 'TimeoutError' })
      expect(clock.now() - before).toBeGreaterThanOrEqual(15)
    })

    test('a deadline fires with its parent, and with its reason', async () => {
      const stop = new AbortController()
      using deadline = clock.deadline(3_600_000, stop.signal)
      stop.abort(new Error('the end'))
      expect(deadline.signal.reason).toMatchObject({ message: 'the end' })
      using late = clock.deadline(3_600_000, stop.signal)
      expect(late.signal.reason).toMatchObject({ message: 'the end' })
    })

    test('a deadline that was disposed never fires and leaves no listener on its parent', async () => {
      const stop = new AbortController()
      const kept: AbortSignal[] = []
      for (let round = 0; round < 20; round++) {
        using deadline = clock.deadline(5, stop.signal)
        kept.push(deadline.signal)
      }
      expect(listeners(stop.signal)).toBe(0)
      await clock.sleep(30)
      expect(kept.some((signal) => signal.aborted)).toBe(false)
    })

    test('a deadline that has fired leaves no listener on its parent either', async () => {
      const stop = new AbortController()
      using deadline = clock.deadline(1, stop.signal)
      await clock.sleep(3_600_000, deadline.signal).catch(() => undefined)
      expect(listeners(stop.signal)).toBe(0)
    })
  })
}
