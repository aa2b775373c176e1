import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { epoch, recoveryId, wallTime } from '../../src/model/ids.ts'
import type { Journal, RecoveryRecord } from '../../src/ports/journal.ts'
import type { HeldLease, Leases } from '../../src/ports/lease.ts'
import type { Store } from '../../src/ports/store.ts'
import { aPlan, aRecovery, aReign, aStepRecord, NOON, OTHER, R1, R2, S2, S3, SHOP } from './sample.ts'
import { takeLease } from './store.ts'

export interface JournalWorld extends AsyncDisposable {
  readonly journal: Journal
  readonly store: Store
  readonly leases: Leases
  /** Ends it and opens another over the same data, as after a restart or on another node. */
  reopen(): Promise<JournalWorld>
}

/** What every journal owes, whatever it is made of. */
export function journalContract(name: string, make: () => Promise<JournalWorld>): void {
  describe(`the journal contract, kept by ${name}`, () => {
    let world: JournalWorld
    let journal: Journal
    let lease: HeldLease
    beforeEach(async () => {
      world = await make()
      journal = world.journal
      lease = await takeLease(world.leases)
    })
    afterEach(async () => {
      await lease[Symbol.asyncDispose]()
      await world[Symbol.asyncDispose]()
    })
    const restart = async (): Promise<void> => {
      await lease[Symbol.asyncDispose]()
      world = await world.reopen()
      journal = world.journal
      lease = await takeLease(world.leases)
    }
    const begin = (id = R1) => journal.begin(aRecovery(id), aPlan(id), lease.token)
    const act2 = (number: number, winner = S2) => aPlan(R1, { act: 2, mints: { epoch: epoch(number), winner } })

    test('a recovery that has begun is open and whole after a restart', async () => {
      expect(await begin()).toEqual({ kind: 'begun' })
      await restart()
      expect(await journal.open(SHOP)).toEqual({
        ...aRecovery(R1),
        ...{ state: 'act1', plans: [aPlan(R1)], steps: [], events: [], refusals: [] },
      })
    })

    test('trap 6: while one recovery of a cluster is open no other begins, and the answer names the open one', async () => {
      await begin()
      expect(await begin(R2)).toEqual({ kind: 'another_is_open', id: R1 })
      const elsewhere = await journal.begin(aRecovery(R2, OTHER), aPlan(R2, { cluster: OTHER }), lease.token)
      expect(elsewhere).toEqual({ kind: 'begun' })
    })

    test('trap 5: a recovery that has ended blocks nothing', async () => {
      await begin()
      await journal.setState(R1, 'refused', wallTime(NOON + 9), lease.token)
      expect(await journal.open(SHOP)).toBeUndefined()
      expect(await begin(R2)).toEqual({ kind: 'begun' })
      expect((await journal.list(SHOP, 9)).map(({ id, state }) => [id, state])).toEqual([
        [R2, 'act1'],
        [R1, 'refused'],
      ])
      expect(await journal.list(SHOP, 1)).toHaveLength(1)
      expect((await journal.read(R1))?.endedAt).toBe(NOON + 9)
    })

    test('two that begin at once: one begins', async () => {
      const kinds = (await Promise.all([begin(R1), begin(R2)])).map(({ kind }) => kind)
      expect(kinds.sort()).toEqual(['another_is_open', 'begun'])
    })

    test('trap 17: a recovery that has ended is never opened again', async () => {
      await begin()
      await journal.setState(R1, 'failed', NOON, lease.token)
      await expect(journal.setState(R1, 'act1', NOON, lease.token)).rejects.toThrow(R1)
      await expect(journal.intend(R1, act2(1), lease.token)).rejects.toThrow(R1)
      expect((await journal.read(R1))?.state).toBe('failed')
      expect(await world.store.reign(SHOP)).toBeUndefined()
    })

    describe('the intent of act 2', () => {
      test('records the reign as opening, together with its winner', async () => {
        await begin()
        expect(await journal.intend(R1, act2(1), lease.token)).toBe('intended')
        await restart()
        expect(await world.store.reign(SHOP)).toMatchObject({
          ...{ cluster: SHOP, epoch: 1, primary: S2, state: 'opening', recovery: R1 },
          semiSync: { kind: 'on', waitCount: 1, waitPoint: 'after_sync' },
        })
        const open = await journal.open(SHOP)
        expect([open?.state, open?.plans]).toEqual(['act2', [aPlan(R1), act2(1)]])
      })

      test('is refused, and nothing is written, when its epoch is not new', async () => {
        await world.store.recordReign(aReign(4), lease.token)
        await begin()
        expect(await journal.intend(R1, act2(4), lease.token)).toBe('epoch_used')
        expect(await journal.intend(R1, act2(3), lease.token)).toBe('epoch_used')
        expect(await world.store.reign(SHOP)).toEqual(aReign(4))
        expect((await journal.read(R1))?.plans).toEqual([aPlan(R1)])
      })

      test('nobody else is chosen in an epoch that was minted', async () => {
        await begin()
        await journal.intend(R1, act2(1), lease.token)
        expect(await journal.intend(R1, act2(1, S3), lease.token)).toBe('epoch_used')
        expect((await world.store.reign(SHOP))?.primary).toBe(S2)
      })

      test('a continued recovery goes forward to the same winner in the same epoch', async () => {
        await begin()
        await journal.intend(R1, act2(1), lease.token)
        await restart()
        expect(await journal.intend(R1, act2(1), lease.token)).toBe('intended')
        expect(await world.store.reigns(SHOP)).toHaveLength(1)
        expect((await journal.read(R1))?.plans).toHaveLength(3)
      })
    })

    test('trap 65: a former holder begins nothing, intends nothing, sets no state', async () => {
      await begin()
      const former = lease.token
      await lease[Symbol.asyncDispose]()
      lease = await takeLease(world.leases)
      expect(await journal.begin(aRecovery(R2, OTHER), aPlan(R2, { cluster: OTHER }), former)).toEqual({
        kind: 'lease_lost',
      })
      expect(await journal.intend(R1, act2(1), former)).toBe('lease_lost')
      await expect(journal.setState(R1, 'failed', NOON, former)).rejects.toThrow('lease')
      expect([(await journal.open(SHOP))?.state, await journal.open(OTHER), await world.store.reign(SHOP)]).toEqual([
        ...['act1', undefined, undefined],
      ])
    })

    describe('steps and events', () => {
      test('trap 7: a step that was started and not ended has no outcome after a restart', async () => {
        await begin()
        journal.stepStarted(R1, '1/seal:s2')
        journal.stepStarted(R1, '1/seal:s3')
        journal.stepEnded(R1, '1/seal:s2', aStepRecord('sealed'))
        journal.event(R1, NOON, 'act 1 begins')
        journal.event(R1, NOON, 's2 is sealed')
        await journal.flush()
        await restart()
        const open = await journal.open(SHOP)
        expect(open?.steps).toEqual([{ key: '1/seal:s2', record: aStepRecord('sealed') }, { key: '1/seal:s3' }])
        expect(open?.events.map(({ says }) => says)).toEqual(['act 1 begins', 's2 is sealed'])
      })

      test('a step that is started again has no outcome until it has ended again', async () => {
        await begin()
        journal.stepStarted(R1, '1/seal:s2')
        journal.stepEnded(R1, '1/seal:s2', aStepRecord('sealed'))
        journal.stepStarted(R1, '1/seal:s2')
        expect((await journal.read(R1))?.steps).toEqual([{ key: '1/seal:s2' }])
        journal.stepEnded(R1, '1/seal:s2', aStepRecord('sealed again'))
        expect((await journal.read(R1))?.steps).toEqual([{ key: '1/seal:s2', record: aStepRecord('sealed again') }])
      })

      test('a state that was set comes after every outcome that was posted before it', async () => {
        await begin()
        for (let at = 0; at < 300; at++) journal.stepEnded(R1, `1/${at}`, aStepRecord('done'))
        await journal.setState(R1, 'done', NOON, lease.token)
        expect((await journal.read(R1))?.steps).toHaveLength(300)
      })

      test('what can never be written makes flush reject, once', async () => {
        journal.event(R2, NOON, 'of a recovery that nobody began')
        await expect(journal.flush()).rejects.toThrow()
        await journal.flush()
      })
    })

    test('refusals and losses are kept', async () => {
      await begin()
      const reasons = [{ code: 'lag', says: 's2 lags', tryThis: 'regent explain shop' }]
      await journal.setRefusals(R1, reasons)
      await journal.setLost(R1, '3 transactions')
      await restart()
      expect(await journal.read(R1)).toMatchObject({ refusals: reasons, lost: '3 transactions' })
    })

    // An anti-flapping that reads only the latest recoveries is pushed out of sight by repairs.
    test('the last of a kind that was done is found behind any number of others', async () => {
      const end = async (id: string, changes: Partial<RecoveryRecord>, at: number): Promise<void> => {
        const record = { ...aRecovery(recoveryId(id)), ...changes }
        await journal.begin(record, aPlan(record.id), lease.token)
        await journal.setState(record.id, changes.state ?? 'done', wallTime(NOON + at), lease.token)
      }
      expect(await journal.lastCompleted(SHOP, 'failover', true)).toBeUndefined()
      await end('first', {}, 1)
      await end('last', {}, 2)
      await end('failed', { state: 'failed' }, 3)
      await end('by-hand', { automatic: false }, 4)
      for (let n = 0; n < 30; n++) await end(`repair-${n}`, { kind: 'rejoin' }, 10 + n)
      await restart()
      expect(await journal.lastCompleted(SHOP, 'failover', true)).toBe(NOON + 2)
      expect(await journal.lastCompleted(SHOP, 'failover', false)).toBe(NOON + 4)
      expect(await journal.lastCompleted(OTHER, 'failover', true)).toBeUndefined()
    })

    test('an unknown recovery reads as nothing', async () => {
      expect([await journal.read(R2), await journal.open(OTHER), await journal.list(OTHER, 3)]).toEqual([
        ...[undefined, undefined, []],
      ])
    })
  })
}
