/** How MySQL from 8.4 is read: SHOW REPLICA STATUS for what only it says, performance_schema for the rest. */

import type { Address } from '../../model/address.ts'
import { type GtidSet, unionOf } from '../../model/gtid/mysql-set.ts'
import { parseGtidSet } from '../../model/gtid/mysql-text.ts'
import type { MysqlHistory } from '../../model/history.ts'
import { serverId } from '../../model/ids.ts'
import type { Access, BinlogSettings, Channel, ServerStatus } from '../../model/server.ts'
import { parseVersion, type Version } from '../../model/version.ts'
import { attachedOf } from '../attached.ts'
import { asRow, decimal, flag, integer, oneOf, onlyRow, setAt, text, UnusableReply } from '../cells.ts'
import { applierOf, errorsOf, isFiltered, lagOf, receiverOf } from '../channel.ts'
import { aliasesOf } from '../names.ts'
import { type Reader, readerOf } from '../reader.ts'
import { remembering, unlessChanged } from '../remembered.ts'
import { semiSyncOf } from '../semi-sync.ts'
import type { ResultSets, Row, Rows } from '../session.ts'
import type { ReadSide } from './dialect.ts'

/**
 * The order is part of the meaning: what the channels received is read before what is executed, so "received = executed"
 * is never said too early, and read_only before what is executed, so a closed server's executed set is its last.
 */
const LIVE = [
  'SHOW REPLICA STATUS',
  `SELECT s.CHANNEL_NAME, s.RECEIVED_TRANSACTION_SET, s.QUEUEING_TRANSACTION, s.COUNT_RECEIVED_HEARTBEATS,
 c.HEARTBEAT_INTERVAL FROM performance_schema.replication_connection_status s
 JOIN performance_schema.replication_connection_configuration c ON c.CHANNEL_NAME = s.CHANNEL_NAME`,
  `SELECT @@GLOBAL.read_only AS read_only, @@GLOBAL.super_read_only AS super_read_only,
 @@GLOBAL.offline_mode AS offline_mode,
 @@GLOBAL.gtid_executed AS gtid_executed, @@GLOBAL.gtid_purged AS gtid_purged,
 @@GLOBAL.server_uuid AS server_uuid, @@GLOBAL.server_id AS server_id`,
  'SHOW REPLICAS',
  "SHOW GLOBAL VARIABLES LIKE 'rpl\\_semi\\_sync%'",
  `SHOW GLOBAL STATUS WHERE Variable_name IN ('Uptime', 'Threads_connected',
 'Rpl_semi_sync_source_status', 'Rpl_semi_sync_source_clients', 'Rpl_semi_sync_replica_status',
 'Rpl_semi_sync_master_status', 'Rpl_semi_sync_master_clients', 'Rpl_semi_sync_slave_status')`,
]

const SLOW = [
  `SELECT @@GLOBAL.version AS version, @@GLOBAL.version_comment AS version_comment, @@GLOBAL.hostname AS hostname,
 @@GLOBAL.port AS port, @@GLOBAL.report_host AS report_host, @@GLOBAL.report_port AS report_port,
 @@GLOBAL.log_bin AS log_bin, @@GLOBAL.binlog_format AS binlog_format, @@GLOBAL.binlog_row_image AS binlog_row_image,
 @@GLOBAL.log_replica_updates AS log_replica_updates, @@GLOBAL.sync_binlog AS sync_binlog,
 @@GLOBAL.innodb_flush_log_at_trx_commit AS flush_at_commit, @@GLOBAL.gtid_mode AS gtid_mode,
 @@GLOBAL.max_connections AS max_connections, @@GLOBAL.admin_address AS admin_address, @@GLOBAL.admin_port AS admin_port,
 @@GLOBAL.performance_schema AS performance_schema`,
]

interface Slow {
  readonly version: Version
  readonly aliases: readonly Address[]
  readonly binlog: BinlogSettings
  readonly maxConnections: number
  readonly adminPort: number | undefined
}

export const mysqlRead: ReadSide = { newReader }

function newReader(): Reader {
  const history = historyReader()
  return readerOf({ live: LIVE, slow: SLOW, readSlow, readLive: (sets, slow) => readLive(sets, slow, history) })
}

function readLive(sets: ResultSets, slow: Slow, history: HistoryReader): ServerStatus {
  const received = setAt(sets, 1)
  const own = onlyRow(sets, 2)
  const status = asRow(setAt(sets, 5))
  return {
    id: serverId(text(own, 'server_uuid')),
    version: slow.version,
    numericId: integer(own, 'server_id'),
    aliases: slow.aliases,
    uptimeS: integer(status, 'uptime'),
    access: accessOf(own),
    ...(flag(own, 'offline_mode') ? { offline: true } : {}),
    history: history(own, received),
    channels: setAt(sets, 0).flatMap((row) => channelOf(row, received)),
    semiSync: semiSyncOf(asRow(setAt(sets, 4)), status, 'counted'),
    attached: attachedOf(setAt(sets, 3), 'Server_Id'),
    binlog: slow.binlog,
    connections: { used: integer(status, 'threads_connected'), max: slow.maxConnections },
    ...(slow.adminPort === undefined ? {} : { adminPort: slow.adminPort }),
  }
}

/** Both must read back: a SET that still waits shows super_read_only=1 with read_only=0, and writes still commit. */
function accessOf(row: Row): Access {
  if (flag(row, 'super_read_only')) return flag(row, 'read_only') ? 'closed_to_all' : 'closing'
  return flag(row, 'read_only') ? 'closed_to_clients' : 'writable'
}

type HistoryReader = (own: Row, received: Rows) => MysqlHistory

function historyReader(): HistoryReader {
  const executed = remembering('gtid_executed', parseGtidSet)
  const purged = remembering('gtid_purged', parseGtidSet)
  const retrieved = remembering('the received set', parseGtidSet)
  const union = unlessChanged<GtidSet>()
  const whole = unlessChanged<MysqlHistory>()
  return (own, received) => {
    const done = executed(text(own, 'gtid_executed'))
    const gone = purged(text(own, 'gtid_purged'))
    const sets = received.map((row) => retrieved(text(row, 'RECEIVED_TRANSACTION_SET'), text(row, 'CHANNEL_NAME')))
    const all = union([done, ...sets], () => unionOf([done, ...sets]))
    return whole([done, gone, all], () => ({ kind: 'mysql', executed: done, received: all, purged: gone }))
  }
}

/** None for a channel that has no source (group replication's own), or that was reset between the two statements. */
function channelOf(row: Row, received: Rows): readonly Channel[] {
  const name = text(row, 'Channel_Name')
  const host = text(row, 'Source_Host').toLowerCase()
  const own = received.find((each) => text(each, 'CHANNEL_NAME') === name)
  if (host === '' || own === undefined) return []
  return [
    {
      name,
      source: { host, port: integer(row, 'Source_Port') },
      sourceNumericId: integer(row, 'Source_Server_Id'),
      receiver: receiverOf(row, 'Replica_IO_Running'),
      applier: applierOf(row, 'Replica_SQL_Running'),
      ...errorsOf(row),
      receivedText: receivedTextOf(row, own),
      heartbeats: integer(own, 'COUNT_RECEIVED_HEARTBEATS'),
      heartbeatPeriodMs: Math.round(decimal(own, 'HEARTBEAT_INTERVAL') * 1000),
      connectRetryMs: integer(row, 'Connect_Retry') * 1000,
      delayMs: integer(row, 'SQL_Delay') * 1000,
      ...lagOf(row, 'Seconds_Behind_Source'),
      halfReceived: text(own, 'QUEUEING_TRANSACTION') !== '',
      positioning: flag(row, 'Auto_Position') ? 'gtid' : 'coordinates',
      filtered: isFiltered(row),
    },
  ]
}

/** With the receiver's coordinates: within one large transaction they alone show that the source is heard. */
function receivedTextOf(row: Row, own: Row): string {
  const set = text(own, 'RECEIVED_TRANSACTION_SET').replace(/\s+/g, '')
  return `${set} at ${text(row, 'Source_Log_File')}:${text(row, 'Read_Source_Log_Pos')}`
}

function readSlow(sets: ResultSets): Slow {
  const row = onlyRow(sets, 0)
  const version = parseVersion(text(row, 'version'), text(row, 'version_comment'))
  // Its tables are then empty, and every channel would look as if it did not exist.
  if (!flag(row, 'performance_schema')) throw new UnusableReply('performance_schema is OFF: replication cannot be read')
  if (version === undefined) throw new UnusableReply(`its version is "${text(row, 'version')}"`)
  return {
    version,
    aliases: aliasesOf({
      hostname: text(row, 'hostname'),
      port: integer(row, 'port'),
      reportHost: text(row, 'report_host'),
      reportPort: integer(row, 'report_port'),
    }),
    binlog: binlogOf(row),
    maxConnections: integer(row, 'max_connections'),
    // admin_port has a value also where nothing listens on it.
    adminPort: text(row, 'admin_address') === '' ? undefined : integer(row, 'admin_port'),
  }
}

function binlogOf(row: Row): BinlogSettings {
  return {
    enabled: flag(row, 'log_bin'),
    format: oneOf(row, 'binlog_format', { ROW: 'row', MIXED: 'mixed', STATEMENT: 'statement' }),
    rowImage: text(row, 'binlog_row_image').toLowerCase(),
    logsReplicaUpdates: flag(row, 'log_replica_updates'),
    sync: integer(row, 'sync_binlog'),
    flushAtCommit: integer(row, 'flush_at_commit'),
    gtid: text(row, 'gtid_mode').toUpperCase() === 'ON' ? 'on' : 'off',
    strict: true,
  }
}
