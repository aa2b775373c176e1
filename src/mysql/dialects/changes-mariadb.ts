import type { TlsSettings } from '../../model/cluster.ts'
import type { Receiver } from '../../model/server.ts'
import { atLeast } from '../../model/version.ts'
import { integer, seconds, text } from '../change/literal.ts'
import { covers, handsOnGtids, inDomainsOf, joinedPosition } from '../change/position.ts'
import { numberOf, printed, type Question, type Row } from '../change/question.ts'
import type { AccessState, ChannelState, Thread } from '../change/state.ts'
import { bypassers } from './bypassers-mariadb.ts'
import type { ChangeSide, Demotion, Following } from './changes.ts'

/**
 * Not information_schema.PROCESSLIST: each answer of that one is a table on the disk of the server, in `tmpdir`. With that directory
 * full or gone nobody could be cut, and a second server that starts on the same one deletes the table: 10.11 and 11.8 have ended by that.
 */
const PROCESS_LIST = 'SHOW FULL PROCESSLIST'

/** MariaDB 10.6 to 11.8. */
export const mariadbChanges: ChangeSide = {
  flavour: 'mariadb',
  noChannel: [1200, 1617],
  // With both threads stopped the next start deletes relay log that was received and not applied.
  startsReceiverAlone: false,
  stopRollsBack: true,

  stopReceiver: (channel) => `STOP SLAVE ${text(channel)} IO_THREAD`,
  startReceiver: (channel) => `START SLAVE ${text(channel)} IO_THREAD`,
  stopApplier: (channel) => `STOP SLAVE ${text(channel)} SQL_THREAD`,
  startApplier: (channel) => `START SLAVE ${text(channel)} SQL_THREAD`,
  stopBoth: (channel) => `STOP SLAVE ${text(channel)}`,
  startBoth: (channel) => `START SLAVE ${text(channel)}`,
  reset: (channel) => `RESET SLAVE ${text(channel)} ALL`,
  move: undefined,
  startKeepingRelayLog,
  follow: (channel, to) => [...demoted(to), change(channel, to)],
  kill: (thread) => `KILL ${integer(thread)}`,
  interrupt: (thread) => `KILL QUERY ${integer(thread)}`,

  open: ['SET GLOBAL read_only = 0'],
  close: (lockWaitS) => [`SET SESSION lock_wait_timeout = ${integer(lockWaitS)}`, 'SET GLOBAL read_only = 1'],
  semiSyncSource: (enabled) => [`SET GLOBAL rpl_semi_sync_master_enabled = ${enabled ? 1 : 0}`],
  semiSyncReplicaOn: 'SET GLOBAL rpl_semi_sync_slave_enabled = 1',

  channel: (name) => ({
    statements: ['SHOW ALL SLAVES STATUS'],
    read: ([rows]) => {
      const row = (rows ?? []).find((candidate) => printed(candidate, 'Connection_name') === name)
      return row === undefined ? undefined : channelState(row)
    },
  }),
  channels: {
    statements: ['SHOW ALL SLAVES STATUS'],
    read: ([rows]) => (rows ?? []).map((row) => printed(row, 'Connection_name')),
  },
  receiverThreads,
  applierThreads: () => ({ statements: [], read: () => ({ leader: undefined, busy: [] }) }),
  threads: {
    statements: [PROCESS_LIST],
    read: ([rows]) => (rows ?? []).map(thread),
  },
  access: {
    statements: ['SELECT @@GLOBAL.read_only AS read_only'],
    read: ([rows]) => accessState(rows?.[0]),
  },
  bypassers,
  semiSync: {
    statements: ['SELECT @@GLOBAL.rpl_semi_sync_master_enabled AS enabled'],
    read: ([rows]) => ({ enabled: numberOf(rows?.[0], 'enabled') === 1, waitCount: 1 }),
  },
  semiSyncClients: {
    statements: ["SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_master_clients'"],
    read: ([rows]) => numberOf(rows?.[0], 'Value'),
  },
  holdings: {
    statements: [
      'SELECT @@GLOBAL.gtid_binlog_state AS state, @@GLOBAL.gtid_binlog_pos AS binlog_pos, @@GLOBAL.gtid_slave_pos AS slave_pos',
    ],
    read: ([rows]) => {
      const [row] = rows ?? []
      return {
        executed: [printed(row, 'state'), printed(row, 'slave_pos')].filter((list) => list !== '').join(','),
        position: joinedPosition([printed(row, 'binlog_pos'), printed(row, 'slave_pos')]),
      }
    },
  },
  demotion: {
    statements: ['SELECT @@GLOBAL.gtid_binlog_pos AS binlog_pos, @@GLOBAL.gtid_slave_pos AS slave_pos'],
    read: ([rows]) => demotion(printed(rows?.[0], 'binlog_pos'), printed(rows?.[0], 'slave_pos')),
  },
  waitApplied: (target, waitMs) => ({
    statements: [`SELECT MASTER_GTID_WAIT(${text(target)}, ${seconds(waitMs)}) AS waited`],
    read: ([rows]) => numberOf(rows?.[0], 'waited') === 0,
  }),
  handsOn: (holdings, part) => handsOnGtids(holdings.executed, part),
  inCommon: inDomainsOf,
  reached: covers,
}

/** A server that wrote what it did not replicate (it was a primary): else it would ask its source for its own writes. */
function demotion(binlogPos: string, slavePos: string): Demotion | undefined {
  return covers(slavePos, binlogPos) ? undefined : { position: joinedPosition([slavePos, binlogPos]) }
}

const canDemote = (to: Following): boolean => atLeast(to.version, 10, 10)

/** Before 10.10 the position is set by hand; the server lets that happen only while every channel is stopped. */
function demoted(to: Following): readonly string[] {
  return to.demote === undefined || canDemote(to) ? [] : [`SET GLOBAL gtid_slave_pos = ${text(to.demote.position)}`]
}

/**
 * A start by GTID deletes the relay log and asks the source again, which may be dead. Named by file and position it is kept
 * and applied, and gtid_slave_pos follows; the channel goes back to GTIDs when it is attached the next time.
 */
function startKeepingRelayLog(channel: string, state: ChannelState): readonly string[] {
  const start = `START SLAVE ${text(channel)} SQL_THREAD`
  if (state.relayLog === undefined || state.positioning === 'coordinates') return [start]
  const { file, position } = state.relayLog
  const kept = `RELAY_LOG_FILE = ${text(file)}, RELAY_LOG_POS = ${integer(position)}`
  const period = `MASTER_HEARTBEAT_PERIOD = ${seconds(state.heartbeatMs)}`
  return [`CHANGE MASTER ${text(channel)} TO MASTER_USE_GTID = no, ${kept}, ${period}`, start]
}

function change(channel: string, to: Following): string {
  const options = [
    `MASTER_HOST = ${text(to.source.host)}`,
    `MASTER_PORT = ${integer(to.source.port)}`,
    `MASTER_HEARTBEAT_PERIOD = ${seconds(to.heartbeatMs)}`,
    `MASTER_CONNECT_RETRY = ${integer(Math.max(1, Math.round(to.connectRetryMs / 1000)))}`,
    ...(to.keepLogin
      ? []
      : [
          `MASTER_USER = ${text(to.account.user)}`,
          `MASTER_PASSWORD = ${text(to.account.password)}`,
          ...security(to.tls),
        ]),
    // Never current_pos: it lets a server's own stray writes decide from where it replicates.
    'MASTER_USE_GTID = slave_pos',
    ...(to.demote !== undefined && canDemote(to) ? ['MASTER_DEMOTE_TO_SLAVE = 1'] : []),
  ]
  return `CHANGE MASTER ${text(channel)} TO ${options.join(', ')}`
}

/** Every option is named: one that is left out keeps what the channel had, and a new channel has none. */
function security(tls: TlsSettings): readonly string[] {
  if (tls.mode === 'off') return ['MASTER_SSL = 0', 'MASTER_SSL_VERIFY_SERVER_CERT = 0']
  return [
    'MASTER_SSL = 1',
    `MASTER_SSL_VERIFY_SERVER_CERT = ${tls.mode === 'verify' ? 1 : 0}`,
    `MASTER_SSL_CA = ${text(tls.ca ?? '')}`,
    `MASTER_SSL_CERT = ${text(tls.cert ?? '')}`,
    `MASTER_SSL_KEY = ${text(tls.key ?? '')}`,
  ]
}

function channelState(row: Row): ChannelState {
  const positioning = POSITIONING[printed(row, 'Using_Gtid')] ?? 'coordinates'
  const received = printed(row, 'Gtid_IO_Pos')
  const applied = printed(row, 'Gtid_Slave_Pos')
  return {
    source: { host: printed(row, 'Master_Host').toLowerCase(), port: numberOf(row, 'Master_Port') },
    receiver: RECEIVERS[printed(row, 'Slave_IO_Running')] ?? 'stopped',
    applier: printed(row, 'Slave_SQL_Running') === 'Yes' ? 'running' : 'stopped',
    ...error('receiverError', row, 'Last_IO_'),
    ...error('applierError', row, 'Last_SQL_'),
    dumpBegun: printed(row, 'Master_Log_File') !== '',
    received,
    applied,
    // Without any GTID received only the coordinates tell. Else they do not: a CHANGE that names the relay log sets them.
    caughtUp: received === '' && positioning === 'coordinates' ? sameCoordinates(row) : covers(applied, received),
    halfReceived: false,
    positioning,
    relayLog: { file: printed(row, 'Relay_Log_File'), position: numberOf(row, 'Relay_Log_Pos') },
    heartbeatMs: Math.round(numberOf(row, 'Slave_heartbeat_period') * 1000),
    connectRetryMs: numberOf(row, 'Connect_Retry') * 1000,
  }
}

const RECEIVERS: Readonly<Record<string, Receiver>> = {
  Yes: 'running',
  Connecting: 'connecting',
  Preparing: 'connecting',
  No: 'stopped',
}

const POSITIONING: Readonly<Record<string, ChannelState['positioning']>> = {
  Slave_Pos: 'gtid',
  Current_Pos: 'other_gtid',
  No: 'coordinates',
}

const sameCoordinates = (row: Row): boolean =>
  printed(row, 'Master_Log_File') === printed(row, 'Relay_Master_Log_File') &&
  printed(row, 'Read_Master_Log_Pos') === printed(row, 'Exec_Master_Log_Pos')

function error<K extends 'receiverError' | 'applierError'>(key: K, row: Row, prefix: string) {
  const code = numberOf(row, `${prefix}Errno`)
  return code > 0 ? { [key]: { code, message: printed(row, `${prefix}Error`) } } : {}
}

/**
 * The process list does not name channels: where there are several, none is killed. Counting threads would not do: while ours has ended
 * and its STOP has not, the one receiver left is another channel's.
 */
function receiverThreads(): Question<readonly number[]> {
  return {
    statements: [PROCESS_LIST, 'SHOW ALL SLAVES STATUS'],
    read: ([threads = [], channels = []]) => {
      const receivers = threads.filter((row) => printed(row, 'Command') === 'Slave_IO')
      return receivers.length === 1 && channels.length === 1 ? receivers.map((row) => numberOf(row, 'Id')) : []
    },
  }
}

function commitOf(state: string): Pick<Thread, 'commit'> {
  if (/^waiting for semi-sync ack/i.test(state)) return { commit: 'waits' }
  return /^commit|^waiting for prior transaction to commit|binlog|group commit/i.test(state) ? { commit: 'queued' } : {}
}

function thread(row: Row): Thread {
  const user = printed(row, 'User')
  const command = printed(row, 'Command')
  const own =
    user === 'system user' || user === 'event_scheduler' || command === 'Daemon' || command.startsWith('Slave_')
  return {
    id: numberOf(row, 'Id'),
    user,
    peer: printed(row, 'Host'),
    kind: own ? 'own' : command.startsWith('Binlog Dump') ? 'dump' : 'client',
    killed: command === 'Killed',
    idle: command === 'Sleep',
    ...commitOf(printed(row, 'State')),
    statement: printed(row, 'Info'),
  }
}

/** Whoever has READ_ONLY ADMIN still writes: MariaDB closes a server to clients, not to all. */
function accessState(row: Row | undefined): AccessState {
  const readOnly = numberOf(row, 'read_only') === 1
  return { access: readOnly ? 'closed_to_clients' : 'writable', says: `read_only=${readOnly ? 1 : 0}` }
}
