/** The few statements that a sandbox itself needs. */
import mysql from 'mysql2/promise'
import type { Credentials, Flavour } from './grants.ts'

export type SqlConnection = mysql.Connection

type SqlRow = Record<string, unknown>

export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** A connection with its own deadline for connecting. The caller ends it. */
export async function connect(at: Endpoint, as: Credentials, connectWithinMs = 5000): Promise<SqlConnection> {
  const connection = await mysql.createConnection({
    host: at.host,
    port: at.port,
    user: as.user,
    password: as.password,
    connectTimeout: connectWithinMs,
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
  })
  // Without a listener, a server that is killed while nobody is asking it anything would end this process.
  connection.on('error', () => undefined)
  return connection
}

export async function rows(connection: SqlConnection, sql: string, values: readonly unknown[] = []): Promise<SqlRow[]> {
  const [result] = await connection.query<mysql.RowDataPacket[]>(sql, [...values])
  return result
}

/** Runs `work` on a connection that is closed afterwards, whatever happened. */
export async function withConnection<T>(
  at: Endpoint,
  as: Credentials,
  work: (connection: SqlConnection) => Promise<T>,
): Promise<T> {
  const connection = await connect(at, as, 2000)
  try {
    return await work(connection)
  } finally {
    connection.destroy()
  }
}

export async function dataDirOf(connection: SqlConnection): Promise<string> {
  const [row] = await rows(connection, 'SELECT @@GLOBAL.datadir AS dir')
  return String(row?.['dir'] ?? '').replace(/\/$/, '')
}

interface Replication {
  readonly follow: (source: Endpoint, as: Credentials) => string
  readonly start: string
  readonly status: string
  readonly receiver: string
  readonly applier: string
  readonly receiverError: string
  readonly applierError: string
}

/** Short heartbeats and retries, so that "does not hear its primary" is known within a second. */
const REPLICATION: { readonly [F in Flavour]: Replication } = {
  mysql: {
    follow: (source, as) =>
      `CHANGE REPLICATION SOURCE TO SOURCE_HOST='${source.host}', SOURCE_PORT=${source.port}, SOURCE_USER='${as.user}', ` +
      `SOURCE_PASSWORD='${as.password}', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1, SOURCE_HEARTBEAT_PERIOD=0.5, ` +
      'SOURCE_CONNECT_RETRY=1, SOURCE_RETRY_COUNT=86400',
    start: 'START REPLICA',
    status: 'SHOW REPLICA STATUS',
    receiver: 'Replica_IO_Running',
    applier: 'Replica_SQL_Running',
    receiverError: 'Last_IO_Error',
    applierError: 'Last_SQL_Error',
  },
  mariadb: {
    follow: (source, as) =>
      `CHANGE MASTER TO MASTER_HOST='${source.host}', MASTER_PORT=${source.port}, MASTER_USER='${as.user}', ` +
      `MASTER_PASSWORD='${as.password}', MASTER_USE_GTID=slave_pos, MASTER_HEARTBEAT_PERIOD=0.5, MASTER_CONNECT_RETRY=1`,
    start: 'START SLAVE',
    status: 'SHOW ALL SLAVES STATUS',
    receiver: 'Slave_IO_Running',
    applier: 'Slave_SQL_Running',
    receiverError: 'Last_IO_Error',
    applierError: 'Last_SQL_Error',
  },
}

export async function follow(
  flavour: Flavour,
  connection: SqlConnection,
  link: { readonly source: Endpoint; readonly as: Credentials },
): Promise<void> {
  await connection.query(REPLICATION[flavour].follow(link.source, link.as))
  await connection.query(REPLICATION[flavour].start)
}

export interface ReplicationState {
  readonly running: boolean
  readonly says: string
}

export async function replicationState(flavour: Flavour, connection: SqlConnection): Promise<ReplicationState> {
  const words = REPLICATION[flavour]
  const [row] = await rows(connection, words.status)
  if (row === undefined) return { running: false, says: 'no channel' }
  const receiver = String(row[words.receiver])
  const applier = String(row[words.applier])
  const errors = [row[words.receiverError], row[words.applierError]].filter((text) => text !== '').join('; ')
  return {
    running: receiver === 'Yes' && applier === 'Yes',
    says: `receiver ${receiver}, applier ${applier}${errors === '' ? '' : `: ${errors}`}`,
  }
}
