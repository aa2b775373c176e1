import type { TlsSettings } from '../../model/cluster.ts'
import { contains } from '../../model/gtid/mysql-set.ts'
import { gtidSet, printGtidSet } from '../../model/gtid/mysql-text.ts'
import type { Access, Receiver } from '../../model/server.ts'
import { integer, seconds, text } from '../change/literal.ts'
import { numberOf, printed, type Question, type Row } from '../change/question.ts'
import type { AccessState, ApplierThreads, ChannelState, Thread } from '../change/state.ts'
import type { ChangeSide, Destination, Following } from './changes.ts'

/** MySQL 8.4 and 9.x. */
export const mysqlChanges: ChangeSide = {
  flavour: 'mysql',
  noChannel: [1200, 3074],
  startsReceiverAlone: true,
  stopRollsBack: false,

  stopReceiver: (channel) => `STOP REPLICA IO_THREAD FOR CHANNEL ${text(channel)}`,
  startReceiver: (channel) => `START REPLICA IO_THREAD FOR CHANNEL ${text(channel)}`,
  stopApplier: (channel) => `STOP REPLICA SQL_THREAD FOR CHANNEL ${text(channel)}`,
  startApplier: (channel) => `START REPLICA SQL_THREAD FOR CHANNEL ${text(channel)}`,
  stopBoth: (channel) => `STOP REPLICA FOR CHANNEL ${text(channel)}`,
  startBoth: (channel) => `START REPLICA FOR CHANNEL ${text(channel)}`,
  reset: (channel) => `RESET REPLICA ALL FOR CHANNEL ${text(channel)}`,
  move: (channel, to) => change(channel, destination(to)),
  startKeepingRelayLog: undefined,
  follow: (channel, to) => [
    change(channel, [...destination(to), ...following(), ...(to.keepLogin ? [] : [...login(to), ...security(to.tls)])]),
  ],
  kill: (thread) => `KILL ${integer(thread)}`,
  interrupt: (thread) => `KILL QUERY ${integer(thread)}`,

  open: ['SET GLOBAL super_read_only = 0, GLOBAL read_only = 0'],
  close: (lockWaitS) => [
    `SET SESSION lock_wait_timeout = ${integer(lockWaitS)}`,
    'SET GLOBAL super_read_only = 1',
    'SET GLOBAL read_only = 1',
  ],
  semiSyncSource: (enabled, waitCount) => [
    enabled
      ? `SET GLOBAL rpl_semi_sync_source_wait_for_replica_count = ${integer(waitCount)}, GLOBAL rpl_semi_sync_source_enabled = 1`
      : 'SET GLOBAL rpl_semi_sync_source_enabled = 0',
  ],
  semiSyncReplicaOn: 'SET GLOBAL rpl_semi_sync_replica_enabled = 1',

  channel: channelQuestion,
  channels: {
    statements: ['SHOW REPLICA STATUS'],
    read: ([rows]) => (rows ?? []).map((row) => printed(row, 'Channel_Name')),
  },
  receiverThreads,
  applierThreads,
  threads: {
    // Not performance_schema.processlist: that one never shows a thread as Killed.
    statements: ['SELECT ID, USER, HOST, COMMAND, STATE, INFO FROM information_schema.PROCESSLIST'],
    read: ([rows]) => (rows ?? []).map(thread),
  },
  access: {
    statements: ['SELECT @@GLOBAL.super_read_only AS super_read_only, @@GLOBAL.read_only AS read_only'],
    read: ([rows]) => accessState(rows?.[0]),
  },
  // super_read_only holds every account.
  bypassers: undefined,
  semiSync: {
    statements: [
      'SELECT @@GLOBAL.rpl_semi_sync_source_enabled AS enabled, @@GLOBAL.rpl_semi_sync_source_wait_for_replica_count AS wait_count',
    ],
    read: ([rows]) => ({ enabled: numberOf(rows?.[0], 'enabled') === 1, waitCount: numberOf(rows?.[0], 'wait_count') }),
  },
  semiSyncClients: {
    statements: ["SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_source_clients'"],
    read: ([rows]) => numberOf(rows?.[0], 'Value'),
  },
  holdings: {
    statements: ['SELECT @@GLOBAL.gtid_executed AS executed'],
    read: ([rows]) => ({ executed: printed(rows?.[0], 'executed'), position: printed(rows?.[0], 'executed') }),
  },
  // A former primary's own writes are in gtid_executed, from which auto-positioning asks: nothing has to be said.
  demotion: { statements: [], read: () => undefined },
  waitApplied: (target, waitMs) => ({
    statements: [`SELECT WAIT_FOR_EXECUTED_GTID_SET(${text(compact(target))}, ${seconds(waitMs)}) AS waited`],
    read: ([rows]) => numberOf(rows?.[0], 'waited') === 0,
  }),
  handsOn: (holdings, part) => contains(gtidSet(holdings.executed), gtidSet(part)),
  inCommon: (target, own) => {
    const uuids = new Set(gtidSet(own).parts.map((part) => part.uuid))
    return printGtidSet({ parts: gtidSet(target).parts.filter((part) => uuids.has(part.uuid)) })
  },
  reached: (applied, target) => contains(gtidSet(applied), gtidSet(target)),
}

/** Only options that the server takes while the applier runs and that leave the relay log alone. */
function destination(to: Destination): readonly string[] {
  return [
    `SOURCE_HOST = ${text(to.source.host)}`,
    `SOURCE_PORT = ${integer(to.source.port)}`,
    `SOURCE_HEARTBEAT_PERIOD = ${seconds(to.heartbeatMs)}`,
    `SOURCE_CONNECT_RETRY = ${wholeSeconds(to.connectRetryMs)}`,
    // The server's own default (10 from 8.4) gives up after seconds: a receiver that gave up does not come back by itself.
    'SOURCE_RETRY_COUNT = 86400',
  ]
}

function login(to: Following): readonly string[] {
  return [`SOURCE_USER = ${text(to.account.user)}`, `SOURCE_PASSWORD = ${text(to.account.password)}`]
}

/** caching_sha2_password without TLS refuses a login that does not ask for the key: a new source may not have this account cached. */
const following = (): readonly string[] => ['SOURCE_AUTO_POSITION = 1', 'GET_SOURCE_PUBLIC_KEY = 1']

/** Every option is named: one that is left out keeps what the channel had, and a new channel has none. */
function security(tls: TlsSettings): readonly string[] {
  if (tls.mode === 'off') return ['SOURCE_SSL = 0', 'SOURCE_SSL_VERIFY_SERVER_CERT = 0']
  return [
    'SOURCE_SSL = 1',
    `SOURCE_SSL_VERIFY_SERVER_CERT = ${tls.mode === 'verify' ? 1 : 0}`,
    `SOURCE_SSL_CA = ${text(tls.ca ?? '')}`,
    `SOURCE_SSL_CERT = ${text(tls.cert ?? '')}`,
    `SOURCE_SSL_KEY = ${text(tls.key ?? '')}`,
  ]
}

const change = (channel: string, options: readonly string[]): string =>
  `CHANGE REPLICATION SOURCE TO ${options.join(', ')} FOR CHANNEL ${text(channel)}`

/** Retries are counted in whole seconds; 0 would mean the server's default of a minute. */
const wholeSeconds = (ms: number): string => integer(Math.max(1, Math.round(ms / 1000)))

/** Printed sets hold line ends. */
const compact = (set: string): string => set.replace(/\s+/g, '')

function channelQuestion(name: string): Question<ChannelState | undefined> {
  return {
    statements: [
      'SHOW REPLICA STATUS',
      'SELECT s.QUEUEING_TRANSACTION AS queueing, c.HEARTBEAT_INTERVAL AS heartbeat FROM performance_schema.replication_connection_status s' +
        ` JOIN performance_schema.replication_connection_configuration c USING (CHANNEL_NAME) WHERE s.CHANNEL_NAME = ${text(name)}`,
    ],
    read: ([status, extra]) => {
      const row = (status ?? []).find((candidate) => printed(candidate, 'Channel_Name') === name)
      return row === undefined ? undefined : channelState(row, extra?.[0])
    },
  }
}

function channelState(row: Row, extra: Row | undefined): ChannelState {
  const received = printed(row, 'Retrieved_Gtid_Set')
  const applied = printed(row, 'Executed_Gtid_Set')
  return {
    source: { host: printed(row, 'Source_Host').toLowerCase(), port: numberOf(row, 'Source_Port') },
    receiver: RECEIVERS[printed(row, 'Replica_IO_Running')] ?? 'stopped',
    applier: printed(row, 'Replica_SQL_Running') === 'Yes' ? 'running' : 'stopped',
    ...error('receiverError', row, 'Last_IO_'),
    ...error('applierError', row, 'Last_SQL_'),
    dumpBegun: printed(row, 'Source_Log_File') !== '',
    received,
    applied,
    caughtUp: contains(gtidSet(applied), gtidSet(received)),
    halfReceived: printed(extra, 'queueing') !== '',
    positioning: printed(row, 'Auto_Position') === '1' ? 'gtid' : 'coordinates',
    heartbeatMs: Math.round(numberOf(extra, 'heartbeat') * 1000),
    connectRetryMs: numberOf(row, 'Connect_Retry') * 1000,
  }
}

const RECEIVERS: Readonly<Record<string, Receiver>> = { Yes: 'running', Connecting: 'connecting', No: 'stopped' }

function error<K extends 'receiverError' | 'applierError'>(key: K, row: Row, prefix: string) {
  const code = numberOf(row, `${prefix}Errno`)
  return code > 0 ? { [key]: { code, message: printed(row, `${prefix}Error`) } } : {}
}

function threadOf(table: string, channel: string): Question<readonly number[]> {
  return {
    statements: [
      `SELECT t.PROCESSLIST_ID AS id, t.PROCESSLIST_STATE AS state FROM performance_schema.${table} s JOIN performance_schema.threads t USING (THREAD_ID)` +
        ` WHERE s.CHANNEL_NAME = ${text(channel)}`,
    ],
    read: ([rows]) => ids(rows ?? []),
  }
}

/**
 * A receiver that has lost its source and tries to reconnect has no THREAD_ID in replication_connection_status: where there is one
 * channel, the one receiver thread of the server is its own.
 */
function receiverThreads(channel: string): Question<readonly number[]> {
  const connected = threadOf('replication_connection_status', channel)
  return {
    statements: [
      ...connected.statements,
      "SELECT PROCESSLIST_ID AS id FROM performance_schema.threads WHERE NAME IN ('thread/sql/replica_io', 'thread/sql/slave_io')" +
        ' AND (SELECT COUNT(*) FROM performance_schema.replication_connection_configuration) = 1',
    ],
    read: ([named, only]) => {
      const found = ids(named ?? [])
      return found.length > 0 ? found : ids(only ?? [])
    },
  }
}

/** Without parallel workers there is no coordinator: the one worker is then the thread that reads the relay log. */
function applierThreads(channel: string): Question<ApplierThreads> {
  const coordinator = threadOf('replication_applier_status_by_coordinator', channel)
  const worker = threadOf('replication_applier_status_by_worker', channel)
  return {
    statements: [...coordinator.statements, ...worker.statements],
    read: ([coordinators, workers]) => {
      const [leader] = ids(coordinators ?? [])
      const busy = (workers ?? []).filter((row) => !/^waiting for an event/i.test(printed(row, 'state')))
      return leader === undefined ? { leader: ids(workers ?? [])[0], busy: [] } : { leader, busy: ids(busy) }
    },
  }
}

const ids = (rows: readonly Row[]): readonly number[] => rows.map((row) => numberOf(row, 'id')).filter((id) => id > 0)

function thread(row: Row): Thread {
  const user = printed(row, 'USER')
  const command = printed(row, 'COMMAND')
  const own = user === 'system user' || user === 'event_scheduler' || command === 'Daemon'
  return {
    id: numberOf(row, 'ID'),
    user,
    peer: printed(row, 'HOST'),
    kind: own ? 'own' : command.startsWith('Binlog Dump') ? 'dump' : 'client',
    // A killed receiver that cannot end yet has closed its connection to the source before it enters that state.
    killed: command === 'Killed' || printed(row, 'STATE') === 'Waiting for replica mutex on exit',
    idle: command === 'Sleep',
    statement: printed(row, 'INFO'),
  }
}

function accessState(row: Row | undefined): AccessState {
  const superReadOnly = numberOf(row, 'super_read_only') === 1
  const readOnly = numberOf(row, 'read_only') === 1
  const access: Access = superReadOnly
    ? readOnly
      ? 'closed_to_all'
      : 'closing'
    : readOnly
      ? 'closed_to_clients'
      : 'writable'
  return { access, says: `super_read_only=${superReadOnly ? 1 : 0} read_only=${readOnly ? 1 : 0}` }
}
