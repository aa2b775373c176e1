import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { clusterId, epoch } from '../../src/model/ids.ts'
import type { RouteMessage } from '../../src/model/route.ts'
import type { Announcer } from '../../src/ports/announcers.ts'

export const shop = clusterId('c-shop')
const ordinal = (reign: number, number: number) => ({ cluster: shop, epoch: epoch(reign), number })
const open = (reign: number, number: number, host = 'db1'): RouteMessage => ({
  ...ordinal(reign, number),
  kind: 'open',
  primary: { host, port: 3306 },
})
const withdrawn = (reign: number, number: number): RouteMessage => ({ ...ordinal(reign, number), kind: 'withdrawn' })

export interface RouteWorld extends AsyncDisposable {
  readonly announcer: Announcer
  /** A deadline that nothing here needs. */
  soon(): AbortSignal
  /** The other side is gone, or does not answer any more. */
  cut(): Promise<void>
}

/** What every route owes, whatever it is made of. */
export function announcerContract(name: string, make: () => Promise<RouteWorld>): void {
  describe(`the route contract, kept by ${name}`, () => {
    let route: RouteWorld
    const soon = (): AbortSignal => route.soon()
    beforeEach(async () => {
      route = await make()
    })
    afterEach(() => route[Symbol.asyncDispose]())

    test('is empty before it was told anything', async () => {
      expect(await route.announcer.read(soon())).toEqual({ kind: 'empty' })
    })

    test('confirms by reading back, and reads the same later', async () => {
      const { announcer } = route
      expect(await announcer.announce(open(1, 1), soon())).toEqual({
        kind: 'confirmed',
        readBack: open(1, 1),
        sessionsOpen: 0,
      })
      expect(await announcer.withdraw(withdrawn(1, 2), soon())).toEqual({
        kind: 'confirmed',
        readBack: withdrawn(1, 2),
        sessionsOpen: 0,
      })
      expect(await announcer.announce(open(2, 1, 'db2'), soon())).toMatchObject({
        kind: 'confirmed',
        readBack: open(2, 1, 'db2'),
      })
      expect(await announcer.read(soon())).toEqual({ kind: 'known', message: open(2, 1, 'db2'), sessionsOpen: 0 })
    })

    test('confirms the same message again', async () => {
      await route.announcer.announce(open(1, 1), soon())
      expect(await route.announcer.announce(open(1, 1), soon())).toMatchObject({
        kind: 'confirmed',
        readBack: open(1, 1),
      })
    })

    test('trap 14: refuses a lower pair, and an equal pair with other content, and says what it has', async () => {
      const { announcer } = route
      await announcer.announce(open(2, 5), soon())
      for (const late of [open(2, 4, 'db9'), open(1, 9, 'db9'), open(2, 5, 'db9')]) {
        expect(await announcer.announce(late, soon())).toMatchObject({ kind: 'refused', has: open(2, 5) })
      }
      for (const late of [withdrawn(2, 4), withdrawn(1, 9), withdrawn(2, 5)]) {
        expect(await announcer.withdraw(late, soon())).toMatchObject({ kind: 'refused', has: open(2, 5) })
      }
      expect(await announcer.read(soon())).toMatchObject({ kind: 'known', message: open(2, 5) })
    })

    test('closes all sessions and says how many are left', async () => {
      expect(await route.announcer.closeSessions?.('at_once', soon())).toEqual({ closed: 0, remaining: 0 })
    })

    test('once it is gone nothing is confirmed, and no session counts as closed', async () => {
      await route.announcer.announce(open(1, 1), soon())
      await route.cut()
      const told = await route.announcer.withdraw(withdrawn(1, 2), soon())
      expect(['refused', 'unreachable']).toContain(told.kind)
      expect(await route.announcer.read(soon())).toMatchObject({ kind: 'unknown' })
      expect(await route.announcer.closeSessions?.('at_once', soon())).toMatchObject({ remaining: 1 })
    })

    test('a deadline that has passed changes nothing and confirms nothing', async () => {
      await route.announcer.announce(open(1, 1), soon())
      const late = AbortSignal.abort(new DOMException('the deadline has passed', 'TimeoutError'))
      expect(await route.announcer.announce(open(1, 2, 'db2'), late)).toMatchObject({ kind: 'unreachable' })
      expect(await route.announcer.read(soon())).toMatchObject({ kind: 'known', message: open(1, 1) })
    })
  })
}
