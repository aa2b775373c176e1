import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { HeldLease, Leases } from '../../src/ports/lease.ts'
import { SHOP } from './sample.ts'

/** One Regent among several over the same store. */
export interface LeaseParty {
  readonly leases: Leases
  /** Its timers stop, its clock goes on: as under SIGSTOP. */
  freeze(): void
  thaw(): void
}

export interface LeaseWorld extends AsyncDisposable {
  readonly ttlMs: number
  join(): Promise<LeaseParty>
  wait(ms: number): Promise<void>
  /** Monotonic. */
  now(): number
}

/** What every lease owes, whatever it is made of. Times are bounds, not expectations: a slow machine may be late. */
export function leaseContract(name: string, make: () => Promise<LeaseWorld>): void {
  describe(`the lease contract, kept by ${name}`, () => {
    let world: LeaseWorld
    let ann: LeaseParty
    let bob: LeaseParty
    const held: HeldLease[] = []
    beforeEach(async () => {
      world = await make()
      ann = await world.join()
      bob = await world.join()
    })
    afterEach(async () => {
      ann.thaw()
      bob.thaw()
      for (const lease of held.splice(0)) await lease[Symbol.asyncDispose]()
      await world[Symbol.asyncDispose]()
    })
    const take = async (party: LeaseParty, who: string): Promise<HeldLease | undefined> => {
      const answer = await party.leases.acquire(who)
      if (answer.kind === 'held') held.push(answer.lease)
      return answer.kind === 'held' ? answer.lease : undefined
    }
    const mustTake = async (party: LeaseParty, who: string): Promise<HeldLease> => {
      const lease = await take(party, who)
      if (lease === undefined) throw new Error('the lease was taken')
      return lease
    }
    const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
      const deadline = world.now() + 20 * world.ttlMs + 5000
      while (!(await holds())) {
        if (world.now() > deadline) throw new Error('it did not come true in time')
        await world.wait(world.ttlMs / 20)
      }
    }

    test('trap 75: a second one is refused while it is valid, and hears who has it and for how long', async () => {
      await mustTake(ann, 'regent watch')
      const answer = await bob.leases.acquire('regent failover')
      if (answer.kind !== 'taken') throw new Error('two hold it')
      expect(answer.by).toBe('regent watch')
      expect(answer.leftMs).toBeGreaterThan(0)
      expect(answer.leftMs).toBeLessThanOrEqual(world.ttlMs)
      expect((await bob.leases.holder())?.by).toBe('regent watch')
    })

    test('trap 19: of many that ask at once exactly one has it', async () => {
      const asked = Array.from({ length: 6 }, (_, at) => take(at % 2 === 0 ? ann : bob, `party ${at}`))
      expect((await Promise.all(asked)).filter((lease) => lease !== undefined)).toHaveLength(1)
    })

    test('it is renewed for as long as it is held', async () => {
      const lease = await mustTake(ann, 'ann')
      const end = world.now() + 3 * world.ttlMs
      while (world.now() < end) {
        expect(lease.leftMs()).toBeLessThanOrEqual(world.ttlMs)
        await world.wait(world.ttlMs / 10)
      }
      expect(lease.lost.aborted).toBe(false)
      await until(() => lease.leftMs() > 0)
      expect(await take(bob, 'bob')).toBeUndefined()
    })

    test('given back, it is free at once, and its warrant is worth nothing', async () => {
      const lease = await mustTake(ann, 'ann')
      const warrant = lease.warrant(SHOP)
      expect([warrant.cluster, warrant.token]).toEqual([SHOP, lease.token])
      expect(warrant.leftMs()).toBeGreaterThan(0)
      await lease[Symbol.asyncDispose]()
      expect(warrant.leftMs()).toBeLessThanOrEqual(0)
      expect(await ann.leases.holder()).toBeUndefined()
      const next = await mustTake(bob, 'bob')
      expect(next.token).toBeGreaterThan(lease.token)
    })

    test('trap 26: a holder that was frozen finds nothing left on waking, before another can have it', async () => {
      const lease = await mustTake(ann, 'ann')
      ann.freeze()
      let next: HeldLease | undefined
      await until(async () => {
        next = await take(bob, 'bob')
        // Read after the answer: had the other one got it any earlier, something could still be left here.
        if (next !== undefined) expect(lease.leftMs()).toBeLessThanOrEqual(0)
        return next !== undefined
      })
      expect(next?.token).toBeGreaterThan(lease.token)
      expect(lease.lost.aborted).toBe(false)
      ann.thaw()
      await until(() => lease.lost.aborted)
      expect(lease.leftMs()).toBeLessThanOrEqual(0)
      expect(next?.lost.aborted).toBe(false)
    })

    test('a lease that was lost is given back without harm to the next holder', async () => {
      const lease = await mustTake(ann, 'ann')
      ann.freeze()
      await until(async () => (await take(bob, 'bob')) !== undefined)
      ann.thaw()
      await until(() => lease.lost.aborted)
      await lease[Symbol.asyncDispose]()
      expect((await ann.leases.holder())?.by).toBe('bob')
      expect(await take(ann, 'ann')).toBeUndefined()
    })

    test('a holder that froze while nobody asked goes on with the same lease', async () => {
      const lease = await mustTake(ann, 'ann')
      ann.freeze()
      await until(() => lease.leftMs() <= 0)
      ann.thaw()
      await until(() => lease.leftMs() > 0)
      expect(lease.lost.aborted).toBe(false)
    })
  })
}
