/** How MariaDB from 10.6 is read: SHOW ALL SLAVES STATUS says everything of every channel. */
import type { Address } from '../../model/address.ts'
import { inDomain, parseBinlogState, parsePosition } from '../../model/gtid/mariadb-position.ts'
import { receivedOf } from '../../model/history/received.ts'
import type { MariadbHistory } from '../../model/history.ts'
import type { Access, BinlogSettings, Channel, ServerStatus } from '../../model/server.ts'
import { parseVersion, type Version } from '../../model/version.ts'
import { attachedOf } from '../attached.ts'
import { asRow, decimal, flag, integer, oneOf, onlyRow, setAt, text, UnusableReply } from '../cells.ts'
import { applierOf, errorsOf, isFiltered, lagOf, receiverOf } from '../channel.ts'
import { mariadbIdentity } from '../identity.ts'
import { aliasesOf } from '../names.ts'
import { type Reader, readerOf } from '../reader.ts'
import { remembering, unlessChanged } from '../remembered.ts'
import { semiSyncOf } from '../semi-sync.ts'
import type { ResultSets, Row, Rows } from '../session.ts'
import type { ReadSide } from './dialect.ts'

/**
 * The order is part of the meaning: what the channels received is read before what is applied, so "received = applied" is
 * never said too early, and read_only before the binlog state, so a closed server's state is its last.
 */
const LIVE = [
  'SHOW ALL SLAVES STATUS',
  `SELECT @@GLOBAL.read_only AS read_only, @@GLOBAL.gtid_binlog_state AS gtid_binlog_state,
 @@GLOBAL.gtid_slave_pos AS gtid_slave_pos, @@GLOBAL.gtid_strict_mode AS gtid_strict_mode, @@GLOBAL.server_id AS server_id,
 @@GLOBAL.hostname AS hostname, @@GLOBAL.port AS port, @@GLOBAL.datadir AS datadir`,
  'SHOW SLAVE HOSTS',
  "SHOW GLOBAL VARIABLES LIKE 'rpl\\_semi\\_sync%'",
  `SHOW GLOBAL STATUS WHERE Variable_name IN ('Uptime', 'Threads_connected',
 'Rpl_semi_sync_master_status', 'Rpl_semi_sync_master_clients', 'Rpl_semi_sync_slave_status')`,
]

const SLOW = [
  `SELECT @@GLOBAL.version AS version, @@GLOBAL.version_comment AS version_comment, @@GLOBAL.report_host AS report_host,
 @@GLOBAL.report_port AS report_port, @@GLOBAL.hostname AS hostname, @@GLOBAL.port AS port,
 @@GLOBAL.log_bin AS log_bin, @@GLOBAL.binlog_format AS binlog_format, @@GLOBAL.binlog_row_image AS binlog_row_image,
 @@GLOBAL.log_slave_updates AS log_slave_updates, @@GLOBAL.sync_binlog AS sync_binlog,
 @@GLOBAL.innodb_flush_log_at_trx_commit AS flush_at_commit, @@GLOBAL.max_connections AS max_connections,
 @@GLOBAL.extra_port AS extra_port`,
]

interface Slow {
  readonly version: Version
  readonly aliases: readonly Address[]
  /** All but `strict`, which can be changed at any time and is read with the history it judges. */
  readonly binlog: Omit<BinlogSettings, 'strict'>
  readonly maxConnections: number
  readonly adminPort: number | undefined
}

export const mariadbRead: ReadSide = { newReader }

function newReader(): Reader {
  const history = historyReader()
  return readerOf({ live: LIVE, slow: SLOW, readSlow, readLive: (sets, slow) => readLive(sets, slow, history) })
}

function readLive(sets: ResultSets, slow: Slow, history: HistoryReader): ServerStatus {
  const channels = setAt(sets, 0)
  const own = onlyRow(sets, 1)
  const status = asRow(setAt(sets, 4))
  return {
    id: mariadbIdentity({
      hostname: text(own, 'hostname'),
      port: text(own, 'port'),
      datadir: text(own, 'datadir'),
      numericId: text(own, 'server_id'),
    }),
    version: slow.version,
    numericId: integer(own, 'server_id'),
    aliases: slow.aliases,
    uptimeS: integer(status, 'uptime'),
    access: oneOf(own, 'read_only', ACCESS),
    history: history(own, channels, slow.binlog.enabled && slow.binlog.logsReplicaUpdates),
    channels: channels.flatMap(channelOf),
    semiSync: semiSyncOf(asRow(setAt(sets, 3)), status, 'always_one'),
    attached: attachedOf(setAt(sets, 2), 'Server_id'),
    binlog: { ...slow.binlog, strict: flag(own, 'gtid_strict_mode') },
    connections: { used: integer(status, 'threads_connected'), max: slow.maxConnections },
    ...(slow.adminPort === undefined ? {} : { adminPort: slow.adminPort }),
  }
}

/** A switch up to MariaDB 11; later an enumeration, whose last value binds privileged accounts too. */
const ACCESS: Readonly<Record<string, Access>> = {
  0: 'writable',
  OFF: 'writable',
  1: 'closed_to_clients',
  ON: 'closed_to_clients',
  NO_LOCK: 'closed_to_clients',
  NO_LOCK_NO_ADMIN: 'closed_to_all',
}

type HistoryReader = (own: Row, channels: Rows, logsReplicaUpdates: boolean) => MariadbHistory

function historyReader(): HistoryReader {
  const state = remembering('gtid_binlog_state', parseBinlogState)
  const applied = remembering('gtid_slave_pos', parsePosition)
  const received = remembering('Gtid_IO_Pos', parsePosition)
  const whole = unlessChanged<MariadbHistory>()
  return (own, channels, logsReplicaUpdates) => {
    const binlogState = state(text(own, 'gtid_binlog_state'))
    const slavePos = applied(text(own, 'gtid_slave_pos'))
    const ioPos = channels.map((row) =>
      receivedOf({
        usesGtid: byGtid(row),
        receiverRuns: text(row, 'Slave_IO_Running') !== 'No',
        gtidIoPos: received(text(row, 'Gtid_IO_Pos'), text(row, 'Connection_name')),
        read: { file: text(row, 'Master_Log_File'), offset: integer(row, 'Read_Master_Log_Pos') },
        executed: { file: text(row, 'Relay_Master_Log_File'), offset: integer(row, 'Exec_Master_Log_Pos') },
      }),
    )
    const id = integer(own, 'server_id')
    const strict = flag(own, 'gtid_strict_mode')
    return whole([binlogState, slavePos, id, strict, logsReplicaUpdates, ...ioPos], () => ({
      kind: 'mariadb',
      serverId: id,
      binlogState,
      slavePos,
      ioPos,
      logsReplicaUpdates,
      strict,
    }))
  }
}

const byGtid = (row: Row): boolean => text(row, 'Using_Gtid').toUpperCase() !== 'NO'

function channelOf(row: Row): readonly Channel[] {
  const host = text(row, 'Master_Host').toLowerCase()
  if (host === '') return []
  return [
    {
      name: text(row, 'Connection_name'),
      source: { host, port: integer(row, 'Master_Port') },
      sourceNumericId: integer(row, 'Master_Server_Id'),
      receiver: receiverOf(row, 'Slave_IO_Running'),
      applier: applierOf(row, 'Slave_SQL_Running'),
      ...errorsOf(row),
      receivedText: `${text(row, 'Gtid_IO_Pos')} at ${text(row, 'Master_Log_File')}:${text(row, 'Read_Master_Log_Pos')}`,
      heartbeats: integer(row, 'Slave_received_heartbeats'),
      heartbeatPeriodMs: Math.round(decimal(row, 'Slave_heartbeat_period') * 1000),
      connectRetryMs: integer(row, 'Connect_Retry') * 1000,
      delayMs: integer(row, 'SQL_Delay') * 1000,
      ...lagOf(row, 'Seconds_Behind_Master'),
      halfReceived: isHalfReceived(row),
      positioning: byGtid(row) ? 'gtid' : 'coordinates',
      filtered: isFiltered(row, ['Replicate_Do_Domain_Ids', 'Replicate_Ignore_Domain_Ids']),
    },
  ]
}

/**
 * There is no word for it here, but the coordinates tell: the receiver's advances with every event, the applier's only with
 * whole transactions. Known once all that was received whole is applied; equal whenever a channel is idle, also after a
 * rotation or a restart of either end. Empty after CHANGE MASTER, until the source was first heard.
 */
function isHalfReceived(row: Row): boolean {
  const file = text(row, 'Master_Log_File')
  const read = text(row, 'Read_Master_Log_Pos')
  if (!byGtid(row) || file === '') return false
  if (file === text(row, 'Relay_Master_Log_File') && read === text(row, 'Exec_Master_Log_Pos')) return false
  const applied = parsePosition(text(row, 'Gtid_Slave_Pos'))
  const received = parsePosition(text(row, 'Gtid_IO_Pos'))
  if (!applied.ok || !received.ok)
    throw new UnusableReply(`the position "${text(row, 'Gtid_Slave_Pos')}" cannot be read`)
  return received.value.gtids.every((gtid) => (inDomain(applied.value, gtid.domain)?.seq ?? -1) >= gtid.seq)
}

function readSlow(sets: ResultSets): Slow {
  const row = onlyRow(sets, 0)
  const version = parseVersion(text(row, 'version'), text(row, 'version_comment'))
  if (version === undefined) throw new UnusableReply(`its version is "${text(row, 'version')}"`)
  const extraPort = integer(row, 'extra_port')
  return {
    version,
    aliases: aliasesOf({
      hostname: text(row, 'hostname'),
      port: integer(row, 'port'),
      reportHost: text(row, 'report_host'),
      reportPort: integer(row, 'report_port'),
    }),
    binlog: {
      enabled: flag(row, 'log_bin'),
      format: oneOf(row, 'binlog_format', { ROW: 'row', MIXED: 'mixed', STATEMENT: 'statement' }),
      rowImage: text(row, 'binlog_row_image').toLowerCase(),
      logsReplicaUpdates: flag(row, 'log_slave_updates'),
      sync: integer(row, 'sync_binlog'),
      flushAtCommit: integer(row, 'flush_at_commit'),
      // A MariaDB server always writes GTIDs.
      gtid: 'on',
    },
    maxConnections: integer(row, 'max_connections'),
    adminPort: extraPort === 0 ? undefined : extraPort,
  }
}
