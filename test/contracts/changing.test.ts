/** What only real servers have of changing: SQL, threads, locks; the contract is in servers.ts. Flavour: REGENT_TEST_FLAVOUR (mysql or mariadb; default mariadb). */
import { mkdir, rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { tempDirOf } from '../../src/lab/sandbox/options.ts'
import type { Outcome } from '../../src/model/outcome.ts'
import { eventually, flavour, frozenLease, World, words } from './changing-world.ts'

let world: World

beforeAll(async () => {
  world = await World.start()
}, 60_000)
afterAll(() => world?.end())
beforeEach(() => world.home(), 30_000)

const DONE = { kind: 'done' } as const
const failedWith = (code: string) => ({ kind: 'failed', code })
const reading = (outcome: Outcome) => (outcome.kind === 'done' ? outcome.reading : undefined)

/** Each change twice: the second time it finds its work done. */
async function twice(change: () => Promise<Outcome>): Promise<Outcome> {
  expect(await change()).toMatchObject(DONE)
  const again = await change()
  expect(again).toMatchObject(DONE)
  return again
}

describe('one change after another moves the primary, and each may be repeated', () => {
  test('s2 becomes primary, s3 its acker, s1 its replica', async () => {
    const { changing } = world
    await world.insert(3)
    await twice(() => world.within(2000, (c) => changing.takeOver(world.at('s2'), c.warrant, c.signal)))
    for (const id of ['s2', 's3'] as const) {
      const sealed = await twice(() =>
        world.within(2000, (c) => changing.seal(world.place(id), { killAfterMs: 500 }, c)),
      )
      expect(reading(sealed)?.channels[0]).toMatchObject({ receiver: 'stopped', applier: 'running' })
      expect((await world.threads(id))[0]).toBe('No')
    }
    await twice(() => world.within(2000, (c) => changing.startApplier(world.place('s2'), c)))
    const drained = await twice(() => world.within(2000, (c) => changing.awaitApplied(world.place('s2'), c)))
    expect(reading(drained)?.history).toBeDefined()
    await twice(() => world.within(2000, (c) => changing.awaitReach(world.place('s3'), world.at('s2'), c)))
    await twice(() => world.within(2000, (c) => changing.stopApplier(world.place('s2'), { rollBack: false }, c)))
    await twice(() => world.within(3000, (c) => changing.close(world.at('s1'), { lockWaitS: 2 }, c)))
    await twice(() =>
      world.within(2000, (c) => changing.semiSyncSource(world.at('s2'), { enabled: true, waitCount: 1 }, c)),
    )
    await twice(() =>
      world.within(3000, (c) => changing.attach(world.place('s3'), world.to('s2', { keepRelayLog: true }), c)),
    )
    const counted = await world.within(2000, (c) => changing.awaitAckers(world.at('s2'), 1, c))
    expect(counted).toMatchObject({ kind: 'done', facts: { clients: 1 } })
    await twice(() => world.within(2000, (c) => changing.open(world.at('s2'), c)))
    await twice(() => world.within(3000, (c) => changing.resetChannel(world.place('s2'), c)))
    await twice(() => world.within(4000, (c) => changing.attach(world.place('s1'), world.to('s2'), c)))
    await world.run('s2', "INSERT INTO app.t(v) VALUES ('by the new one')")
    for (const id of ['s1', 's3'] as const) {
      await twice(() => world.within(3000, (c) => changing.awaitReach(world.place(id), world.at('s2'), c)))
      expect(await world.rows(id)).toBe(await world.rows('s2'))
    }
  })

  test('a channel that does not exist is said to be none', async () => {
    const { changing } = world
    const place = world.place('s2', "it's none")
    expect(await world.within(2000, (c) => changing.seal(place, { killAfterMs: 500 }, c))).toMatchObject(
      failedWith('no_channel'),
    )
    expect(await world.within(2000, (c) => changing.startApplier(place, c))).toMatchObject(failedWith('no_channel'))
    expect(await world.within(2000, (c) => changing.resetChannel(place, c))).toMatchObject(DONE)
  })

  test('idle sessions are listed as their server sees them', async () => {
    const client = await world.session('s1', 'app')
    await client.query('SELECT 1')
    const local = Reflect.get(Reflect.get(Reflect.get(client, 'connection'), 'stream'), 'localPort')
    const sessions = await world.changing.idleSessions(world.at('s1'), AbortSignal.timeout(2000))
    expect(sessions).toContainEqual({ peer: `127.0.0.1:${local}`, idle: true })
  })
})

describe('what was received is never thrown away', () => {
  test('trap 53 and 55: an undrained replica is not repointed, not reset, and its relay log is kept and applied', async () => {
    const { changing } = world
    await world.within(2000, (c) => changing.seal(world.place('s3'), { killAfterMs: 500 }, c))
    await world.run('s2', words.stopApplier)
    await world.insert(20)
    await eventually(
      's2 has received',
      async () => reading(await world.within(2000, (c) => changing.startReceiver(world.place('s2'), c))) === undefined,
    )
    await world.within(2000, (c) => changing.seal(world.place('s2'), { killAfterMs: 500 }, c))
    const attached = await world.within(3000, (c) => changing.attach(world.place('s2'), world.to('s3'), c))
    expect(attached).toMatchObject(failedWith('holds_unapplied'))
    expect(await world.within(3000, (c) => changing.resetChannel(world.place('s2'), c))).toMatchObject(
      failedWith('not_drained'),
    )
    if (flavour === 'mariadb') {
      expect(await world.within(2000, (c) => changing.startReceiver(world.place('s2'), c))).toMatchObject(
        failedWith('applier_stopped'),
      )
    }
    await twice(() => world.within(2000, (c) => changing.startApplier(world.place('s2'), c)))
    expect(await world.within(5000, (c) => changing.awaitApplied(world.place('s2'), c))).toMatchObject(DONE)
    expect(await world.rows('s2')).toBe(await world.rows('s1'))
    // Drained, it may follow whom it is told, and goes back to its GTIDs.
    expect(await world.within(3000, (c) => changing.attach(world.place('s2'), world.to('s1'), c))).toMatchObject(DONE)
  })

  test.runIf(flavour === 'mysql')(
    'trap 53: moving host and port keeps unapplied relay log, and the heartbeat period',
    async () => {
      const { changing } = world
      await world.within(2000, (c) => changing.seal(world.place('s3'), { killAfterMs: 500 }, c))
      const holder = await world.lockRow('s2')
      await world.run('s1', "UPDATE app.t SET v = 'waits for the lock' WHERE id = 1")
      await world.insert(20)
      const to = world.to('s3', { keepRelayLog: true, heartbeatMs: 700 })
      expect(await world.within(3000, (c) => changing.attach(world.place('s2'), to, c))).toMatchObject(DONE)
      expect(await world.within(150, (c) => changing.awaitApplied(world.place('s2'), c))).toMatchObject(
        failedWith('still_behind'),
      )
      await holder.query('ROLLBACK')
      expect(await world.within(5000, (c) => changing.awaitApplied(world.place('s2'), c))).toMatchObject(DONE)
      expect(await world.rows('s2')).toBe(await world.rows('s1'))
      expect(await world.ask('s2', HEARTBEAT)).toBe('0.7')
    },
  )
})

describe('semi-sync', () => {
  test('trap 79: a returning server has its source side switched off before its channel starts', async () => {
    const { changing } = world
    await world.run('s2', words.stop, ...words.sourceOn)
    await world.insert(5)
    expect(await world.within(5000, (c) => changing.attach(world.place('s2'), world.to('s1'), c))).toMatchObject(DONE)
    expect(await world.within(3000, (c) => changing.awaitReach(world.place('s2'), world.at('s1'), c))).toMatchObject(
      DONE,
    )
    expect(await world.rows('s2')).toBe(await world.rows('s1'))
  })
})

describe('channels', () => {
  test('trap 33 and 72: a forgotten channel is set up again in full, also where the password cache is empty', async () => {
    const { changing } = world
    expect(await world.within(3000, (c) => changing.resetChannel(world.place('s2'), c))).toMatchObject(DONE)
    await world.run('s1', 'FLUSH PRIVILEGES')
    await world.insert(2)
    expect(await world.within(3000, (c) => changing.attach(world.place('s2'), world.to('s1'), c))).toMatchObject(DONE)
    expect(await world.within(3000, (c) => changing.awaitReach(world.place('s2'), world.at('s1'), c))).toMatchObject(
      DONE,
    )
    const status = await world.status('s2')
    if (flavour === 'mysql') {
      expect(status).toMatchObject({ Source_Retry_Count: '86400', Connect_Retry: 1, Auto_Position: 1 })
      expect(await world.ask('s2', HEARTBEAT)).toBe('0.5')
    } else {
      expect(status).toMatchObject({ Using_Gtid: 'Slave_Pos', Connect_Retry: 1, Slave_heartbeat_period: 0.5 })
    }
  })

  test('trap 32: a former primary follows from what it wrote itself', async () => {
    const { changing } = world
    await world.insert(3)
    await world.within(3000, (c) => changing.close(world.at('s1'), { lockWaitS: 2 }, c))
    expect(await world.within(3000, (c) => changing.awaitReach(world.place('s2'), world.at('s1'), c))).toMatchObject(
      DONE,
    )
    await world.within(3000, (c) => changing.resetChannel(world.place('s2'), c))
    expect(await world.within(5000, (c) => changing.attach(world.place('s1'), world.to('s2'), c))).toMatchObject(DONE)
    await world.within(3000, (c) => changing.open(world.at('s2'), c))
    await world.run('s2', "INSERT INTO app.t(v) VALUES ('after')")
    expect(await world.within(3000, (c) => changing.awaitReach(world.place('s1'), world.at('s2'), c))).toMatchObject(
      DONE,
    )
    expect(await world.rows('s1')).toBe(await world.rows('s2'))
    await world.within(3000, (c) => changing.close(world.at('s2'), { lockWaitS: 2 }, c))
  })
})

describe('a STOP that waits', () => {
  test('trap 76: the seal does not hang behind a waiting STOP, and the replica acknowledges nothing more', async () => {
    const { changing } = world
    await world.within(2000, (c) => changing.seal(world.place('s3'), { killAfterMs: 500 }, c))
    const holder = await world.lockRow('s2')
    await world.run('s1', "UPDATE app.t SET v = 'waits for the lock' WHERE id = 1")
    const operator = await world.session('s2')
    await world.applierWaits('s2')
    const stop = operator.query(words.stopApplier)
    await world.stopWaits('s2')
    const started = performance.now()
    const sealed = await world.within(2000, (c) => changing.seal(world.place('s2'), { killAfterMs: 200 }, c))
    expect(sealed).toMatchObject({ kind: 'done', facts: { killed: true } })
    expect(reading(sealed)?.channels[0]).toMatchObject({ receiver: 'stopped' })
    expect(performance.now() - started).toBeLessThan(1500)
    const client = await world.session('s1', 'app')
    const unacknowledged = client.query("INSERT INTO app.t(v) VALUES ('nobody acknowledges')").then(
      () => 'acknowledged',
      () => 'cut',
    )
    expect(await Promise.race([unacknowledged, sleep(500, 'waits')])).toBe('waits')
    expect(await world.within(1000, (c) => changing.startReceiver(world.place('s2'), c))).toMatchObject(
      failedWith('stop_pending'),
    )
    await holder.query('ROLLBACK')
    await stop
    await eventually('the waiting STOP has ended', async () => {
      const outcome = await world.within(1000, (c) => changing.startApplier(world.place('s2'), c))
      return outcome.kind === 'done'
    })
    expect(await world.within(3000, (c) => changing.awaitApplied(world.place('s2'), c))).toMatchObject(DONE)
    await world.run('s1', words.sourceOff)
    await unacknowledged
  })

  test('trap 84: a STOP that was cut off goes on, and its channel is left alone until it has ended', async () => {
    const { changing } = world
    const holder = await world.lockRow('s2')
    await world.run('s1', "UPDATE app.t SET v = 'waits for the lock again' WHERE id = 1")
    await world.applierWaits('s2')
    const cut = await world.within(300, (c) => changing.stopApplier(world.place('s2'), { rollBack: false }, c))
    expect(cut.kind).not.toBe('done')
    expect(await world.within(1000, (c) => changing.startReceiver(world.place('s2'), c))).toMatchObject(
      failedWith('stop_pending'),
    )
    await holder.query('ROLLBACK')
    await eventually('the cut STOP took effect', async () => (await world.threads('s2'))[1] === 'No')
    await eventually('the channel is free again', async () => {
      const outcome = await world.within(1000, (c) => changing.startApplier(world.place('s2'), c))
      return outcome.kind === 'done'
    })
  })

  test('trap 80: a half-received transaction is rolled back quickly and its locks are free', async () => {
    const { changing } = world
    await world.run('s1', 'CREATE TABLE IF NOT EXISTS app.big (id INT AUTO_INCREMENT PRIMARY KEY, b LONGBLOB)')
    const writer = await world.session('s1')
    await writer.query('BEGIN')
    for (let i = 0; i < 100; i++) await writer.query("INSERT INTO app.big(b) VALUES (REPEAT('x', 1000000))")
    const commit = writer.query('COMMIT')
    await eventually('a third of the transaction has arrived', () => isQueueing('s2', 30_000_000))
    const sealed = await world.within(2000, (c) => changing.seal(world.place('s2'), { killAfterMs: 1000 }, c))
    expect(reading(sealed)?.channels[0]).toMatchObject({ receiver: 'stopped', halfReceived: true })
    expect(await world.within(2000, (c) => changing.awaitApplied(world.place('s2'), c))).toMatchObject(DONE)
    const started = performance.now()
    expect(
      await world.within(3000, (c) => changing.stopApplier(world.place('s2'), { rollBack: true }, c)),
    ).toMatchObject(DONE)
    expect(performance.now() - started).toBeLessThan(2500)
    expect(await world.ask('s2', 'SELECT COUNT(*) FROM app.big')).toBe('0')
    await commit
    await world.run('s1', 'DROP TABLE app.big')
  })
})

async function isQueueing(id: 's2', bytes: number): Promise<boolean> {
  const status = await world.status(id)
  return Number(status?.['Relay_Log_Space']) > bytes
}

describe('who answers at an address', () => {
  test('is read in the packet by which a session begins: a change on a session that stands ready sends nothing for it', async () => {
    const { changing } = world
    changing.release()
    await eventually('no lock is held', async () => (await heldLocks()) === 0)
    await world.run(
      's1',
      "SET GLOBAL log_output = 'TABLE'",
      'TRUNCATE TABLE mysql.general_log',
      'SET GLOBAL general_log = 1',
    )
    try {
      await world.within(3000, (c) => changing.prepare(world.at('s1'), c))
      const prepared = await statementsOfChanges()
      await world.within(3000, (c) => changing.open(world.at('s1'), c))
      const all = await statementsOfChanges()
      const asksWho = (sql: string): boolean => sql.includes("'server_uuid'")
      expect(all.filter(asksWho)).toHaveLength(1)
      // MySQL logs each statement of a packet, MariaDB the packet: one to begin, one for the first status, one for the change.
      if (flavour === 'mysql') expect(prepared.findIndex(asksWho)).toBe(1)
      else expect([prepared.findIndex(asksWho), prepared.length, all.length]).toEqual([0, 2, 3])
      const change = all.slice(prepared.length)
      expect(change[0]).toMatch(/^SELECT IF\(UTC_TIMESTAMP/)
      expect(change.filter((sql) => /hostname|datadir|server_uuid/.test(sql))).toEqual([])
    } finally {
      await world.run('s1', 'SET GLOBAL general_log = 0', "SET GLOBAL log_output = 'FILE'")
    }
  })
})

/** What the session for changes sent, in order. */
async function statementsOfChanges(): Promise<readonly string[]> {
  const thread = await world.ask('s1', "SELECT IS_USED_LOCK('regent.change.1')")
  const connection = await world.session('s1')
  const [rows] = await connection.query({
    sql: `SELECT CAST(argument AS CHAR) FROM mysql.general_log WHERE command_type = 'Query' AND thread_id = ${thread} ORDER BY event_time`,
    rowsAsArray: true,
  })
  return Array.isArray(rows) ? rows.map((cells) => (Array.isArray(cells) ? String(cells[0]) : '')) : []
}

describe('a living primary whose commits wait', () => {
  test('traps 59, 60: clients that are cut once its replicas are sealed were answered nothing that no replica has', async () => {
    const { changing } = world
    for (let round = 0; round < ROUNDS; round++) {
      await world.home()
      await world.run('s1', ...words.sourceOn)
      const told: string[] = []
      const writers = [1, 2, 3, 4].map((n) => writeUntilCut(`${round}.${n}`, told).catch(() => undefined))
      await eventually('they write', async () => told.length > 20)
      const seal = (id: 's2' | 's3') =>
        world.within(3000, (c) => changing.seal(world.place(id), { killAfterMs: 1000 }, c))
      expect((await Promise.all([seal('s2'), seal('s3')])).map((o) => o.kind)).toEqual(['done', 'done'])
      expect(await world.within(3000, (c) => changing.cutClients(world.at('s1'), [], c))).toMatchObject(DONE)
      await world.run('s1', words.sourceOff)
      await Promise.allSettled(writers)
      const rows = await Promise.all(
        (['s2', 's3'] as const).map(async (id) => {
          await world.within(5000, (c) => changing.awaitApplied(world.place(id), c))
          return (await world.ask(id, "SELECT GROUP_CONCAT(v) FROM app.t WHERE v LIKE 'cut %'")).split(',')
        }),
      )
      expect(
        told.filter((v) => !rows.some((all) => all.includes(v))),
        `round ${round}`,
      ).toEqual([])
      await world.run('s1', "DELETE FROM app.t WHERE v LIKE 'cut %'")
    }
  })
})

/** Each of them may meet a commit at the wrong moment; on MariaDB, without the order of the kills, several of forty do. */
const ROUNDS = (flavour === 'mariadb' ? 40 : 3) * (process.env['REGENT_SOAK'] === undefined ? 1 : 5)

async function writeUntilCut(name: string, told: string[]): Promise<never> {
  const client = await world.sandbox.sql('s1', 'app')
  client.on('error', () => undefined)
  for (let n = 0; ; n++) {
    const v = `cut ${name}.${n}`
    await client.query('INSERT INTO app.t(v) VALUES (?)', [v])
    told.push(v)
  }
}

describe('a server whose directory for temporary files is full or gone', () => {
  test('its clients are cut and it is closed nevertheless: who is connected is asked without a table on its disk', async () => {
    const { changing } = world
    const dir = tempDirOf(world.sandbox.server('s1').dataDir)
    expect(await world.ask('s1', 'SELECT @@GLOBAL.tmpdir')).toBe(dir)
    await world.session('s1')
    await rm(dir, { recursive: true })
    try {
      const cut = await world.within(3000, (c) => changing.cutClients(world.at('s1'), [], c))
      expect(cut).toMatchObject({ ...DONE, facts: { left: 0 } })
      expect(await world.within(3000, (c) => changing.close(world.at('s1'), { lockWaitS: 2 }, c))).toMatchObject(DONE)
      expect(await world.within(3000, (c) => changing.cutPrivileged(world.at('s1'), c))).toMatchObject(DONE)
    } finally {
      await mkdir(dir)
    }
  })
})

describe('the right to change servers', () => {
  test('trap 65: a process that freezes between its check and its send changes nothing', async () => {
    const { changing } = world
    const outcome = await world.within(
      5000,
      (c) => changing.seal(world.place('s2'), { killAfterMs: 4000 }, c),
      frozenLease(1000, 1100),
    )
    expect(outcome).toMatchObject(failedWith('guard_expired'))
    expect((await world.threads('s2')).join()).toBe('Yes,Yes')
  })

  test('no lock is left when the lease is given up', async () => {
    await eventually('locks are held', async () => (await heldLocks()) > 0)
    world.changing.release()
    await eventually('no lock is held', async () => (await heldLocks()) === 0)
  })

  test('a standing session that is killed comes back by itself', async () => {
    const before = await world.ask('s1', "SELECT IS_USED_LOCK('regent.change.1')")
    await world.run('s1', `KILL ${before}`)
    await eventually('a new session holds the lock', async () => {
      const now = await world.ask('s1', "SELECT IS_USED_LOCK('regent.change.1')")
      return now !== before && now !== 'null'
    })
  })
})

const HEARTBEAT = 'SELECT HEARTBEAT_INTERVAL FROM performance_schema.replication_connection_configuration'

async function heldLocks(): Promise<number> {
  const asked = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `(IS_USED_LOCK('regent.change.${n}') IS NOT NULL)`)
  return Number(await world.ask('s1', `SELECT ${asked.join(' + ')}`))
}

// The last one: what was written here stays.
test.runIf(flavour === 'mariadb')(
  'what an errant replica wrote itself is not taken as replicated when it is repointed',
  async () => {
    const { changing } = world
    await world.run('s2', 'SET SESSION gtid_domain_id = 7', 'CREATE TABLE app.errant (id INT PRIMARY KEY)')
    const before = await world.ask('s2', 'SELECT @@GLOBAL.gtid_slave_pos')
    const to = world.to('s1', { heartbeatMs: 700 })
    expect(await world.within(3000, (c) => changing.attach(world.place('s2'), to, c))).toMatchObject(DONE)
    expect(await world.ask('s2', 'SELECT @@GLOBAL.gtid_slave_pos')).toBe(before)
    expect((await world.threads('s2')).join()).toBe('Yes,Yes')
  },
)
