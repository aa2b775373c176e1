/** Watching real servers. Flavour: REGENT_TEST_FLAVOUR (mysql or mariadb; default mariadb). */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, onTestFinished, test } from 'vitest'
import { createWatching, type Login } from '../../src/adapters/servers/watching.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { type Flavour, type Sandbox, type SqlConnection, startSandbox } from '../../src/lab/sandbox/index.ts'
import type { Address } from '../../src/model/address.ts'
import { printHistory } from '../../src/model/history.ts'
import type { Look } from '../../src/model/look.ts'
import type { Channel, ServerStatus } from '../../src/model/server.ts'
import { isProven } from '../../src/mysql/dialects/choose.ts'
import { connect } from '../../src/mysql/driver.ts'
import { SessionError } from '../../src/mysql/errors.ts'

const flavour: Flavour = process.env['REGENT_TEST_FLAVOUR'] === 'mysql' ? 'mysql' : 'mariadb'
const isMysql = flavour === 'mysql'
const OPEN = isMysql
  ? ['SET GLOBAL rpl_semi_sync_source_enabled=1', 'SET GLOBAL super_read_only=0', 'SET GLOBAL read_only=0']
  : ['SET GLOBAL rpl_semi_sync_master_enabled=1', 'SET GLOBAL read_only=0']
const LOOK_MS = 2_000
const clock = systemClock()

let box: Sandbox
let dir: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'regent-watching-'))
  box = await startSandbox({ server: flavour, shape: '1+2', semiSync: true, dir: join(dir, 'box') })
  await openPrimary()
  await sql('s1', 'CREATE DATABASE IF NOT EXISTS app')
})

afterAll(async () => {
  await box?.down()
  await rm(dir, { recursive: true, force: true })
})

async function openPrimary(): Promise<void> {
  for (const statement of OPEN) await sql('s1', statement)
  await eventually('both replicas attached', async () => statusOf(await lookOnce('s1')).attached.length === 2)
}

function address(id: string): Address {
  const { host, port } = box.server(id)
  return { host, port }
}

const monitor = (change: Partial<Login> = {}): Login => ({
  account: box.users.monitor,
  tls: { mode: 'off' },
  ...change,
})

type Watch = ReturnType<typeof createWatching>

function watching(login: Login = monitor()): Watch {
  const made = createWatching({ clock, loginOf: () => login })
  onTestFinished(() => made.end())
  return made
}

async function lookOnce(id: string, login: Login = monitor()): Promise<Look> {
  const watch = createWatching({ clock, loginOf: () => login })
  try {
    return await watch.look(address(id), 'full', LOOK_MS)
  } finally {
    watch.end()
  }
}

function statusOf(look: Look): ServerStatus {
  assert.ok(look.kind === 'answered', JSON.stringify(look))
  return look.status
}

function channelOf(look: Look): Channel {
  const [channel] = statusOf(look).channels
  assert.ok(channel)
  return channel
}

async function sql(id: string, statement: string): Promise<void> {
  const connection = await box.sql(id)
  try {
    await connection.query(statement)
  } finally {
    connection.destroy()
  }
}

async function held(id: string, user: 'admin' | 'app' = 'admin'): Promise<SqlConnection> {
  const connection = await box.sql(id, user)
  connection.on('error', () => undefined)
  onTestFinished(() => connection.destroy())
  return connection
}

async function eventually(what: string, isSo: () => Promise<boolean>, withinMs = 20_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`did not come true within ${withinMs} ms: ${what}`)
    await sleep(20)
  }
}

/** Connections of this process to a server's ports, as the kernel lists them. */
function connectionsTo(id: string): number {
  const { port, adminPort } = box.server(id)
  const filter = `( dport = :${port} or dport = :${adminPort} )`
  const lines = execFileSync('ss', ['-tnHp', 'state', 'established', 'state', 'syn-sent', filter], { encoding: 'utf8' })
  return lines.split('\n').filter((line) => line.includes(`pid=${process.pid},`)).length
}

test('a full look tells who the primary is, what it waits for and who follows', async () => {
  const status = statusOf(await watching().look(address('s1'), 'full', LOOK_MS))
  assert.equal(status.access, 'writable')
  assert.equal(status.version.flavour, flavour)
  assert.ok(isProven(status.version), 'the version on which this very test runs')
  assert.deepEqual(status.channels, [])
  assert.deepEqual(
    status.attached.map((replica) => replica.address),
    [address('s2'), address('s3')],
  )
  assert.ok(status.semiSync.kind === 'present')
  assert.equal(status.semiSync.source.operational, true)
  assert.equal(status.semiSync.source.clients, 2)
  assert.equal(status.semiSync.source.waitPoint, 'after_sync')
  assert.equal(status.adminPort, box.server('s1').adminPort)
  assert.deepEqual(status.aliases[0], address('s1'))
  assert.ok(status.connections.used >= 1 && status.connections.max === 60)
})

test('live looks see a write arrive at a replica, and heartbeats on an idle channel', async () => {
  const watch = watching()
  const before = channelOf(await watch.look(address('s2'), 'live', LOOK_MS))
  assert.equal(before.receiver, 'running')
  assert.equal(before.applier, 'running')
  assert.deepEqual(before.source, address('s1'))
  await sql('s1', 'CREATE TABLE IF NOT EXISTS app.seen (id INT PRIMARY KEY)')
  await eventually('the write shows on the replica', async () => {
    const own = statusOf(await watch.look(address('s1'), 'live', LOOK_MS)).history
    const look = await watch.look(address('s2'), 'live', LOOK_MS)
    const executed = isMysql ? /executed=(\S+)/ : /binlog=(\S+)/
    return (
      channelOf(look).receivedText !== before.receivedText &&
      executed.exec(printHistory(own))?.[1] === executed.exec(printHistory(statusOf(look).history))?.[1]
    )
  })
  const still = channelOf(await watch.look(address('s2'), 'live', LOOK_MS))
  await eventually('heartbeats arrive', async () => {
    const now = channelOf(await watch.look(address('s2'), 'live', LOOK_MS))
    return now.heartbeats > still.heartbeats
  })
})

test('trap 40: one server under two names is one identity; two servers are two', async () => {
  const watch = watching()
  const { port } = address('s1')
  const [byNumber, byName, other] = await Promise.all([
    watch.look({ host: '127.0.0.1', port }, 'full', LOOK_MS),
    watch.look({ host: 'localhost', port }, 'full', LOOK_MS),
    watch.look(address('s2'), 'full', LOOK_MS),
  ])
  assert.equal(statusOf(byNumber).id, statusOf(byName).id)
  assert.notEqual(statusOf(byNumber).id, statusOf(other).id)
})

test('a wrong password is a denial by a living server', async () => {
  const login = monitor({ account: { user: box.users.monitor.user, password: 'wrong' } })
  const look = await watching(login).look(address('s1'), 'live', LOOK_MS)
  assert.ok(look.kind === 'denied')
  assert.equal(look.denial, 'access_denied')
  assert.equal(look.errno, 1045)
})

test('a missing privilege is named with the GRANT that gives it', async () => {
  const account = { user: 'poor', password: 'sandbox-poor' }
  await sql('s1', `CREATE USER IF NOT EXISTS '${account.user}'@'%' IDENTIFIED BY '${account.password}'`)
  const look = await watching(monitor({ account })).look(address('s1'), 'live', LOOK_MS)
  assert.ok(look.kind === 'unusable')
  assert.match(look.problem, isMysql ? /lacks REPLICATION CLIENT/ : /lacks SLAVE MONITOR/)
  assert.match(look.tryThis, /^GRANT (REPLICATION CLIENT|SLAVE MONITOR) ON \*\.\* TO 'poor'@/)
})

test('TLS, where the server offers it; where it does not, that is a denial and no death', async () => {
  const look = await lookOnce('s1', monitor({ tls: { mode: 'required' } }))
  // MariaDB from 11.4 makes itself a certificate where it was given none.
  const offered = isMysql || Number(box.state.serverVersion.split('.')[0]) >= 11
  if (offered) assert.equal(look.kind, 'answered')
  else assert.ok(look.kind === 'denied' && look.errno === 2026)
})

test.runIf(isMysql)(
  'offline mode: alive and seen as offline; an account that it turns away is denied, and nobody is dead',
  async () => {
    onTestFinished(() => sql('s3', 'SET GLOBAL offline_mode=0'))
    const watch = watching()
    assert.equal(statusOf(await watch.look(address('s3'), 'live', LOOK_MS)).offline, undefined)
    const asApp = watching(monitor({ account: box.users.app }))
    assert.notEqual((await asApp.look(address('s3'), 'live', LOOK_MS)).kind, 'silent')
    await sql('s3', 'SET GLOBAL offline_mode=1')
    assert.equal(statusOf(await watch.look(address('s3'), 'live', LOOK_MS)).offline, true)
    await eventually('the other account is denied', async () => {
      const look = await asApp.look(address('s3'), 'live', LOOK_MS)
      return look.kind === 'denied' && look.errno === 3032
    })
  },
)

test('trap 49: after a deadline a session answers nothing more, instead of hanging', async () => {
  const options = { user: 'monitor', password: box.users.monitor.password, tls: { mode: 'off' } } as const
  const session = await connect(address('s1'), { ...options, connectTimeoutMs: LOOK_MS, multipleStatements: true })
  const failed = (error: unknown): boolean => error instanceof SessionError && error.failure.kind === 'silent'
  const before = performance.now()
  await assert.rejects(session.query('SELECT SLEEP(10)', { deadlineMs: 50 }), failed)
  await assert.rejects(session.query('SELECT 1', { deadlineMs: 5_000 }), failed)
  assert.ok(performance.now() - before < 2_000)
  assert.equal(session.usable, false)
})

test('a frozen server is silent at each deadline, holds at most two connections, and answers again when it thaws', async () => {
  const watch = watching()
  assert.equal((await watch.look(address('s3'), 'live', LOOK_MS)).kind, 'answered')
  await box.freeze('s3')
  onTestFinished(() => box.thaw('s3'))
  let most = 0
  for (let i = 0; i < 12; i++) {
    const before = performance.now()
    const look = await watch.look(address('s3'), 'live', 100)
    assert.equal(look.kind, 'silent')
    assert.ok(performance.now() - before < 1_000)
    most = Math.max(most, connectionsTo('s3'))
  }
  assert.ok(most >= 1 && most <= 2, `${most} connections`)
  assert.equal((await watch.look(address('s1'), 'live', LOOK_MS)).kind, 'answered', 'another server meanwhile')
  await box.thaw('s3')
  await eventually(
    'it answers again',
    async () => (await watch.look(address('s3'), 'live', 500)).kind === 'answered',
    5_000,
  )
  await eventually('one connection is enough again', async () => connectionsTo('s3') === 1, 5_000)
})

test('a killed server: the close is news at once, the next look is refused, and so is a knock', async () => {
  const watch = watching()
  assert.equal((await watch.look(address('s3'), 'live', LOOK_MS)).kind, 'answered')
  const closes: { readonly look: Look; readonly at: number }[] = []
  using _listening = watch.onClosed((closed, look) => {
    assert.deepEqual(closed, address('s3'))
    closes.push({ look, at: performance.now() })
  })
  await box.kill('s3')
  const gone = performance.now()
  await eventually('the close was told', async () => closes.length > 0, 1_000)
  const [first] = closes
  assert.ok(first !== undefined && first.at < gone + 1_000)
  assert.equal(first.look.kind, 'closed')
  assert.equal((await watch.look(address('s3'), 'live', LOOK_MS)).kind, 'refused')
  const [knock] = await watch.knock([address('s3')], LOOK_MS)
  assert.equal(knock?.outcome, 'refused')
  await box.restart('s3')
  const back = await watch.look(address('s3'), 'live', LOOK_MS)
  assert.equal(statusOf(back).access, isMysql ? 'closed_to_all' : 'closed_to_clients')
  assert.equal(closes.length, 1)
})

test('replicas of a killed primary say that they cannot reach it', async () => {
  const watch = watching()
  const before = channelOf(await watch.look(address('s2'), 'live', LOOK_MS))
  await box.kill('s1')
  await eventually('the receiver reports it', async () => {
    const { receiver, receiverError } = channelOf(await watch.look(address('s2'), 'live', LOOK_MS))
    return receiver === 'connecting' && (receiverError?.code === 2003 || receiverError?.code === 2013)
  })
  const after = channelOf(await watch.look(address('s2'), 'live', LOOK_MS))
  assert.equal(after.receivedText, before.receivedText, 'attempts to reconnect are no sign of life')
  await box.restart('s1')
  await openPrimary()
})

// covers W4
test('with all connections taken the look goes through the administrator’s port once it is known, else it is denied', async () => {
  const watch = watching()
  const admin = await box.sql('s2')
  admin.on('error', () => undefined)
  assert.equal((await watch.look(address('s2'), 'full', LOOK_MS)).kind, 'answered')
  await admin.query(`SET GLOBAL max_connections = 10`)
  // The administrator's own extra place too; and again after the kill, which frees the look's standing place.
  const taken: SqlConnection[] = []
  onTestFinished(async () => {
    for (const connection of taken) connection.destroy()
    await admin.query('SET GLOBAL max_connections = 60')
    admin.destroy()
  })
  const fill = async (): Promise<void> => {
    for (const user of ['app', 'admin'] as const) {
      for (let full = false; !full; ) {
        await box.sql('s2', user).then(
          (connection) => taken.push(connection.on('error', () => undefined)),
          () => {
            full = true
          },
        )
      }
    }
  }
  // A connection that the server still counts while it closes it frees its place after the filling: fill until one is denied.
  const filled = async (): Promise<boolean> => {
    await fill()
    const look = await lookOnce('s2')
    return look.kind === 'denied' && look.denial === 'too_many_connections'
  }
  await eventually('all places are taken, and a look that knows no other way says so', filled)
  let closed = false
  using _listening = watch.onClosed(() => {
    closed = true
  })
  const [sessions] = await admin.query({
    sql: "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'monitor'",
    rowsAsArray: true,
  })
  assert.ok(Array.isArray(sessions))
  for (const session of sessions) if (Array.isArray(session)) await admin.query(`KILL ${Number(session[0])}`)
  await eventually('the standing connection is gone', async () => closed, 5_000)
  await eventually('all places are taken again', filled)
  const look = await watch.look(address('s2'), 'live', LOOK_MS)
  assert.equal(statusOf(look).numericId, 2)
  const isFree = async (): Promise<boolean> => connectionsTo('s2') === taken.length + 1
  await eventually('the administrator’s place is free again', isFree, 5_000)
})

test.runIf(isMysql)('trap 86: a SET super_read_only that still waits reads as closing', async () => {
  const [locker, closer] = [await held('s1'), await held('s1')]
  await sql('s1', 'CREATE TABLE IF NOT EXISTS app.locked (id INT PRIMARY KEY)')
  await locker.query('LOCK TABLES app.locked WRITE')
  const closing = closer.query('SET GLOBAL super_read_only = 1')
  const watch = watching()
  await eventually('it shows as closing', async () => {
    return statusOf(await watch.look(address('s1'), 'live', LOOK_MS)).access === 'closing'
  })
  await locker.query('UNLOCK TABLES')
  await closing
  assert.equal(statusOf(await watch.look(address('s1'), 'live', LOOK_MS)).access, 'closed_to_all')
  for (const statement of OPEN) await sql('s1', statement)
})

test('trap 54: a copied server_id does not make two servers one', async () => {
  const before = statusOf(await lookOnce('s1'))
  await box.restart('s3', ['--server-id=1', '--skip-slave-start'])
  const copy = statusOf(await lookOnce('s3'))
  assert.equal(copy.numericId, before.numericId)
  assert.notEqual(copy.id, before.id)
})

test('a server that was shut down is refused afterwards, not silent', async () => {
  const watch = watching()
  assert.equal((await watch.look(address('s3'), 'live', LOOK_MS)).kind, 'answered')
  await box.stop('s3')
  assert.equal((await watch.look(address('s3'), 'live', LOOK_MS)).kind, 'refused')
})
