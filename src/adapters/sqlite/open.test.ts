import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { clusterId, epoch, recoveryId, wallTime } from '../../model/ids.ts'
import { STORE_FILE } from './open.ts'
import { SCHEMA_VERSION } from './schema.ts'
import { child } from './spawn.testing.ts'
import { open, plan, problemOf, recovery, SHOP, take, testDir, until } from './world.testing.ts'

const OTHER = clusterId('c-77fe')
const NOBODY = 65_534

describe('opening a store', () => {
  test('a missing directory is made, for its owner only', async () => {
    using dir = testDir()
    const path = join(dir.path, 'a', 'b')
    await using opened = await open(path)
    expect(await opened.store.clusters()).toEqual([])
    expect(statSync(path).mode & 0o777).toBe(0o700)
    for (const file of readdirSync(path)) expect([file, statSync(join(path, file)).mode & 0o077]).toEqual([file, 0])
  })

  test('a directory that may not be written is named, with what to do', async () => {
    using dir = testDir()
    const path = join(dir.path, 'mine')
    mkdirSync(path)
    chmodSync(dir.path, 0o755)
    chmodSync(path, 0o555)
    await using other = child(['open', path], process.getuid?.() === 0 ? { uid: NOBODY } : {})
    expect(await other.line('')).toBe('store_unwritable')
  })

  test('a file where the directory should be is named', async () => {
    using dir = testDir()
    const path = join(dir.path, 'file')
    writeFileSync(path, '')
    await expect(open(path)).rejects.toThrow(path)
    expect(await problemOf(open(path))).toBe('store_unwritable')
  })

  test('garbage is not opened, and not touched', async () => {
    using dir = testDir()
    const path = join(dir.path, STORE_FILE)
    writeFileSync(path, 'this is no database. '.repeat(1000))
    const before = readFileSync(path)
    expect(await problemOf(open(dir.path))).toBe('store_corrupt')
    await expect(open(dir.path)).rejects.toThrow(path)
    expect(readFileSync(path).equals(before)).toBe(true)
  })

  test('a page that was overwritten is a corrupt store, never an empty one', async () => {
    using dir = testDir()
    {
      await using opened = await open(dir.path)
      for (let at = 0; at < 200; at++) {
        const order = { kind: 'pause', cluster: SHOP, by: 'ann', from: wallTime(0), until: wallTime(9) } as const
        await opened.store.giveOrder({ ...order, reason: 'x'.repeat(500) })
      }
    }
    const path = join(dir.path, STORE_FILE)
    const bytes = readFileSync(path)
    bytes.fill(0x5a, 3 * 4096, bytes.length)
    writeFileSync(path, bytes)
    await using opened = await open(dir.path).catch(() => undefined)
    const reading = opened?.store.orders(SHOP, wallTime(5)) ?? open(dir.path)
    expect(await problemOf(reading)).toBe('store_corrupt')
  })

  test('a database of another program is left alone', async () => {
    using dir = testDir()
    {
      using other = new DatabaseSync(join(dir.path, STORE_FILE))
      other.exec('CREATE TABLE theirs (a)')
    }
    expect(await problemOf(open(dir.path))).toBe('store_corrupt')
    using other = new DatabaseSync(join(dir.path, STORE_FILE))
    expect(other.prepare('SELECT count(*) AS n FROM sqlite_schema').get()).toEqual({ n: 1 })
  })

  test('a store of a newer Regent is refused, with both numbers', async () => {
    using dir = testDir()
    await (await open(dir.path)).end()
    {
      using other = new DatabaseSync(join(dir.path, STORE_FILE))
      other.exec(`INSERT INTO schema_version VALUES (${SCHEMA_VERSION + 1}, 0)`)
    }
    expect(await problemOf(open(dir.path))).toBe('store_newer')
    await expect(open(dir.path)).rejects.toThrow(`schema ${SCHEMA_VERSION + 1}, this one knows ${SCHEMA_VERSION}`)
  })

  test('a store that another program keeps locked is named as locked, within a second or so', async () => {
    using dir = testDir()
    await (await open(dir.path)).end()
    using other = new DatabaseSync(join(dir.path, STORE_FILE))
    other.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; DELETE FROM clusters')
    const before = performance.now()
    expect(await problemOf(open(dir.path))).toBe('store_locked')
    expect(performance.now() - before).toBeLessThan(5000)
  })

  test('a process that forgets to end its store exits all the same', async () => {
    using dir = testDir()
    await using other = child(['forget', dir.path])
    expect([await other.exited, other.lines]).toEqual([0, ['opened']])
  })

  test('every table is strict', async () => {
    using dir = testDir()
    await (await open(dir.path)).end()
    using db = new DatabaseSync(join(dir.path, STORE_FILE), { readOnly: true })
    const loose = db.prepare("SELECT name FROM pragma_table_list WHERE strict = 0 AND name NOT LIKE 'sqlite_%'").all()
    expect(loose).toEqual([])
  })
})

describe('a store that fails while it is in use', () => {
  test('a locked one says so for intents, and takes the posted outcomes when it is free again', async () => {
    using dir = testDir()
    await using opened = await open(dir.path)
    const { journal, troubles } = opened
    const lease = await take(opened)
    const id = recoveryId('r-1')
    await journal.begin(recovery(id), plan(id), lease.token)
    {
      using other = new DatabaseSync(join(dir.path, STORE_FILE))
      other.exec('BEGIN IMMEDIATE')
      journal.event(id, wallTime(1), 'first')
      journal.stepStarted(id, '1/a')
      expect(await problemOf(journal.flush())).toBe('store_locked')
      expect(troubles.length).toBeGreaterThan(0)
      expect(await problemOf(journal.intend(id, plan(id, 'again'), lease.token))).toBe('store_locked')
      journal.event(id, wallTime(2), 'second')
      expect(await problemOf(journal.flush())).toBe('store_locked')
    }
    journal.event(id, wallTime(3), 'third')
    await journal.flush()
    const found = await journal.read(id)
    expect(found?.events.map(({ says }) => says)).toEqual(['first', 'second', 'third'])
    expect(found?.steps).toEqual([{ key: '1/a' }])
    expect(found?.plans).toHaveLength(1)
    await lease[Symbol.asyncDispose]()
  })

  test('a full one says so, for intents and for what was posted, and keeps what it had', async () => {
    using dir = testDir()
    await using opened = await open(dir.path, { maxPages: 60 })
    const { journal, store, troubles } = opened
    const lease = await take(opened)
    const id = recoveryId('r-1')
    await journal.begin(recovery(id), plan(id), lease.token)
    const long = 'x'.repeat(20_000)
    const full = await until(async () => {
      journal.event(id, wallTime(1), long)
      const said = await problemOf(journal.flush())
      return said === 'it went well' ? undefined : said
    })
    expect(full).toBe('store_full')
    expect(troubles.length).toBeGreaterThan(0)
    expect(await problemOf(journal.intend(id, plan(id, long.repeat(5)), lease.token))).toBe('store_full')
    const reading = store.addEvidence({ cluster: SHOP, at: wallTime(1), verdict: 'dead', body: long.repeat(5) })
    expect(await problemOf(reading)).toBe('store_full')
    expect((await journal.open(SHOP))?.plans).toEqual([plan(id)])
    await lease[Symbol.asyncDispose]()
  })

  test('trap 13: where orders cannot be read, the answer is an error, not "no orders"', async () => {
    using dir = testDir()
    const opened = await open(dir.path)
    await opened.end()
    await expect(opened.store.orders(SHOP, wallTime(1))).rejects.toThrow('closed')
  })

  test('evidence is bounded: the newest are kept, for each cluster its own', async () => {
    using dir = testDir()
    await using opened = await open(dir.path, { keepEvidence: 10 })
    const add = (verdict: string, cluster = SHOP) =>
      opened.store.addEvidence({ cluster, at: wallTime(1), verdict, body: '{}' })
    for (let at = 0; at < 200; at++) await Promise.all([add(`v${at}`), ...(at < 3 ? [add(`o${at}`, OTHER)] : [])])
    expect((await opened.store.evidence(SHOP, 99)).map(({ verdict }) => verdict)).toEqual(
      Array.from({ length: 10 }, (_, at) => `v${199 - at}`),
    )
    expect(await opened.store.evidence(OTHER, 99)).toHaveLength(3)
    using db = new DatabaseSync(join(dir.path, STORE_FILE), { readOnly: true })
    const kept = db.prepare('SELECT count(*) AS n FROM evidence').get()
    expect(Number(kept?.['n'])).toBeLessThan(100)
  })

  test('a late outcome of a former holder does not cover what the next one wrote', async () => {
    using dir = testDir()
    await using first = await open(dir.path)
    await using second = await open(dir.path)
    const id = recoveryId('r-1')
    const lease = await take(first)
    await first.journal.begin(recovery(id), plan(id), lease.token)
    first.journal.stepStarted(id, '2/open')
    await first.journal.flush()
    await lease[Symbol.asyncDispose]()
    const next = await take(second)
    second.journal.stepStarted(id, '2/open')
    await second.journal.flush()
    const outcome = { kind: 'unknown', says: 'the connection broke' } as const
    first.journal.stepEnded(id, '2/open', { step: 'open', startedAt: 1, tookMs: 1, outcome })
    await first.journal.flush()
    expect((await second.journal.read(id))?.steps).toEqual([{ key: '2/open' }])
    await next[Symbol.asyncDispose]()
  })

  test('an epoch stays used though its reign is gone from the table', async () => {
    using dir = testDir()
    await using opened = await open(dir.path)
    const lease = await take(opened)
    const reign = { cluster: SHOP, epoch: epoch(5), primary: recovery(recoveryId('r')).subject, state: 'open' } as const
    const whole = { ...reign, semiSync: { kind: 'off' }, openedAt: '', at: wallTime(1) } as const
    await opened.store.recordReign(whole, lease.token)
    {
      using db = new DatabaseSync(join(dir.path, STORE_FILE))
      db.exec('DELETE FROM reigns')
    }
    expect(await opened.store.recordReign(whole, lease.token)).toBe(false)
    await lease[Symbol.asyncDispose]()
  })
})
