/** The privileges of `regent grants`, tried on a real server: all of them are enough, and without any one of them something fails. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mysql from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Flavour, type Sandbox, type SqlConnection, startSandbox } from '../../src/lab/sandbox/index.ts'
import { parseVersion, type Version } from '../../src/model/version.ts'
import { grantsFor, PRIVILEGES, type Privilege } from '../../src/mysql/grants.ts'
import { missingGrants } from '../../src/mysql/show-grants.ts'

const FLAVOUR: Flavour = process.env['REGENT_TEST_FLAVOUR'] === 'mysql' ? 'mysql' : 'mariadb'
const MONITOR = { user: 'least', password: 'least' }
const BOSS = { user: 'boss', password: 'boss' }
const CLIENT = { user: 'client', password: 'client' }

let dir = ''
let sandbox: Sandbox
let admin: SqlConnection
let version: Version

type Cells = Record<string, unknown>
const ask = async (connection: SqlConnection, sql: string): Promise<readonly Cells[]> => {
  const [result] = await connection.query<mysql.RowDataPacket[]>(sql)
  return Array.isArray(result) ? result : []
}

const login = (as: { user: string; password: string }, port = sandbox.server('s2').port): Promise<SqlConnection> =>
  mysql.createConnection({ host: '127.0.0.1', port, ...as, connectTimeout: 5000 })

/** One thing that Regent does, as the account with least privileges does it; it throws where that is not allowed. */
interface Deed {
  readonly does: string
  readonly needs: readonly string[]
  readonly run: (as: SqlConnection) => Promise<unknown>
}

const deed = (does: string, needs: string | readonly string[], ...statements: readonly string[]): Deed => ({
  does,
  needs: [needs].flat(),
  run: async (as) => {
    for (const statement of statements) await ask(as, statement)
  },
})

const seen = async (as: SqlConnection, table: string): Promise<void> => {
  const rows = await ask(as, `SELECT USER AS name FROM ${table}`)
  if (!rows.some((row) => row['name'] === CLIENT.user)) throw new Error('sessions of others are not shown')
}

const killClient = (victim: { user: string; password: string }) => async (as: SqlConnection) => {
  const session = await login(victim)
  session.on('error', () => undefined)
  try {
    const [row] = await ask(session, 'SELECT CONNECTION_ID() AS id')
    await ask(as, `KILL ${row?.['id']}`)
  } finally {
    session.destroy()
  }
}

const killThread = (query: string) => async (as: SqlConnection) => {
  const [row] = await ask(admin, query)
  if (!row) throw new Error(`no such thread: ${query}`)
  await ask(as, `KILL ${row['id']}`)
}

const lookAtAdminPort = async () => (await login(MONITOR, sandbox.server('s2').adminPort)).destroy()

const LOCK = deed(
  'takes and looks for a named lock',
  [],
  "SELECT GET_LOCK('regent.change.1', 0)",
  "SELECT IS_USED_LOCK('regent.change.1')",
  "SELECT RELEASE_LOCK('regent.change.1')",
)

const psThread = (table: string) =>
  `SELECT t.PROCESSLIST_ID AS id FROM performance_schema.${table} s JOIN performance_schema.threads t USING (THREAD_ID)`

const mysqlDeeds = (source: number): readonly Deed[] => [
  LOCK,
  deed('reads replication', 'REPLICATION CLIENT', 'SHOW REPLICA STATUS', 'SHOW BINARY LOG STATUS'),
  deed('lists who is attached', 'REPLICATION SLAVE', 'SHOW REPLICAS'),
  deed(
    'reads variables, status and histories',
    [],
    'SHOW GLOBAL VARIABLES',
    'SHOW GLOBAL STATUS',
    'SELECT @@GLOBAL.gtid_executed, @@GLOBAL.gtid_purged',
    "SELECT WAIT_FOR_EXECUTED_GTID_SET('', 1)",
  ),
  deed(
    'reads what was received',
    'SELECT',
    'SELECT * FROM performance_schema.replication_connection_status',
    'SELECT * FROM performance_schema.replication_connection_configuration',
    'SELECT * FROM performance_schema.replication_applier_status_by_worker',
    'SELECT * FROM performance_schema.threads',
  ),
  { does: 'sees the sessions of others', needs: ['PROCESS'], run: (as) => seen(as, 'performance_schema.processlist') },
  deed('seals and starts a receiver', 'REPLICATION_SLAVE_ADMIN', 'STOP REPLICA IO_THREAD', 'START REPLICA IO_THREAD'),
  deed('stops and starts an applier', 'REPLICATION_SLAVE_ADMIN', 'STOP REPLICA SQL_THREAD', 'START REPLICA SQL_THREAD'),
  deed(
    'attaches',
    'REPLICATION_SLAVE_ADMIN',
    'STOP REPLICA IO_THREAD',
    `CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=${source}, SOURCE_HEARTBEAT_PERIOD=0.5`,
    'START REPLICA IO_THREAD',
  ),
  deed(
    'resets a channel',
    ['REPLICATION_SLAVE_ADMIN', 'RELOAD'],
    "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=1 FOR CHANNEL 'old'",
    "RESET REPLICA ALL FOR CHANNEL 'old'",
  ),
  deed(
    'closes and opens',
    'SYSTEM_VARIABLES_ADMIN',
    'SET SESSION lock_wait_timeout=2',
    'SET GLOBAL super_read_only=1',
    'SET GLOBAL read_only=1',
    'SET GLOBAL super_read_only=0, GLOBAL read_only=0',
  ),
  deed(
    'switches semi-sync',
    'SYSTEM_VARIABLES_ADMIN',
    'SET GLOBAL rpl_semi_sync_source_wait_for_replica_count=1, GLOBAL rpl_semi_sync_source_enabled=1',
    'SET GLOBAL rpl_semi_sync_source_enabled=0',
    'SET GLOBAL rpl_semi_sync_replica_enabled=1',
  ),
  { does: 'cuts a client', needs: ['CONNECTION_ADMIN'], run: killClient(CLIENT) },
  { does: 'cuts a privileged client', needs: ['CONNECTION_ADMIN', 'SYSTEM_USER'], run: killClient(BOSS) },
  { does: 'kills a receiver', needs: ['CONNECTION_ADMIN'], run: killThread(psThread('replication_connection_status')) },
  {
    does: 'kills an applier',
    needs: ['CONNECTION_ADMIN', 'SYSTEM_USER'],
    run: killThread(psThread('replication_applier_status_by_coordinator')),
  },
  { does: 'looks through the admin port', needs: ['SERVICE_CONNECTION_ADMIN'], run: lookAtAdminPort },
]

const mariadbThread = (command: string) =>
  `SELECT ID AS id FROM information_schema.PROCESSLIST WHERE COMMAND = '${command}'`

const mariadbDeeds = (source: number): readonly Deed[] => [
  LOCK,
  deed('reads replication', 'SLAVE MONITOR', 'SHOW ALL SLAVES STATUS'),
  deed('reads the binlog', 'BINLOG MONITOR', 'SHOW MASTER STATUS', 'SHOW BINARY LOGS'),
  deed('lists who is attached', 'REPLICATION MASTER ADMIN', 'SHOW SLAVE HOSTS'),
  deed(
    'reads variables, status and histories',
    [],
    'SHOW GLOBAL VARIABLES',
    'SHOW GLOBAL STATUS',
    'SELECT @@GLOBAL.gtid_binlog_state, @@GLOBAL.gtid_slave_pos',
    "SELECT MASTER_GTID_WAIT('', 1)",
  ),
  { does: 'sees the sessions of others', needs: ['PROCESS'], run: (as) => seen(as, 'information_schema.PROCESSLIST') },
  deed('seals and starts a receiver', 'REPLICATION SLAVE ADMIN', 'STOP SLAVE IO_THREAD', 'START SLAVE IO_THREAD'),
  deed('stops and starts an applier', 'REPLICATION SLAVE ADMIN', 'STOP SLAVE SQL_THREAD', 'START SLAVE SQL_THREAD'),
  deed(
    'attaches',
    'REPLICATION SLAVE ADMIN',
    "STOP SLAVE ''",
    `CHANGE MASTER '' TO MASTER_HOST='127.0.0.1', MASTER_PORT=${source}, MASTER_USE_GTID=slave_pos`,
    "START SLAVE ''",
  ),
  deed(
    'sets where a demoted primary goes on',
    'REPLICATION SLAVE ADMIN',
    "STOP SLAVE ''",
    'SET GLOBAL gtid_slave_pos=@@GLOBAL.gtid_slave_pos',
    "START SLAVE ''",
  ),
  deed(
    'resets a channel',
    ['REPLICATION SLAVE ADMIN', 'RELOAD'],
    "CHANGE MASTER 'old' TO MASTER_HOST='127.0.0.1', MASTER_PORT=1",
    "RESET SLAVE 'old' ALL",
  ),
  deed(
    'finds the accounts that read_only does not hold',
    'SELECT',
    'SELECT COUNT(*) FROM mysql.global_priv',
    'SELECT COUNT(*) FROM mysql.roles_mapping',
  ),
  deed(
    'closes and opens',
    'READ_ONLY ADMIN',
    'SET SESSION lock_wait_timeout=2',
    'SET GLOBAL read_only=1',
    'SET GLOBAL read_only=0',
  ),
  deed(
    'switches semi-sync of a primary',
    'REPLICATION MASTER ADMIN',
    'SET GLOBAL rpl_semi_sync_master_enabled=1',
    'SET GLOBAL rpl_semi_sync_master_enabled=0',
  ),
  deed('switches semi-sync of a replica', 'REPLICATION SLAVE ADMIN', 'SET GLOBAL rpl_semi_sync_slave_enabled=1'),
  { does: 'cuts a client', needs: ['CONNECTION ADMIN'], run: killClient(CLIENT) },
  { does: 'cuts a privileged client', needs: ['CONNECTION ADMIN'], run: killClient(BOSS) },
  { does: 'kills a receiver', needs: ['CONNECTION ADMIN'], run: killThread(mariadbThread('Slave_IO')) },
  { does: 'kills an applier', needs: ['CONNECTION ADMIN'], run: killThread(mariadbThread('Slave_SQL')) },
  { does: 'looks through the extra port', needs: [], run: lookAtAdminPort },
]

/** Whatever a deed left behind, allowed or not, is put right by the administrator: the next one finds a running replica. */
async function putRight(): Promise<void> {
  const [stop, start, forget] =
    FLAVOUR === 'mysql'
      ? ["STOP REPLICA FOR CHANNEL ''", "START REPLICA FOR CHANNEL ''", "RESET REPLICA ALL FOR CHANNEL 'old'"]
      : ["STOP SLAVE ''", "START SLAVE ''", "RESET SLAVE 'old' ALL"]
  await ask(admin, forget).catch(() => undefined)
  await ask(admin, stop)
  await ask(admin, start)
  const running =
    FLAVOUR === 'mysql'
      ? [psThread('replication_connection_status'), psThread('replication_applier_status_by_coordinator')]
      : [mariadbThread('Slave_IO'), mariadbThread('Slave_SQL')]
  for (const threads of running)
    await expect.poll(async () => (await ask(admin, threads)).length, { timeout: 10_000 }).toBe(1)
}

/** Names of the deeds that failed. A new session each: privileges are read at login. */
async function failures(deeds: readonly Deed[]): Promise<readonly string[]> {
  const failed: string[] = []
  for (const { does, run } of deeds) {
    const as = await login(MONITOR)
    try {
      await run(as)
    } catch {
      failed.push(does)
    } finally {
      as.destroy()
    }
    if (/applier|receiver|attaches|resets|goes on/.test(does)) await putRight()
  }
  return failed
}

const missingNow = async (needed: readonly Privilege[]): Promise<readonly string[]> => {
  const as = await login(MONITOR)
  try {
    const rows = await ask(as, 'SHOW GRANTS')
    return missingGrants(
      rows.map((row) => String(Object.values(row)[0])),
      needed,
    ).map((one) => one.name)
  } finally {
    as.destroy()
  }
}

const deeds = (): readonly Deed[] => (FLAVOUR === 'mysql' ? mysqlDeeds : mariadbDeeds)(sandbox.server('s1').port)

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'regent-grants-'))
  sandbox = await startSandbox({ server: FLAVOUR, shape: '1+1', semiSync: true, dir })
  admin = await sandbox.sql('s2')
  const [row] = await ask(admin, 'SELECT @@version AS version')
  const parsed = parseVersion(String(row?.['version']))
  if (!parsed) throw new Error('the server does not tell its version')
  version = parsed
  await ask(admin, 'SET SESSION sql_log_bin=0')
  await ask(admin, FLAVOUR === 'mysql' ? 'SET GLOBAL super_read_only=0' : 'SET GLOBAL read_only=0')
  for (const { user, password } of [BOSS, CLIENT])
    await ask(admin, `CREATE USER '${user}'@'%' IDENTIFIED BY '${password}'`)
  await ask(admin, `GRANT ALL PRIVILEGES ON *.* TO '${BOSS.user}'@'%'`)
  for (const statement of grantsFor(version, 'monitor', MONITOR).statements) await ask(admin, statement)
})

afterAll(async () => {
  admin?.destroy()
  await sandbox?.down()
  await rm(dir, { recursive: true, force: true })
})

describe(`the monitor account on ${FLAVOUR}`, () => {
  let bystander: SqlConnection
  beforeAll(async () => {
    bystander = await login(CLIENT)
  })
  afterAll(() => bystander?.destroy())

  it('can do everything that Regent does, and lacks nothing', async () => {
    expect(await failures(deeds())).toEqual([])
    expect(await missingNow(PRIVILEGES[FLAVOUR].monitor)).toEqual([])
  })

  it.each(PRIVILEGES[FLAVOUR].monitor)('cannot without $name', async ({ name, on }) => {
    await ask(admin, `REVOKE ${name} ON ${on} FROM '${MONITOR.user}'@'%'`)
    try {
      const hindered = deeds().filter((one) => one.needs.includes(name))
      expect(hindered.length).toBeGreaterThan(0)
      expect(await failures(hindered)).toEqual(hindered.map((one) => one.does))
      expect(await missingNow(PRIVILEGES[FLAVOUR].monitor)).toEqual([name])
    } finally {
      await ask(admin, `GRANT ${name} ON ${on} TO '${MONITOR.user}'@'%'`)
    }
  })
})

describe(`the replication account on ${FLAVOUR}`, () => {
  it('is enough for a channel, and its privilege is needed', async () => {
    const account = { user: 'channel', password: 'channel' }
    const source = await sandbox.sql('s1')
    try {
      await ask(source, 'SET SESSION sql_log_bin=0')
      await ask(source, FLAVOUR === 'mysql' ? 'SET GLOBAL super_read_only=0' : 'SET GLOBAL read_only=0')
      const { statements } = grantsFor(version, 'replication', account)
      await ask(source, String(statements[0]))
      await followAs(account)
      await expect.poll(receiverError, { timeout: 10_000 }).not.toBe('')
      for (const statement of statements) await ask(source, statement)
      await followAs(account)
      await expect.poll(receiverRuns, { timeout: 10_000 }).toBe(true)
    } finally {
      source.destroy()
    }
  })
})

async function followAs({ user, password }: { user: string; password: string }): Promise<void> {
  if (FLAVOUR === 'mysql') {
    await ask(admin, 'STOP REPLICA')
    await ask(
      admin,
      `CHANGE REPLICATION SOURCE TO SOURCE_USER='${user}', SOURCE_PASSWORD='${password}', GET_SOURCE_PUBLIC_KEY=1`,
    )
    await ask(admin, 'START REPLICA')
    return
  }
  await ask(admin, 'STOP SLAVE')
  await ask(admin, `CHANGE MASTER TO MASTER_USER='${user}', MASTER_PASSWORD='${password}'`)
  await ask(admin, 'START SLAVE')
}

const channelRow = async (): Promise<Cells> =>
  (await ask(admin, FLAVOUR === 'mysql' ? 'SHOW REPLICA STATUS' : 'SHOW SLAVE STATUS'))[0] ?? {}
const receiverError = async (): Promise<string> => String((await channelRow())['Last_IO_Error'] ?? '')
const receiverRuns = async (): Promise<boolean> => {
  const row = await channelRow()
  return row['Replica_IO_Running'] === 'Yes' || row['Slave_IO_Running'] === 'Yes'
}
