import { describe, expect, test } from 'vitest'
import { parseVersion } from '../../model/version.ts'
import type { ChannelState } from '../change/state.ts'
import type { ChangeSide, Following } from './changes.ts'
import { mariadbChanges } from './changes-mariadb.ts'
import { mysqlChanges } from './changes-mysql.ts'

const version = (text: string) => {
  const parsed = parseVersion(text)
  if (parsed === undefined) throw new Error(text)
  return parsed
}

const following = (over: Partial<Following> = {}): Following => ({
  source: { host: 'db2', port: 3307 },
  heartbeatMs: 500,
  connectRetryMs: 1000,
  account: { user: "re'pl", password: "p'\\w" },
  tls: { mode: 'off' },
  version: version('9.7.4'),
  keepLogin: false,
  ...over,
})

const followed = (side: ChangeSide, over?: Partial<Following>): string =>
  side.follow("o'ne", following(over)).join('; ')

describe('every CHANGE names the heartbeat period and the retries', () => {
  test('MySQL in full', () => {
    expect(followed(mysqlChanges)).toBe(
      "CHANGE REPLICATION SOURCE TO SOURCE_HOST = 'db2', SOURCE_PORT = 3307, SOURCE_HEARTBEAT_PERIOD = 0.5, " +
        'SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = 86400, SOURCE_AUTO_POSITION = 1, ' +
        "GET_SOURCE_PUBLIC_KEY = 1, SOURCE_USER = 're''pl', SOURCE_PASSWORD = 'p''\\\\w', SOURCE_SSL = 0, SOURCE_SSL_VERIFY_SERVER_CERT = 0 FOR CHANNEL 'o''ne'",
    )
  })

  test('MySQL with its relay log kept names nothing that would drop it', () => {
    expect(mysqlChanges.move?.('', following())).toBe(
      "CHANGE REPLICATION SOURCE TO SOURCE_HOST = 'db2', SOURCE_PORT = 3307, SOURCE_HEARTBEAT_PERIOD = 0.5, " +
        "SOURCE_CONNECT_RETRY = 1, SOURCE_RETRY_COUNT = 86400 FOR CHANNEL ''",
    )
  })

  test('trap 32: MariaDB always replicates from slave_pos', () => {
    expect(followed(mariadbChanges, { version: version('10.11.19-MariaDB') })).toBe(
      "CHANGE MASTER 'o''ne' TO MASTER_HOST = 'db2', MASTER_PORT = 3307, MASTER_HEARTBEAT_PERIOD = 0.5, MASTER_CONNECT_RETRY = 1, " +
        "MASTER_USER = 're''pl', MASTER_PASSWORD = 'p''\\\\w', MASTER_SSL = 0, MASTER_SSL_VERIFY_SERVER_CERT = 0, MASTER_USE_GTID = slave_pos",
    )
  })

  test('a link that works keeps its login: a wrong password in the configuration cannot break it', () => {
    const mysql = followed(mysqlChanges, { keepLogin: true })
    expect(mysql).not.toMatch(/SOURCE_USER|SOURCE_PASSWORD|SOURCE_SSL/)
    expect(mysql).toContain('SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1')
    const mariadb = followed(mariadbChanges, { keepLogin: true, version: version('10.11.19-MariaDB') })
    expect(mariadb).not.toMatch(/MASTER_USER|MASTER_PASSWORD|MASTER_SSL/)
    expect(mariadb).toContain('MASTER_USE_GTID = slave_pos')
  })

  test('a retry shorter than a second is one second, never the default of a minute', () => {
    expect(followed(mysqlChanges, { connectRetryMs: 100 })).toContain('SOURCE_CONNECT_RETRY = 1,')
  })
})

describe('trap 33: TLS of a channel is always named', () => {
  const tls = { mode: 'verify', ca: '/etc/ca.pem', cert: '/etc/c.pem', key: '/etc/k.pem' } as const

  test('MySQL', () => {
    expect(followed(mysqlChanges, { tls })).toContain(
      "SOURCE_SSL = 1, SOURCE_SSL_VERIFY_SERVER_CERT = 1, SOURCE_SSL_CA = '/etc/ca.pem', SOURCE_SSL_CERT = '/etc/c.pem', SOURCE_SSL_KEY = '/etc/k.pem'",
    )
  })

  test('MariaDB', () => {
    expect(followed(mariadbChanges, { tls: { mode: 'required' } })).toContain(
      "MASTER_SSL = 1, MASTER_SSL_VERIFY_SERVER_CERT = 0, MASTER_SSL_CA = '', MASTER_SSL_CERT = '', MASTER_SSL_KEY = ''",
    )
  })
})

describe('trap 32: a former primary takes its own writes as replicated', () => {
  const demote = { position: '0-1-9' }

  test('by MariaDB 10.10 and newer itself', () => {
    const statements = mariadbChanges.follow('', following({ demote, version: version('10.11.19-MariaDB') }))
    expect(statements).toHaveLength(1)
    expect(statements[0]).toMatch(/MASTER_USE_GTID = slave_pos, MASTER_DEMOTE_TO_SLAVE = 1$/)
  })

  test('by its position before 10.10', () => {
    const statements = mariadbChanges.follow('', following({ demote, version: version('10.6.20-MariaDB') }))
    expect(statements[0]).toBe("SET GLOBAL gtid_slave_pos = '0-1-9'")
    expect(statements[1]).not.toContain('DEMOTE')
  })

  test.each([
    ['0-1-9', '', '0-1-9'],
    ['0-1-9', '0-2-5,1-1-1', '0-1-9,1-1-1'],
    ['0-2-5', '0-2-5', undefined],
    ['', '', undefined],
  ])('binlog %s, slave_pos %s: %s', (binlog_pos, slave_pos, position) => {
    expect(mariadbChanges.demotion.read([[{ binlog_pos, slave_pos }]])?.position).toBe(position)
  })
})

describe('trap 86: a waiting SET already shows super_read_only', () => {
  test.each([
    ['0', '0', 'writable'],
    ['1', '0', 'closing'],
    ['0', '1', 'closed_to_clients'],
    ['1', '1', 'closed_to_all'],
  ])('super_read_only %s, read_only %s: %s', (super_read_only, read_only, access) => {
    expect(mysqlChanges.access.read([[{ super_read_only, read_only }]]).access).toBe(access)
  })
})

describe('trap 55: a MariaDB channel with both threads stopped', () => {
  const row = {
    Connection_name: '',
    Master_Host: 'DB1',
    Master_Port: '3306',
    Slave_IO_Running: 'No',
    Slave_SQL_Running: 'No',
    Gtid_IO_Pos: '0-1-55',
    Gtid_Slave_Pos: '0-1-5',
    Using_Gtid: 'Slave_Pos',
    Relay_Log_File: 'relay.000002',
    Relay_Log_Pos: '954',
    Slave_heartbeat_period: '0.500',
    Connect_Retry: '1',
    Last_IO_Errno: '0',
    Last_SQL_Errno: '0',
  }
  const state = (over: Record<string, string> = {}): ChannelState => {
    const read = mariadbChanges.channel('').read([[{ ...row, ...over }]])
    if (read === undefined) throw new Error('no channel')
    return read
  }

  test('has not applied what it received', () => {
    expect(state()).toMatchObject({ caughtUp: false, source: { host: 'db1', port: 3306 }, heartbeatMs: 500 })
  })

  test('is started by file and position, which keeps its relay log', () => {
    expect(mariadbChanges.startKeepingRelayLog?.('', state())).toEqual([
      "CHANGE MASTER '' TO MASTER_USE_GTID = no, RELAY_LOG_FILE = 'relay.000002', RELAY_LOG_POS = 954, MASTER_HEARTBEAT_PERIOD = 0.5",
      "START SLAVE '' SQL_THREAD",
    ])
  })

  test('is not believed caught up by coordinates, which that CHANGE sets', () => {
    const coordinates = {
      Using_Gtid: 'No',
      Master_Log_File: 'b.1',
      Relay_Master_Log_File: 'b.1',
      Read_Master_Log_Pos: '9',
      Exec_Master_Log_Pos: '9',
    }
    expect(state(coordinates).caughtUp).toBe(false)
    expect(state({ ...coordinates, Gtid_Slave_Pos: '0-1-55' }).caughtUp).toBe(true)
    expect(mariadbChanges.startKeepingRelayLog?.('', state(coordinates))).toEqual(["START SLAVE '' SQL_THREAD"])
  })
})

test('MySQL reads a channel from the status of all', () => {
  const row = {
    Channel_Name: 'a',
    Source_Host: 'db1',
    Source_Port: '3306',
    Source_Log_File: 'binlog.000001',
    Replica_IO_Running: 'Connecting',
    Replica_SQL_Running: 'Yes',
    Retrieved_Gtid_Set: '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-9',
    Executed_Gtid_Set: '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-7',
    Last_IO_Errno: '2003',
    Last_IO_Error: 'refused',
    Last_SQL_Errno: '0',
    Auto_Position: '1',
    Connect_Retry: '1',
  }
  const { read } = mysqlChanges.channel('a')
  expect(read([[row], [{ queueing: '3e11fa47-71ca-11e1-9e33-c80aa9429562:10', heartbeat: '0.500' }]])).toEqual({
    source: { host: 'db1', port: 3306 },
    receiver: 'connecting',
    applier: 'running',
    receiverError: { code: 2003, message: 'refused' },
    dumpBegun: true,
    received: row.Retrieved_Gtid_Set,
    applied: row.Executed_Gtid_Set,
    caughtUp: false,
    halfReceived: true,
    positioning: 'gtid',
    heartbeatMs: 500,
    connectRetryMs: 1000,
  })
  expect(mysqlChanges.channel('b').read([[row], []])).toBeUndefined()
})

describe('the process list tells clients from the server itself and from dump threads', () => {
  test.each([
    ['app', 'Sleep', '', 'client'],
    ['replication', 'Binlog Dump GTID', '', 'dump'],
    ['system user', 'Connect', '', 'own'],
    ['event_scheduler', 'Daemon', '', 'own'],
  ])('MySQL: %s, %s', (USER, COMMAND, STATE, kind) => {
    const [thread] = mysqlChanges.threads.read([[{ ID: '7', USER, HOST: 'h:1', COMMAND, STATE, INFO: null }]])
    expect(thread).toMatchObject({ id: 7, kind, killed: false })
  })

  test.each([
    ['app', 'Sleep', 'client'],
    ['app', 'Killed', 'client'],
    ['replication', 'Binlog Dump', 'dump'],
    ['system user', 'Slave_IO', 'own'],
    ['event_scheduler', 'Daemon', 'own'],
  ])('MariaDB: %s, %s', (User, Command, kind) => {
    const [thread] = mariadbChanges.threads.read([[{ Id: '7', User, Host: 'h:1', Command, Info: null }]])
    expect(thread).toMatchObject({ id: 7, user: User, peer: 'h:1', kind, killed: Command === 'Killed' })
  })

  test('trap 76: a killed receiver of MySQL waits for a mutex and has left its source', () => {
    const row = {
      ID: '7',
      USER: 'system user',
      HOST: '',
      COMMAND: 'Connect',
      STATE: 'Waiting for replica mutex on exit',
      INFO: null,
    }
    expect(mysqlChanges.threads.read([[row]])[0]?.killed).toBe(true)
  })

  test('trap 76: on a MariaDB server with several channels no receiver can be told from the others', () => {
    const of = (threads: readonly string[], channels: readonly string[]) =>
      mariadbChanges
        .receiverThreads('')
        .read([
          [{ Id: '3', Command: 'Sleep' }, ...threads.map((Id) => ({ Id, Command: 'Slave_IO' }))],
          channels.map((Connection_name) => ({ Connection_name })),
        ])
    expect(of(['7'], [''])).toEqual([7])
    expect(of(['7', '8'], ['', 'other'])).toEqual([])
    // Ours has ended already, its STOP has not: the one that is left is the other channel's.
    expect(of(['8'], ['', 'other'])).toEqual([])
  })
})
