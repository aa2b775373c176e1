/** A small cluster of real servers for the tests of changing: brought home to "s1 open, s2 and s3 follow it" before each story. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createChanging } from '../../src/adapters/servers/changing.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { type Flavour, type Sandbox, type SqlConnection, startSandbox } from '../../src/lab/sandbox/index.ts'
import { clusterId, type ServerId, serverId } from '../../src/model/ids.ts'
import type { Outcome } from '../../src/model/outcome.ts'
import { mariadbIdentity } from '../../src/mysql/identity.ts'
import type { AttachTo, ChangeContext, Changing, Place, ServerAt, Warrant } from '../../src/ports/servers.ts'
import { type Detour, detour } from './detour.ts'
import type { Door } from './servers.ts'

export const flavour: Flavour = process.env['REGENT_TEST_FLAVOUR'] === 'mysql' ? 'mysql' : 'mariadb'
export const clock = systemClock()

const WORDS = {
  mysql: {
    stop: 'STOP REPLICA',
    forget: 'RESET REPLICA ALL',
    status: 'SHOW REPLICA STATUS',
    threads: ['Replica_IO_Running', 'Replica_SQL_Running'],
    stopApplier: 'STOP REPLICA SQL_THREAD',
    sourceOn: ['SET GLOBAL rpl_semi_sync_source_wait_for_replica_count=1', 'SET GLOBAL rpl_semi_sync_source_enabled=1'],
    sourceOff: 'SET GLOBAL rpl_semi_sync_source_enabled=0',
    writable: ['SET GLOBAL super_read_only=0', 'SET GLOBAL read_only=0'],
    readOnly: ['SET GLOBAL super_read_only=1'],
    position: 'SELECT @@GLOBAL.gtid_executed',
  },
  mariadb: {
    stop: 'STOP SLAVE',
    forget: 'RESET SLAVE ALL',
    status: 'SHOW ALL SLAVES STATUS',
    threads: ['Slave_IO_Running', 'Slave_SQL_Running'],
    stopApplier: 'STOP SLAVE SQL_THREAD',
    sourceOn: ['SET GLOBAL rpl_semi_sync_master_enabled=1'],
    sourceOff: 'SET GLOBAL rpl_semi_sync_master_enabled=0',
    writable: ['SET GLOBAL read_only=0'],
    readOnly: ['SET GLOBAL read_only=1'],
    position: 'SELECT @@GLOBAL.gtid_binlog_pos',
  },
} as const
export const words = WORDS[flavour]

export async function eventually(what: string, look: () => Promise<boolean>, withinMs = 15_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`did not come true within ${withinMs} ms: ${what}`)
    await sleep(10)
  }
}

export type Id = 's1' | 's2' | 's3'

export class World {
  readonly sandbox: Sandbox
  readonly changing: Changing
  readonly #outer: string
  readonly #connections: SqlConnection[] = []
  readonly #detours: Detour[] = []
  readonly #identities = new Map<Id, ServerId>()

  private constructor(sandbox: Sandbox, outer: string) {
    this.sandbox = sandbox
    this.#outer = outer
    this.changing = this.regent()
  }

  static async start(): Promise<World> {
    const outer = await mkdtemp(join(tmpdir(), 'regent-changing-'))
    const sandbox = await startSandbox({ server: flavour, shape: '1+2', semiSync: true, dir: join(outer, 'box') })
    const world = new World(sandbox, outer)
    for (const id of ['s1', 's2', 's3'] as const) world.#identities.set(id, await world.#identify(id))
    return world
  }

  async end(): Promise<void> {
    this.changing.release()
    await this.closeConnections()
    await this.sandbox.down()
    await rm(this.#outer, { recursive: true, force: true })
  }

  /** Another Regent with sessions of its own. */
  regent(): Changing {
    const { monitor, replication } = this.sandbox.users
    const off = { mode: 'off' } as const
    return createChanging({ clock, account: monitor, tls: off, replication, replicationTls: off })
  }

  at(id: Id): ServerAt {
    const { host, port } = this.sandbox.server(id)
    const identity = this.#identities.get(id)
    if (identity === undefined) throw new Error(`the identity of ${id} was not read`)
    return { host, port, id: identity }
  }

  /** An address of its own; what is behind it can be exchanged, with every connection through it ended. */
  async door(id: Id): Promise<Door> {
    const way = await detour(this.at(id))
    this.#detours.push(way)
    return { address: way.address, leadTo: async (other) => way.leadTo(this.at(other)) }
  }

  async #identify(id: Id): Promise<ServerId> {
    if (flavour === 'mysql') return serverId(await this.ask(id, 'SELECT @@server_uuid'))
    const [hostname, port, datadir, numericId] = [
      await this.ask(id, 'SELECT @@hostname'),
      await this.ask(id, 'SELECT @@port'),
      await this.ask(id, 'SELECT @@datadir'),
      await this.ask(id, 'SELECT @@server_id'),
    ]
    return mariadbIdentity({ hostname, port, datadir, numericId })
  }

  place(id: Id, channel = ''): Place {
    return { address: this.at(id), channel }
  }

  to(id: Id, over: Partial<AttachTo> = {}): AttachTo {
    return {
      source: this.at(id),
      keepRelayLog: false,
      heartbeatMs: 500,
      connectRetryMs: 1000,
      semiSyncReplica: true,
      ...over,
    }
  }

  /** Runs one change with its deadline, and with a lease that has enough left unless told. */
  async within(
    ms: number,
    change: (context: ChangeContext) => Promise<Outcome>,
    warrant = lease(60_000),
  ): Promise<Outcome> {
    using deadline = clock.deadline(ms)
    return await change({ warrant, signal: deadline.signal })
  }

  /** A connection of its own, closed at the end of the test. */
  async session(id: Id, user: 'admin' | 'app' = 'admin'): Promise<SqlConnection> {
    const connection = await this.sandbox.sql(id, user)
    this.#connections.push(connection)
    return connection
  }

  async closeConnections(): Promise<void> {
    for (const connection of this.#connections.splice(0)) connection.destroy()
    for (const way of this.#detours.splice(0)) await way.end()
  }

  async run(id: Id, ...statements: readonly string[]): Promise<void> {
    const connection = await this.sandbox.sql(id)
    try {
      for (const statement of statements) await connection.query(statement)
    } finally {
      connection.destroy()
    }
  }

  /** The first cell of the first row, as text. */
  async ask(id: Id, sql: string): Promise<string> {
    const connection = await this.sandbox.sql(id)
    try {
      const [rows] = await connection.query({ sql, rowsAsArray: true })
      const first: unknown = Array.isArray(rows) ? rows[0] : undefined
      return Array.isArray(first) ? String(first[0]) : ''
    } finally {
      connection.destroy()
    }
  }

  async status(id: Id): Promise<Readonly<Record<string, unknown>> | undefined> {
    const connection = await this.sandbox.sql(id)
    try {
      const [rows] = await connection.query(words.status)
      const first: unknown = Array.isArray(rows) ? rows[0] : undefined
      return typeof first === 'object' && first !== null ? { ...first } : undefined
    } finally {
      connection.destroy()
    }
  }

  async threads(id: Id): Promise<readonly [receiver: string, applier: string]> {
    const status = await this.status(id)
    return [String(status?.[words.threads[0]]), String(status?.[words.threads[1]])]
  }

  rows(id: Id): Promise<string> {
    return this.ask(id, 'SELECT COUNT(*) FROM app.t')
  }

  async insert(count: number): Promise<void> {
    await this.run('s1', ...Array.from({ length: count }, () => "INSERT INTO app.t(v) VALUES ('row')"))
  }

  /** A row lock that an applier of this replica waits for. */
  /** For a row that another session holds. */
  async applierWaits(id: Id): Promise<void> {
    const sql = "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'"
    await eventually(`the applier of ${id} waits for a lock`, async () => (await this.ask(id, sql)) === '1')
  }

  /** For the applier that it is to stop. */
  async stopWaits(id: Id): Promise<void> {
    const sql = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'STOP %'"
    await eventually(`a STOP waits at ${id}`, async () => (await this.ask(id, sql)) === '1')
  }

  async lockRow(id: Id): Promise<SqlConnection> {
    await this.run(id, ...words.writable)
    const holder = await this.session(id)
    await holder.query('BEGIN')
    await holder.query('SELECT v FROM app.t WHERE id = 1 FOR UPDATE')
    await this.run(id, ...words.readOnly)
    return holder
  }

  /** s1 open with its source side on, s2 and s3 following it as replicas, everything applied everywhere. */
  async home(): Promise<void> {
    this.changing.release()
    await this.closeConnections()
    await this.run('s1', words.stop, words.forget, ...words.writable, words.sourceOff)
    for (const id of ['s2', 's3'] as const) {
      await this.run(id, words.sourceOff, ...words.readOnly)
      await this.run(id, words.stop)
      await this.#follow(id)
    }
    await this.run('s1', 'CREATE DATABASE IF NOT EXISTS app', TABLE, "REPLACE INTO app.t VALUES (1, 'locked')")
    await this.run('s1', ...words.sourceOn)
    const goal = await this.ask('s1', words.position)
    for (const id of ['s2', 's3'] as const) {
      await eventually(`${id} has all of s1`, async () => (await this.ask(id, words.position)) === goal)
    }
    for (const id of ['s1', 's2', 's3'] as const) await this.within(5000, (c) => this.changing.prepare(this.at(id), c))
  }

  async #follow(id: Id): Promise<void> {
    const { host, port } = this.at('s1')
    const { user, password } = this.sandbox.users.replication
    const change =
      flavour === 'mysql'
        ? `CHANGE REPLICATION SOURCE TO SOURCE_HOST='${host}', SOURCE_PORT=${port}, SOURCE_USER='${user}', SOURCE_PASSWORD='${password}', ` +
          'SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1, SOURCE_HEARTBEAT_PERIOD=0.5, SOURCE_CONNECT_RETRY=1, SOURCE_RETRY_COUNT=86400'
        : `CHANGE MASTER TO MASTER_HOST='${host}', MASTER_PORT=${port}, MASTER_USER='${user}', MASTER_PASSWORD='${password}', ` +
          'MASTER_USE_GTID=slave_pos, MASTER_HEARTBEAT_PERIOD=0.5, MASTER_CONNECT_RETRY=1'
    await this.run(id, change, flavour === 'mysql' ? 'START REPLICA' : 'START SLAVE')
    await eventually(`${id} follows s1`, async () => (await this.threads(id)).join() === 'Yes,Yes')
  }
}

const TABLE = 'CREATE TABLE IF NOT EXISTS app.t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(100))'

/** A lease with that much left, counted from now. */
export function lease(ms: number, token = 1): Warrant {
  const ends = performance.now() + ms
  return { cluster: clusterId('test'), token, leftMs: () => ends - performance.now() }
}

/** A process that is frozen for `ms` after it has asked what is left, every time from `from` on. */
export function frozenLease(leftMs: number, ms: number): Warrant {
  return {
    cluster: clusterId('test'),
    token: 2,
    leftMs: () => {
      const until = performance.now() + ms
      while (performance.now() < until);
      return leftMs
    },
  }
}
