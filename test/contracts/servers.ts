import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Address } from '../../src/model/address.ts'
import { compareExecuted } from '../../src/model/history.ts'
import type { Look } from '../../src/model/look.ts'
import type { Outcome } from '../../src/model/outcome.ts'
import type { Channel, ServerStatus } from '../../src/model/server.ts'
import type { Flavour } from '../../src/model/version.ts'
import type { AttachTo, ChangeContext, Changing, Place, ServerAt, Warrant, Watching } from '../../src/ports/servers.ts'

export type Id = 's1' | 's2' | 's3'

/** Three servers, and what others than Regent do to them. `home`: s1 is open with its source side on, s2 and s3 follow it and have all it has. */
export interface ServersWorld {
  readonly flavour: Flavour
  readonly watching: Watching
  readonly changing: Changing
  home(): Promise<void>
  end(): Promise<void>
  at(id: Id): ServerAt
  /** Nobody listens there. */
  readonly nowhere: ServerAt
  /** An address that leads to that server. */
  door(id: Id): Promise<Door>
  /** The hands of another Regent. */
  another(): Changing
  within(ms: number, change: (context: ChangeContext) => Promise<Outcome>, warrant?: Warrant): Promise<Outcome>
  lease(ms: number, token?: number): Warrant
  /** Clients write so many rows at s1, one after the other. */
  insert(count: number): Promise<void>
  rows(id: Id): Promise<number>
  /** A client's commit at s1 that nobody acknowledges. */
  commit(): Promise<{ answered(): boolean }>
  /** What runs at s1 and keeps its closing waiting, until it is let go. */
  busy(): Promise<() => Promise<void>>
  /** An operator stops the applier. */
  stopApplier(id: Id): Promise<void>
  /** It meets a row that is there already, until that is mended. */
  breakApplier(id: Id): Promise<() => Promise<void>>
  kill(id: Id): Promise<void>
  restart(id: Id): Promise<void>
  freeze(id: Id): Promise<void>
  thaw(id: Id): Promise<void>
  wait(ms: number): Promise<void>
}

/** As after a restart of containers, a moved name, a port that was re-used. */
export interface Door {
  readonly address: Address
  /** Every connection through it ends; from now on another server is behind it. */
  leadTo(id: Id): Promise<void>
}

const DONE = { kind: 'done' } as const
const LOOK_MS = 2000
const failedWith = (code: string) => ({ kind: 'failed', code })

/** What every way to watch and to change servers owes, whatever it is made of. */
export function serversContract(name: string, make: () => Promise<ServersWorld>): void {
  describe(`the servers contract, kept by ${name}`, () => {
    let world: ServersWorld
    let changing: Changing
    beforeAll(async () => {
      world = await make()
    })
    afterAll(() => world?.end())
    beforeEach(async () => {
      await world.home()
      changing = world.changing
    }, 30_000)

    const addressOf = (id: Id): Address => ({ host: world.at(id).host, port: world.at(id).port })
    const place = (id: Id): Place => ({ address: world.at(id), channel: '' })
    const to = (id: Id, over: Partial<AttachTo> = {}): AttachTo => ({
      ...{ source: world.at(id), keepRelayLog: false, heartbeatMs: 500, connectRetryMs: 1000, semiSyncReplica: true },
      ...over,
    })
    const look = (id: Id, ms = LOOK_MS): Promise<Look> => world.watching.look(world.at(id), 'full', ms)
    const statusOf = async (id: Id): Promise<ServerStatus> => {
      const seen = await look(id)
      if (seen.kind !== 'answered') throw new Error(`${id}: ${seen.kind}`)
      return seen.status
    }
    const channelOf = async (id: Id): Promise<Channel> => {
      const [channel] = (await statusOf(id)).channels
      if (channel === undefined) throw new Error(`${id} has no channel`)
      return channel
    }
    const threads = async (id: Id): Promise<string> => {
      const { receiver, applier } = await channelOf(id)
      return `${receiver} ${applier}`
    }
    const eventually = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
      for (let turn = 0; !(await holds()); turn++) {
        if (turn > 1000) throw new Error(`did not come true: ${what}`)
        await world.wait(10)
      }
    }
    /** Each change twice: the second time it finds its work done. */
    const twice = async (ms: number, change: (context: ChangeContext) => Promise<Outcome>): Promise<Outcome> => {
      expect(await world.within(ms, change)).toMatchObject(DONE)
      const again = await world.within(ms, change)
      expect(again).toMatchObject(DONE)
      return again
    }
    const seal = (id: Id) => (c: ChangeContext) => changing.seal(place(id), { killAfterMs: 500 }, c)
    const close =
      (id: Id, lockWaitS = 2) =>
      (c: ChangeContext) =>
        changing.close(world.at(id), { lockWaitS }, c)
    const closed = (): string => (world.flavour === 'mysql' ? 'closed_to_all' : 'closed_to_clients')

    describe('a look', () => {
      test('tells who the primary is, what it waits for and who follows', async () => {
        const status = await statusOf('s1')
        expect(status).toMatchObject({ access: 'writable', channels: [], version: { flavour: world.flavour } })
        expect(status.semiSync).toMatchObject({
          kind: 'present',
          source: { enabled: true, operational: true, clients: 2, waitCount: 1, waitPoint: 'after_sync' },
        })
        expect(status.attached.map((a) => a.address)).toEqual([addressOf('s2'), addressOf('s3')])
      })

      test('sees a write arrive at a replica, and heartbeats where there is none', async () => {
        const before = await channelOf('s2')
        expect(before).toMatchObject({ receiver: 'running', applier: 'running', source: addressOf('s1') })
        await world.insert(1)
        await eventually('it has arrived and is applied', async () => {
          const [own, there] = [await statusOf('s1'), await statusOf('s2')]
          const moved = there.channels[0]?.receivedText !== before.receivedText
          return moved && compareExecuted(there.history, own.history) === 'equal'
        })
        const still = await channelOf('s2')
        await eventually('heartbeats', async () => (await channelOf('s2')).heartbeats > still.heartbeats)
        expect((await channelOf('s2')).receivedText).toBe(still.receivedText)
      })

      test('a frozen server is silent at the deadline, though its kernel takes connections; thawed it answers', async () => {
        await world.freeze('s3')
        expect((await look('s3', 150)).kind).toBe('silent')
        expect(await world.watching.knock([world.at('s3')], 500)).toMatchObject([{ outcome: 'accepted' }])
        expect((await look('s1')).kind).toBe('answered')
        await world.thaw('s3')
        await eventually('it answers', async () => (await look('s3', 500)).kind === 'answered')
      })

      test('a killed server: its close is news, then it is refused; restarted it is closed, and follows by itself', async () => {
        await look('s3')
        const news: string[] = []
        using _listening = world.watching.onClosed((address, { kind }) => news.push(`${address.port} ${kind}`))
        await world.kill('s3')
        await eventually('the close is told', async () => news.length > 0)
        expect(news).toEqual([`${world.at('s3').port} closed`])
        expect((await look('s3')).kind).toBe('refused')
        expect(await world.watching.knock([world.at('s3'), world.nowhere], LOOK_MS)).toMatchObject([
          ...[{ outcome: 'refused' }, { outcome: 'refused' }],
        ])
        await world.restart('s3')
        expect((await statusOf('s3')).access).toBe(closed())
        await eventually('it follows', async () => (await threads('s3')) === 'running running')
      })

      test('the replicas of a killed primary say that they cannot reach it, and receive nothing', async () => {
        const before = await channelOf('s2')
        await world.kill('s1')
        await eventually('it is told', async () => {
          const { receiver, receiverError } = await channelOf('s2')
          return receiver === 'connecting' && [2003, 2013].includes(receiverError?.code ?? 0)
        })
        expect((await channelOf('s2')).receivedText).toBe(before.receivedText)
        await world.restart('s1')
        expect((await statusOf('s1')).access).toBe(closed())
        await eventually('they are back', async () => (await threads('s2')) === 'running running')
      })
    })

    describe('moving the primary, each change of it repeatable', () => {
      test('s2 becomes primary, s3 its acker, s1 its replica', async () => {
        await world.insert(3)
        await twice(2000, (c) => changing.takeOver(world.at('s2'), c.warrant, c.signal))
        for (const id of ['s2', 's3'] as const) {
          const sealed = await twice(2000, seal(id))
          expect(sealed.kind === 'done' && sealed.reading?.channels[0]).toMatchObject({
            ...{ receiver: 'stopped', applier: 'running' },
          })
        }
        await twice(2000, (c) => changing.startApplier(place('s2'), c))
        const drained = await twice(2000, (c) => changing.awaitApplied(place('s2'), c))
        expect(drained.kind === 'done' && drained.reading?.history).toBeDefined()
        await twice(2000, (c) => changing.awaitReach(place('s3'), world.at('s2'), c))
        await twice(2000, (c) => changing.stopApplier(place('s2'), { rollBack: false }, c))
        await twice(3000, close('s1'))
        expect((await statusOf('s1')).access).toBe(closed())
        await twice(2000, (c) => changing.semiSyncSource(world.at('s2'), { enabled: true, waitCount: 1 }, c))
        await twice(3000, (c) => changing.attach(place('s3'), to('s2', { keepRelayLog: true }), c))
        const counted = await world.within(2000, (c) => changing.awaitAckers(world.at('s2'), 1, c))
        expect(counted).toMatchObject({ kind: 'done', facts: { clients: 1 } })
        await twice(2000, (c) => changing.open(world.at('s2'), c))
        expect((await statusOf('s2')).access).toBe('writable')
        await twice(3000, (c) => changing.resetChannel(place('s2'), c))
        expect((await statusOf('s2')).channels).toEqual([])
        await twice(4000, (c) => changing.attach(place('s1'), to('s2'), c))
        expect((await statusOf('s1')).semiSync).toMatchObject({ source: { enabled: false } })
        await twice(3000, (c) => changing.awaitReach(place('s1'), world.at('s2'), c))
      })

      test('a receiver that was sealed is started again', async () => {
        await world.within(2000, seal('s2'))
        await twice(2000, (c) => changing.startReceiver(place('s2'), c))
        await eventually('s2 hears s1', async () => (await threads('s2')) === 'running running')
      })

      test('the count of acknowledgements to wait for is read back', async () => {
        await twice(2000, (c) => changing.semiSyncSource(world.at('s1'), { enabled: true, waitCount: 1 }, c))
        expect((await statusOf('s1')).semiSync).toMatchObject({ source: { enabled: true, waitCount: 1 } })
        await twice(2000, (c) => changing.semiSyncSource(world.at('s1'), { enabled: false, waitCount: 1 }, c))
        expect((await statusOf('s1')).semiSync).toMatchObject({ source: { enabled: false, operational: false } })
      })

      test('where there is no channel that is said, and a reset has nothing to do', async () => {
        const none: Place = { address: world.at('s1'), channel: '' }
        const sealed = await world.within(2000, (c) => changing.seal(none, { killAfterMs: 500 }, c))
        expect(sealed).toMatchObject(failedWith('no_channel'))
        for (const change of [changing.startApplier, changing.startReceiver, changing.awaitApplied]) {
          expect(await world.within(2000, (c) => change(none, c))).toMatchObject(failedWith('no_channel'))
        }
        expect(await world.within(2000, (c) => changing.resetChannel(none, c))).toMatchObject(DONE)
      })

      test('trap 32 and 33: a forgotten channel is set up again in full, and a former primary follows from what it wrote itself', async () => {
        await world.insert(3)
        await world.within(3000, close('s1'))
        await world.within(3000, (c) => changing.awaitReach(place('s2'), world.at('s1'), c))
        expect(await world.within(3000, (c) => changing.resetChannel(place('s2'), c))).toMatchObject(DONE)
        expect(await world.within(5000, (c) => changing.attach(place('s1'), to('s2'), c))).toMatchObject(DONE)
        expect(await channelOf('s1')).toMatchObject({
          ...{ source: addressOf('s2'), receiver: 'running', applier: 'running', heartbeatPeriodMs: 500 },
          ...{ connectRetryMs: 1000, positioning: 'gtid' },
        })
        const [former, now] = [await statusOf('s1'), await statusOf('s2')]
        expect(compareExecuted(former.history, now.history)).toBe('equal')
      })
    })

    describe('what was received is never thrown away', () => {
      test('trap 53 and 55: an undrained replica is not repointed and not reset; drained, it may be', async () => {
        await world.within(2000, seal('s3'))
        await world.stopApplier('s2')
        await world.insert(20)
        const ahead = async (): Promise<boolean> => {
          const [own, there] = [await statusOf('s1'), await channelOf('s2')]
          return (
            JSON.stringify(own.history) !== '' &&
            (await world.rows('s2')) < (await world.rows('s1')) &&
            there.receiver === 'running'
          )
        }
        await eventually('s2 has received', ahead)
        await world.wait(200)
        await world.within(2000, seal('s2'))
        const attached = await world.within(3000, (c) => changing.attach(place('s2'), to('s3'), c))
        expect(attached).toMatchObject(failedWith('holds_unapplied'))
        expect(await world.within(3000, (c) => changing.resetChannel(place('s2'), c))).toMatchObject(
          failedWith('not_drained'),
        )
        expect(await world.within(300, (c) => changing.awaitApplied(place('s2'), c))).toMatchObject(
          failedWith('applier_stopped'),
        )
        if (world.flavour === 'mariadb')
          expect(await world.within(2000, (c) => changing.startReceiver(place('s2'), c))).toMatchObject(
            failedWith('applier_stopped'),
          )
        await twice(2000, (c) => changing.startApplier(place('s2'), c))
        expect(await world.within(5000, (c) => changing.awaitApplied(place('s2'), c))).toMatchObject(DONE)
        expect(await world.rows('s2')).toBe(await world.rows('s1'))
        expect(await world.within(3000, (c) => changing.attach(place('s2'), to('s1'), c))).toMatchObject(DONE)
      })

      test('an undrained replica may be repointed to one that has what it received', async () => {
        await world.stopApplier('s2')
        await world.insert(5)
        await world.within(3000, (c) => changing.awaitReach(place('s3'), world.at('s1'), c))
        expect(await world.within(3000, (c) => changing.attach(place('s2'), to('s3'), c))).toMatchObject(DONE)
        expect(await world.within(3000, (c) => changing.awaitReach(place('s2'), world.at('s1'), c))).toMatchObject(DONE)
      })

      test('a broken applier is told, with its error', async () => {
        const mend = await world.breakApplier('s2')
        await eventually('the applier stops', async () => (await channelOf('s2')).applier === 'stopped')
        expect((await channelOf('s2')).applierError?.code).toBe(1062)
        const outcome = await world.within(5000, (c) => changing.awaitApplied(place('s2'), c))
        expect(outcome).toMatchObject(failedWith('applier_broken'))
        expect(outcome.kind === 'failed' && outcome.says).toContain('1062')
        // It runs until it meets the same row again.
        await world.within(2000, (c) => changing.startApplier(place('s2'), c))
        await eventually('it stops again', async () => (await channelOf('s2')).applier === 'stopped')
        await mend()
        await twice(2000, (c) => changing.startApplier(place('s2'), c))
        expect(await world.within(3000, (c) => changing.awaitApplied(place('s2'), c))).toMatchObject(DONE)
      })

      test('what is not reached in time is said to be still behind', async () => {
        await world.within(2000, seal('s2'))
        await world.insert(3)
        const outcome = await world.within(300, (c) => changing.awaitReach(place('s2'), world.at('s1'), c))
        expect(outcome.kind).toBe('failed')
      })
    })

    describe('commits that wait', () => {
      test('trap 59, 60 and 86: a commit that waits is freed in the right order, and is never answered', async () => {
        for (const id of ['s2', 's3'] as const) await world.within(2000, seal(id))
        const commit = await world.commit()
        await world.wait(100)
        const closing = world.within(600, close('s1', 30))
        if (world.flavour === 'mysql')
          await eventually('it reads as closing', async () => (await statusOf('s1')).access === 'closing')
        expect((await closing).kind).not.toBe('done')
        expect((await statusOf('s1')).access).toBe('writable')
        const cut = await world.within(3000, (c) => changing.cutClients(world.at('s1'), [], c))
        expect(cut).toMatchObject({ kind: 'done', facts: { left: 0 } })
        expect(
          await world.within(3000, (c) => changing.semiSyncSource(world.at('s1'), { enabled: false, waitCount: 1 }, c)),
        ).toMatchObject(DONE)
        expect(await world.within(3000, close('s1'))).toMatchObject(DONE)
        expect(commit.answered()).toBe(false)
        expect((await statusOf('s1')).access).toBe(closed())
      })

      test('too few ackers are said to be too few', async () => {
        const outcome = await world.within(300, (c) => changing.awaitAckers(world.at('s1'), 9, c))
        expect(outcome).toMatchObject({ kind: 'failed', code: 'too_few_ackers' })
      })

      test('trap 85: an acker that is ahead of its new source: MariaDB breaks the link and says so, MySQL waits for the rest', async () => {
        await world.within(2000, seal('s2'))
        await world.insert(3)
        await world.within(3000, (c) => changing.awaitReach(place('s3'), world.at('s1'), c))
        const outcome = await world.within(2000, (c) => changing.attach(place('s3'), to('s2'), c))
        expect(outcome.kind).toBe(world.flavour === 'mysql' ? 'done' : 'failed')
        if (outcome.kind === 'failed') expect(outcome.says).toContain('1236')
      })
    })

    describe('an address leads to a server, and is not the server', () => {
      const every = (meant: ServerAt) => {
        const there: Place = { address: meant, channel: '' }
        const ask = (change: (context: ChangeContext) => Promise<Outcome>) => world.within(3000, change)
        return {
          prepare: () => ask((c) => changing.prepare(meant, c)),
          takeOver: () => ask((c) => changing.takeOver(meant, c.warrant, c.signal)),
          seal: () => ask((c) => changing.seal(there, { killAfterMs: 500 }, c)),
          startReceiver: () => ask((c) => changing.startReceiver(there, c)),
          startApplier: () => ask((c) => changing.startApplier(there, c)),
          stopApplier: () => ask((c) => changing.stopApplier(there, { rollBack: true }, c)),
          awaitApplied: () => ask((c) => changing.awaitApplied(there, c)),
          awaitReach: () => ask((c) => changing.awaitReach(there, world.at('s1'), c)),
          reachOfIt: () => ask((c) => changing.awaitReach(place('s1'), meant, c)),
          attach: () => ask((c) => changing.attach(there, to('s1'), c)),
          resetChannel: () => ask((c) => changing.resetChannel(there, c)),
          awaitAckers: () => ask((c) => changing.awaitAckers(meant, 0, c)),
          semiSyncSource: () => ask((c) => changing.semiSyncSource(meant, { enabled: true, waitCount: 1 }, c)),
          cutClients: () => ask((c) => changing.cutClients(meant, [], c)),
          cutPrivileged: () => ask((c) => changing.cutPrivileged(meant, c)),
          close: () => ask((c) => changing.close(meant, { lockWaitS: 1 }, c)),
          open: () => ask((c) => changing.open(meant, c)),
        }
      }

      /** A connection that has just ended may take one change with it: that one is of unknown outcome, and never done. */
      const noticed = (change: () => Promise<Outcome>): Promise<void> =>
        eventually('it is seen that another server is there', async () => {
          const outcome = await change()
          expect(outcome.kind).not.toBe('done')
          return outcome.kind === 'failed' && outcome.code === 'another_server'
        })

      test('a change meant for one server is not made to another that has taken its address', async () => {
        const door = await world.door('s2')
        const meant: ServerAt = { ...door.address, id: world.at('s2').id }
        const changes = every(meant)
        expect(await changes.prepare()).toMatchObject(DONE)
        expect(await changes.seal()).toMatchObject(DONE)
        await door.leadTo('s3')
        await eventually('s3 follows', async () => (await threads('s3')) === 'running running')
        await noticed(changes.seal)
        for (const [name, change] of Object.entries(changes))
          expect([name, await change()]).toMatchObject([name, failedWith('another_server')])
        const untold = await world.within(500, async (c) => {
          const sessions = await changing.idleSessions(meant, c.signal)
          return { kind: 'done', says: `${sessions.length}` }
        })
        expect(untold).toMatchObject({ says: '0' })
        const untouched = await statusOf('s3')
        expect(untouched).toMatchObject({ access: closed(), semiSync: { source: { enabled: false } } })
        expect(untouched.channels).toMatchObject([{ receiver: 'running', applier: 'running', source: addressOf('s1') }])
        const outcome = await changes.open()
        expect(outcome.kind === 'failed' && [outcome.says, outcome.tryThis].join()).toContain(world.at('s3').id)
      })

      test('a server that has its address again is changed again, and so is the other one by its own identity', async () => {
        const door = await world.door('s2')
        const [second, third] = [world.at('s2').id, world.at('s3').id]
        const sealAs = (id: ServerAt['id']) => every({ ...door.address, id }).seal()
        expect(await every({ ...door.address, id: second }).prepare()).toMatchObject(DONE)
        await door.leadTo('s3')
        await noticed(() => sealAs(second))
        expect(await sealAs(third)).toMatchObject(DONE)
        expect((await channelOf('s3')).receiver).toBe('stopped')
        await door.leadTo('s2')
        await eventually('s2 follows', async () => (await threads('s2')) === 'running running')
        await noticed(() => sealAs(third))
        expect(await sealAs(second)).toMatchObject(DONE)
        expect((await channelOf('s2')).receiver).toBe('stopped')
      })
    })

    describe('the right to change servers', () => {
      test.each([0, -1, 150])('with %d ms left of the lease nothing is sent', async (left) => {
        const outcome = await world.within(2000, close('s1', 1), world.lease(left, 3))
        expect(outcome).toMatchObject(failedWith('guard_expired'))
        expect((await statusOf('s1')).access).toBe('writable')
      })

      test('a change that reaches a frozen server is of unknown outcome; once its right is over it never takes effect', async () => {
        await world.freeze('s2')
        const outcome = await world.within(200, seal('s2'), world.lease(800, 3))
        expect(outcome.kind).toBe('unknown')
        await world.wait(900)
        await world.thaw('s2')
        await eventually('it answers', async () => (await look('s2', 500)).kind === 'answered')
        await world.wait(200)
        expect(await threads('s2')).toBe('running running')
      })

      test('a new leader finds and kills what the old one left waiting, and it never takes effect', async () => {
        const old = world.another()
        const letGo = await world.busy()
        const waiting = world.within(
          20_000,
          (c) => old.close(world.at('s1'), { lockWaitS: 60 }, c),
          world.lease(60_000, 1),
        )
        await world.wait(300)
        const heir = world.lease(60_000, 2)
        const taken = await world.within(3000, (c) => changing.takeOver(world.at('s1'), heir, c.signal), heir)
        expect(taken).toMatchObject({ kind: 'done', facts: { killed: 1 } })
        expect((await waiting).kind).not.toBe('done')
        old.release()
        await letGo()
        expect((await statusOf('s1')).access).toBe('writable')
        await world.insert(1)
      })

      test('a server that cannot be reached is an outcome', async () => {
        for (const address of [world.nowhere]) {
          const outcome = await world.within(1000, (c) => changing.open(address, c))
          expect(outcome).toMatchObject(failedWith('unreachable'))
        }
      })
    })
  })
}
