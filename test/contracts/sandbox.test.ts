/** The sandbox against real servers. Flavour: REGENT_TEST_FLAVOUR (mysql or mariadb; default mariadb). */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished, test, vi } from 'vitest'
import {
  type Flavour,
  isOurs,
  openSandbox,
  type Sandbox,
  type SqlConnection,
  startSandbox,
  startWriter,
} from '../../src/lab/sandbox/index.ts'

const flavour: Flavour = process.env['REGENT_TEST_FLAVOUR'] === 'mysql' ? 'mysql' : 'mariadb'

const OPEN = {
  mysql: 'SET GLOBAL rpl_semi_sync_source_enabled=1; SET GLOBAL super_read_only=0; SET GLOBAL read_only=0',
  mariadb: 'SET GLOBAL rpl_semi_sync_master_enabled=1; SET GLOBAL read_only=0',
}
const SOURCE_SIDE = { mysql: 'rpl_semi_sync_source_enabled', mariadb: 'rpl_semi_sync_master_enabled' }

async function scratch(): Promise<string> {
  const outer = await mkdtemp(join(tmpdir(), 'regent-test-'))
  onTestFinished(() => rm(outer, { recursive: true, force: true }))
  return join(outer, 'box')
}

async function openByHand(sandbox: Sandbox, id: string): Promise<void> {
  const connection = await sandbox.sql(id)
  for (const statement of OPEN[flavour].split(';')) await connection.query(statement)
  await connection.end()
}

async function one(connection: SqlConnection, sql: string): Promise<string> {
  const [rows] = await connection.query({ sql, rowsAsArray: true })
  assert.ok(Array.isArray(rows))
  const [first] = rows
  return Array.isArray(first) ? String(first[0]) : ''
}

async function eventually(what: string, look: () => Promise<boolean>, withinMs = 20_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`did not come true within ${withinMs} ms: ${what}`)
    await sleep(20)
  }
}

async function count(sandbox: Sandbox, id: string): Promise<number> {
  const connection = await sandbox.sql(id)
  try {
    return Number(await one(connection, 'SELECT COUNT(*) FROM app.writes'))
  } finally {
    connection.destroy()
  }
}

test(`${flavour}: servers come up read-only, replicating, with empty and equal histories`, async () => {
  const dir = await scratch()
  await using sandbox = await startSandbox({ server: flavour, shape: '1+3', semiSync: true, dir })
  for (const { id } of sandbox.servers) {
    const connection = await sandbox.sql(id)
    assert.equal(await one(connection, 'SELECT @@GLOBAL.read_only'), '1', `${id} is read-only`)
    assert.equal(await one(connection, `SELECT @@GLOBAL.${SOURCE_SIDE[flavour]}`), '0', `${id} does not wait`)
    const history = flavour === 'mysql' ? '@@GLOBAL.gtid_executed' : '@@GLOBAL.gtid_binlog_state'
    assert.equal(await one(connection, `SELECT ${history}`), '', `${id} has an empty history`)
    await connection.end()
  }
  const app = await sandbox.sql('s1', 'app')
  await assert.rejects(
    app.query('CREATE DATABASE app'),
    { errno: 1290 },
    'the application cannot write to a read-only server',
  )
  await app.end()
  const admin = { ...sandbox.users.admin, host: '127.0.0.1', port: sandbox.server('s2').adminPort }
  const { default: mysql } = await import('mysql2/promise')
  const spare = await mysql.createConnection(admin)
  assert.equal(await one(spare, 'SELECT @@GLOBAL.port'), String(sandbox.server('s2').port), 'the admin port is its own')
  await spare.end()
})

test(`${flavour}: the writer's rows reach every replica, and survive a kill and a restart of the primary`, async () => {
  const dir = await scratch()
  await using sandbox = await startSandbox({ server: flavour, shape: '1+3', semiSync: true, dir })
  await openByHand(sandbox, 's1')
  const { host, port } = sandbox.server('s1')
  await using writer = await startWriter({ host, port, ...sandbox.users.app, everyMs: 2, name: 'w' })
  await eventually('200 writes are acknowledged', async () => writer.stats().acknowledged >= 200)

  await sandbox.kill('s1')
  assert.equal(sandbox.isAlive('s1'), false)
  await sandbox.restart('s1')
  const before = writer.stats().acknowledged
  const connection = await sandbox.sql('s1')
  assert.equal(await one(connection, 'SELECT @@GLOBAL.read_only'), '1', 'it is born fenced')
  await openByHand(sandbox, 's1')
  await eventually('writes go on after the restart', async () => writer.stats().acknowledged > before + 50)
  await writer.stop()

  const verdict = await writer.verify(connection)
  assert.deepEqual(verdict.lost, [], 'no acknowledged row is lost')
  assert.deepEqual(verdict.contradicted, [], 'no refused row is there')
  assert.ok(
    verdict.extra.every((n) => writer.unansweredList.includes(n)),
    'what is there unacknowledged was unanswered',
  )
  assert.ok(writer.stats().longestGapMs > 50, 'the outage is seen')
  assert.equal(writer.gaps(50).length > 0, true)
  const onPrimary = await count(sandbox, 's1')
  await connection.end()
  for (const id of ['s2', 's3', 's4'])
    await eventually(`${id} has all rows`, async () => (await count(sandbox, id)) === onPrimary)
})

test(`${flavour}: a frozen server is silent, thaws and goes on; a restarted replica follows again`, async () => {
  const dir = await scratch()
  await using sandbox = await startSandbox({ server: flavour, shape: '1+2', semiSync: false, dir })
  const opened = await sandbox.sql('s1')
  if (flavour === 'mysql') await opened.query('SET GLOBAL super_read_only=0')
  await opened.query('SET GLOBAL read_only=0')

  await sandbox.freeze('s3')
  assert.equal(sandbox.isAlive('s3'), true, 'a frozen server still exists')
  const connected = sandbox.sql('s3').then(
    (connection) => connection.destroy(),
    () => undefined,
  )
  assert.equal(await Promise.race([connected.then(() => 'answered'), sleep(500, 'silent')]), 'silent')
  await opened.query('CREATE DATABASE app')
  await opened.query('CREATE TABLE app.writes (id int PRIMARY KEY)')
  await opened.query('INSERT INTO app.writes VALUES (1)')
  await sandbox.thaw('s3')
  await connected
  await eventually('s3 catches up', async () => (await count(sandbox, 's3').catch(() => -1)) === 1)

  await sandbox.stop('s2')
  assert.equal(sandbox.isAlive('s2'), false)
  await opened.query('INSERT INTO app.writes VALUES (2)')
  await sandbox.restart('s2', ['--max-connections=61'])
  const restarted = await sandbox.sql('s2')
  assert.equal(await one(restarted, 'SELECT @@GLOBAL.max_connections'), '61')
  await restarted.end()
  await eventually('s2 follows again', async () => (await count(sandbox, 's2')) === 2)
  await opened.end()
})

test(`${flavour}: two co-primaries replicate from each other`, async () => {
  const dir = await scratch()
  await using sandbox = await startSandbox({ server: flavour, shape: '2x', semiSync: false, dir })
  const opened = await sandbox.sql('s2')
  if (flavour === 'mysql') await opened.query('SET GLOBAL super_read_only=0')
  await opened.query('SET GLOBAL read_only=0')
  await opened.query('CREATE DATABASE app')
  await opened.query('CREATE TABLE app.writes (id int AUTO_INCREMENT PRIMARY KEY, n int)')
  await opened.query('INSERT INTO app.writes (n) VALUES (1), (2)')
  assert.equal(await one(opened, 'SELECT MIN(id) % 2 FROM app.writes'), '0', 's2 hands out even numbers')
  await opened.end()
  await eventually('s1 has what s2 wrote', async () => (await count(sandbox, 's1').catch(() => -1)) === 2)
})

test(`${flavour}: another process can attach, and down leaves no process and no directory`, async () => {
  const dir = await scratch()
  await using sandbox = await startSandbox({ server: flavour, shape: '1+1', semiSync: false, dir })
  await assert.rejects(startSandbox({ server: flavour, shape: '1+1', semiSync: false, dir }), /already running/)
  const attached = await openSandbox(dir)
  await attached.kill('s2')
  await attached.restart('s2')
  assert.equal(sandbox.isAlive('s2'), false, 'the first one still knows the old process')
  await sandbox.freeze('s2')
  const processes = attached.servers.map((server) => ({ pid: server.pid, dataDir: server.dataDir }))
  await sandbox.down()
  for (const { pid, dataDir } of processes) assert.equal(isOurs(pid, dataDir), false, `process ${pid} is gone`)
  assert.equal(existsSync(dir), false)
  await assert.rejects(openSandbox(dir), /no sandbox/)
})

test(`${flavour}: its servers leave the temporary tables of other servers on this host alone when they start`, async () => {
  const dir = await scratch()
  const machines = join(dir, '..', 'machines')
  await mkdir(machines)
  const table = join(machines, '#sql-temptable-1-2-3.MAI')
  await writeFile(table, '')
  vi.stubEnv('TMPDIR', machines)
  onTestFinished(() => void vi.unstubAllEnvs())
  await using sandbox = await startSandbox({ server: flavour, shape: '1+1', semiSync: false, dir })
  await sandbox.kill('s1')
  await sandbox.restart('s1')
  assert.ok(existsSync(table))
})

test(`${flavour}: a server that does not come up shows the end of its log and leaves nothing behind`, async () => {
  const dir = await scratch()
  const bad = startSandbox({
    server: flavour,
    shape: '1+1',
    semiSync: false,
    dir,
    extraServerOptions: ['--no-such-option-at-all=1'],
  })
  await assert.rejects(bad, /ended while starting[\s\S]*no-such-option-at-all/)
  assert.equal(existsSync(dir), false)
})

test(`${flavour}: a directory whose path is too long for sockets, and which exists already, keeps what is not ours`, async () => {
  const outer = await mkdtemp(join(tmpdir(), `regent-test-${'long-'.repeat(20)}`))
  await using sandbox = await startSandbox({ server: flavour, shape: '1+1', semiSync: false, dir: outer })
  const { socketDir } = sandbox.state
  assert.notEqual(socketDir, outer)
  assert.ok(existsSync(sandbox.server('s1').socket))
  await sandbox.down({ keep: true })
  assert.ok(existsSync(join(outer, 's1')), 'keep keeps the data')
  const again = await startSandbox({ server: flavour, shape: '1+1', semiSync: false, dir: outer })
  const { socketDir: second } = again.state
  await again.down()
  assert.equal(existsSync(second), false)
  assert.deepEqual(existsSync(outer) ? await readdir(outer) : [], [])
  await rm(outer, { recursive: true, force: true })
})
