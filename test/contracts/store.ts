import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { epoch, wallTime } from '../../src/model/ids.ts'
import type { HeldLease, Leases } from '../../src/ports/lease.ts'
import type { Order, Store } from '../../src/ports/store.ts'
import { aReign, aStatus, NOON, OTHER, S1, S2, S3, SHOP } from './sample.ts'

export interface StoreWorld extends AsyncDisposable {
  readonly store: Store
  readonly leases: Leases
  /** Ends this store and opens another over the same data, as after a restart. */
  reopen(): Promise<StoreWorld>
}

export async function takeLease(leases: Leases): Promise<HeldLease> {
  const answer = await leases.acquire('a test')
  if (answer.kind !== 'held') throw new Error(`taken by ${answer.by}`)
  return answer.lease
}

/** What every store owes, whatever it is made of. */
export function storeContract(name: string, make: () => Promise<StoreWorld>): void {
  describe(`the store contract, kept by ${name}`, () => {
    let world: StoreWorld
    let lease: HeldLease
    let store: Store
    beforeEach(async () => {
      world = await make()
      store = world.store
      lease = await takeLease(world.leases)
    })
    afterEach(async () => {
      await lease[Symbol.asyncDispose]()
      await world[Symbol.asyncDispose]()
    })
    const restart = async (): Promise<void> => {
      await lease[Symbol.asyncDispose]()
      world = await world.reopen()
      store = world.store
      lease = await takeLease(world.leases)
    }

    describe('clusters', () => {
      test('a cluster is found again after a restart, under its minted id', async () => {
        await store.addCluster({ id: SHOP, alias: 'shop', createdAt: NOON })
        await restart()
        expect(await store.clusters()).toEqual([{ id: SHOP, alias: 'shop', createdAt: NOON }])
      })

      test('trap 39: a cluster that is renamed keeps its id', async () => {
        await store.addCluster({ id: SHOP, alias: 'shop', createdAt: NOON })
        await store.addCluster({ id: SHOP, alias: 'store', createdAt: NOON })
        expect(await store.clusters()).toEqual([{ id: SHOP, alias: 'store', createdAt: NOON }])
      })

      test('of two who mint an id for one name, both are told the first one', async () => {
        await store.addCluster({ id: SHOP, alias: 'shop', createdAt: NOON })
        expect(await store.addCluster({ id: OTHER, alias: 'shop', createdAt: NOON })).toBe(SHOP)
        expect(await store.clusters()).toHaveLength(1)
      })
    })

    describe('reigns', () => {
      test('the reign of a cluster is the newest one, whole', async () => {
        expect(await store.reign(SHOP)).toBeUndefined()
        expect(await store.recordReign(aReign(4), lease.token)).toBe(true)
        const second = aReign(5, { primary: S2, semiSync: { kind: 'on', waitCount: 2, waitPoint: 'after_sync' } })
        expect(await store.recordReign(second, lease.token)).toBe(true)
        expect(await store.reign(SHOP)).toEqual(second)
        expect((await store.reigns(SHOP)).map((reign) => reign.epoch)).toEqual([5, 4])
      })

      test('an epoch that is not above every one seen is refused, also after a restart', async () => {
        await store.recordReign(aReign(7), lease.token)
        expect(await store.recordReign(aReign(7, { primary: S2 }), lease.token)).toBe(false)
        await restart()
        expect(await store.recordReign(aReign(6, { primary: S2 }), lease.token)).toBe(false)
        expect(await store.reign(SHOP)).toEqual(aReign(7))
      })

      test('epochs of two clusters are apart', async () => {
        await store.recordReign(aReign(7), lease.token)
        expect(await store.recordReign(aReign(1, { cluster: OTHER }), lease.token)).toBe(true)
      })

      test('crowning makes an opening reign open, twice as well as once', async () => {
        await store.recordReign(aReign(7, { state: 'opening' }), lease.token)
        await store.crown(SHOP, epoch(7), lease.token)
        await store.crown(SHOP, epoch(7), lease.token)
        expect((await store.reign(SHOP))?.state).toBe('open')
      })

      test('a reign that was replaced while it was opening is never crowned', async () => {
        await store.recordReign(aReign(7, { state: 'opening' }), lease.token)
        await store.recordReign(aReign(8, { state: 'opening', primary: S2 }), lease.token)
        await expect(store.crown(SHOP, epoch(7), lease.token)).rejects.toThrow()
        expect((await store.reigns(SHOP)).map((reign) => reign.state)).toEqual(['opening', 'opening'])
      })

      test('a former holder of the lease records nothing, crowns nothing, mints nothing', async () => {
        await store.recordReign(aReign(7, { state: 'opening' }), lease.token)
        const former = lease.token
        await lease[Symbol.asyncDispose]()
        expect(await store.recordReign(aReign(8), former)).toBe(false)
        lease = await takeLease(world.leases)
        expect(await store.recordReign(aReign(8), former)).toBe(false)
        await expect(store.crown(SHOP, epoch(7), former)).rejects.toThrow('lease')
        await expect(store.nextRouteNumber(SHOP, epoch(7), former)).rejects.toThrow('lease')
        expect(await store.reigns(SHOP)).toEqual([aReign(7, { state: 'opening' })])
      })
    })

    describe('route numbers', () => {
      test('grow by minting and are never used again, also after a restart', async () => {
        const minted = [await store.nextRouteNumber(SHOP, epoch(3), lease.token)]
        minted.push(await store.nextRouteNumber(SHOP, epoch(3), lease.token))
        await restart()
        minted.push(await store.nextRouteNumber(SHOP, epoch(3), lease.token))
        expect(minted).toEqual([...new Set(minted)].sort((a, b) => a - b))
      })

      test('twenty asked for at once are twenty different ones', async () => {
        const asked = Array.from({ length: 20 }, () => store.nextRouteNumber(SHOP, epoch(3), lease.token))
        expect(new Set(await Promise.all(asked)).size).toBe(20)
      })
    })

    describe('servers and readings', () => {
      const at = (host: string) => ({ host, port: 3306 })

      test('trap 40: addresses are aliases of one identity', async () => {
        await store.rememberServer({ id: S1, cluster: SHOP, address: at('db1'), seenAt: NOON })
        await store.rememberServer({ id: S1, cluster: SHOP, address: at('10.0.0.1'), seenAt: NOON })
        const known = await store.servers(SHOP)
        expect(known.map(({ id, address }) => [id, address.host]).sort()).toEqual([
          [S1, '10.0.0.1'],
          [S1, 'db1'],
        ])
      })

      test('an address that another server answers now is its alias alone', async () => {
        await store.rememberServer({ id: S1, cluster: SHOP, address: at('db1'), seenAt: NOON })
        await store.rememberServer({ id: S2, cluster: SHOP, address: at('db1'), seenAt: wallTime(NOON + 5) })
        expect(await store.servers(SHOP)).toEqual([
          { id: S2, cluster: SHOP, address: at('db1'), seenAt: wallTime(NOON + 5) },
        ])
      })

      test('trap 37: a wall clock that was set back does not keep news out', async () => {
        await store.rememberServer({ id: S1, cluster: SHOP, address: at('db1'), seenAt: NOON })
        await store.rememberServer({ id: S2, cluster: SHOP, address: at('db1'), seenAt: wallTime(NOON - 3_600_000) })
        expect((await store.servers(SHOP)).map(({ id }) => id)).toEqual([S2])
      })

      test('a forgotten server leaves neither address nor reading', async () => {
        await store.rememberServer({ id: S1, cluster: SHOP, address: at('db1'), seenAt: NOON })
        await store.rememberReading(SHOP, { server: S1, at: NOON, status: aStatus() })
        await store.forgetServer(SHOP, S1)
        expect([await store.servers(SHOP), await store.readings(SHOP)]).toEqual([[], []])
      })

      test('the last reading comes back without loss after a restart, numbers beyond 2^53 included', async () => {
        await store.rememberReading(SHOP, { server: S1, at: NOON, status: { ...aStatus(), uptimeS: 1 } })
        await store.rememberReading(SHOP, { server: S1, at: wallTime(NOON + 1), status: aStatus() })
        await restart()
        expect(await store.readings(SHOP)).toEqual([{ server: S1, at: NOON + 1, status: aStatus() }])
      })
    })

    describe('orders', () => {
      const order = (changes: Partial<Order> = {}): Order => ({
        ...{ kind: 'downtime', cluster: SHOP, reason: 'disk', by: 'ann', from: NOON, until: wallTime(NOON + 1000) },
        ...changes,
      })

      test('hold from their beginning until just before their end', async () => {
        await store.giveOrder(order({ server: S3 }))
        const during = async (ms: number) => (await store.orders(SHOP, wallTime(NOON + ms))).length
        expect([await during(-1), await during(0), await during(999), await during(1000)]).toEqual([0, 1, 1, 0])
      })

      test('a withdrawal names kind and server, and says how many it ended', async () => {
        await store.giveOrder(order())
        await store.giveOrder(order({ server: S1 }))
        await store.giveOrder(order({ kind: 'pause' }))
        expect(await store.withdrawOrder(SHOP, 'downtime', S1, wallTime(NOON + 1))).toBe(1)
        expect(await store.withdrawOrder(SHOP, 'downtime', S1, wallTime(NOON + 1))).toBe(0)
        expect(await store.withdrawOrder(SHOP, 'downtime', undefined, wallTime(NOON + 1))).toBe(1)
        expect(await store.orders(SHOP, wallTime(NOON + 1))).toEqual([order({ kind: 'pause' })])
      })
    })

    test('evidence is read newest first, within its cluster and limit', async () => {
      const add = (verdict: string, cluster = SHOP) =>
        store.addEvidence({ cluster, at: NOON, verdict, body: '{"a":1}' })
      await add('healthy')
      await add('suspected')
      await add('dead', OTHER)
      await add('limbo')
      expect((await store.evidence(SHOP, 2)).map(({ verdict }) => verdict)).toEqual(['limbo', 'suspected'])
      expect((await store.evidence(OTHER, 9)).map(({ verdict, body }) => [verdict, body])).toEqual([
        ['dead', '{"a":1}'],
      ])
    })
  })
}
