/** The parsers on what real servers (MySQL 9.7.4, MariaDB 10.11.19) answered to one full look. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'vitest'
import { printHistory } from '../../model/history.ts'
import type { Channel, ServerStatus } from '../../model/server.ts'
import { UnusableReply } from '../cells.ts'
import type { ResultSets } from '../session.ts'
import { mariadbRead } from './mariadb-read.ts'
import { mysqlRead } from './mysql-read.ts'

const SIDES = { mysql: mysqlRead, mariadb: mariadbRead }
type Flavour = keyof typeof SIDES
type Mutable = Record<string, string | null>[][]

function captured(flavour: Flavour, name: string): Mutable {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'captured', `${flavour}-${name}.json`), 'utf8'))
}

const read = (flavour: Flavour, sets: ResultSets): ServerStatus => SIDES[flavour].newReader().ask('full').read(sets)

/** The captured answer with some cells changed, wherever the column occurs. */
function altered(flavour: Flavour, name: string, cells: Readonly<Record<string, string | null>>): ResultSets {
  const sets = captured(flavour, name)
  for (const row of sets.flat()) {
    for (const [column, value] of Object.entries(cells)) {
      if (column in row) row[column] = value
      if (row['Variable_name'] === column) row['Value'] = value
    }
  }
  return sets
}

function channelOf(status: ServerStatus): Channel {
  const [channel] = status.channels
  assert.ok(channel)
  return channel
}

for (const flavour of ['mysql', 'mariadb'] as const) {
  const port = flavour === 'mysql' ? 21001 : 22001

  describe(flavour, () => {
    test('a primary: writable, waits for acknowledgements, knows who is attached', () => {
      const status = read(flavour, captured(flavour, 'primary'))
      assert.equal(status.access, 'writable')
      assert.equal(status.numericId, 1)
      assert.equal(status.version.flavour, flavour)
      assert.deepEqual(status.aliases, [
        { host: '127.0.0.1', port },
        { host: 'db', port },
      ])
      assert.deepEqual(status.channels, [])
      assert.ok(status.semiSync.kind === 'present')
      assert.deepEqual(status.semiSync.source, {
        enabled: true,
        operational: true,
        clients: status.attached.length,
        waitCount: 1,
        waitPoint: 'after_sync',
        timeoutMs: 4_294_967_295,
        waitsWithoutReplicas: true,
      })
      assert.ok(status.attached.length >= 2)
      assert.deepEqual(status.attached[0], { numericId: 2, address: { host: '127.0.0.1', port: port + 1 } })
      assert.deepEqual(status.binlog, {
        enabled: true,
        format: 'row',
        rowImage: 'full',
        logsReplicaUpdates: true,
        sync: 1,
        flushAtCommit: 1,
        gtid: 'on',
        strict: true,
      })
      assert.equal(status.connections.max, 60)
      assert.equal(status.adminPort, port + 100)
    })

    test('a replica: closed, its channel runs', () => {
      const status = read(flavour, captured(flavour, 'replica'))
      assert.equal(status.access, flavour === 'mysql' ? 'closed_to_all' : 'closed_to_clients')
      const channel = channelOf(status)
      assert.deepEqual(channel.source, { host: '127.0.0.1', port })
      assert.equal(channel.sourceNumericId, 1)
      assert.equal(channel.receiver, 'running')
      assert.equal(channel.applier, 'running')
      assert.equal(channel.receiverError, undefined)
      assert.equal(channel.heartbeatPeriodMs, 500)
      assert.equal(channel.connectRetryMs, 1000)
      assert.equal(channel.lagMs, 0)
      assert.equal(channel.delayMs, 0)
      assert.equal(channel.positioning, 'gtid')
      assert.equal(channel.filtered, false)
      assert.equal(channel.halfReceived, false)
      assert.ok(
        status.semiSync.kind === 'present' && status.semiSync.replicaOperational && !status.semiSync.source.enabled,
      )
    })

    test('trap 80: a transaction that was received only in part shows, although applied = received', () => {
      const status = read(flavour, captured(flavour, 'half-received'))
      const channel = channelOf(status)
      assert.equal(channel.receiver, 'stopped')
      assert.equal(channel.receiverError?.code, 2003)
      assert.equal(channel.halfReceived, true)
      assert.doesNotMatch(printHistory(status.history), /unapplied/)
    })

    test('events without a whole transaction show as progress of the receiver', () => {
      const before = channelOf(read(flavour, captured(flavour, 'replica')))
      const column = flavour === 'mysql' ? 'Read_Source_Log_Pos' : 'Read_Master_Log_Pos'
      const after = channelOf(read(flavour, altered(flavour, 'replica', { [column]: '99999999' })))
      assert.notEqual(after.receivedText, before.receivedText)
    })

    test('no lag is given where the server gives none', () => {
      const column = flavour === 'mysql' ? 'Seconds_Behind_Source' : 'Seconds_Behind_Master'
      assert.ok(!('lagMs' in channelOf(read(flavour, altered(flavour, 'replica', { [column]: null })))))
    })

    test('a filter of any kind counts', () => {
      for (const column of ['Replicate_Ignore_DB', 'Replicate_Wild_Do_Table', 'Replicate_Rewrite_DB']) {
        assert.ok(channelOf(read(flavour, altered(flavour, 'replica', { [column]: 'x' }))).filtered, column)
      }
    })

    test('a column that is missing, or says something unknown, makes the answer unusable: nothing is invented', () => {
      const io = flavour === 'mysql' ? 'Replica_IO_Running' : 'Slave_IO_Running'
      assert.throws(() => read(flavour, altered(flavour, 'replica', { [io]: 'Perhaps' })), UnusableReply)
      assert.throws(() => read(flavour, altered(flavour, 'replica', { read_only: null })), UnusableReply)
      assert.throws(
        () => read(flavour, altered(flavour, 'replica', { gtid_executed: 'x', gtid_binlog_state: 'x' })),
        UnusableReply,
      )
      const without = captured(flavour, 'replica').map((set) => set.map(({ SQL_Delay: _, ...row }) => row))
      assert.throws(() => read(flavour, without), UnusableReply)
      assert.throws(() => read(flavour, captured(flavour, 'replica').slice(0, 3)), UnusableReply)
    })

    test('a server without a binlog is read, and says so', () => {
      const status = read(flavour, altered(flavour, 'primary', { log_bin: '0', gtid_binlog_state: '' }))
      assert.equal(status.binlog.enabled, false)
    })

    test('a live look asks less, and keeps the slow parts of the full one before it', () => {
      const reader = SIDES[flavour].newReader()
      const first = reader.ask('live')
      const status = first.read(captured(flavour, 'primary'))
      const live = reader.ask('live')
      assert.ok(live.sql.length < first.sql.length)
      const later = live.read(captured(flavour, 'primary').slice(0, -1))
      assert.deepEqual(later, status)
      assert.equal(later.history, status.history, 'an unchanged history is not parsed again')
    })
  })
}

test('trap 86: super_read_only=1 with read_only=0 is a SET that still waits: writes commit', () => {
  const access = (read_only: string, super_read_only: string): string =>
    read('mysql', altered('mysql', 'primary', { read_only, super_read_only })).access
  assert.deepEqual(
    [access('0', '0'), access('0', '1'), access('1', '0'), access('1', '1')],
    ['writable', 'closing', 'closed_to_clients', 'closed_to_all'],
  )
})

test('MariaDB’s read_only as the enumeration that later versions make of it', () => {
  const access = (read_only: string): string => read('mariadb', altered('mariadb', 'primary', { read_only })).access
  assert.deepEqual(['OFF', 'ON', 'NO_LOCK', 'NO_LOCK_NO_ADMIN'].map(access), [
    'writable',
    'closed_to_clients',
    'closed_to_clients',
    'closed_to_all',
  ])
})

test('semi-sync is absent where MySQL has not loaded its plugins', () => {
  const sets = captured('mysql', 'primary')
  sets[4] = []
  assert.deepEqual(read('mysql', sets).semiSync, { kind: 'absent' })
})

test('MySQL without performance_schema cannot be read: its channels would look as if there were none', () => {
  assert.throws(
    () => read('mysql', altered('mysql', 'replica', { performance_schema: '0' })),
    /performance_schema is OFF/,
  )
})

test('semi-sync under MySQL’s old names', () => {
  const old = (text: string | null | undefined): string =>
    (text ?? '').replace(/source/g, 'master').replace(/replica/g, 'slave')
  const sets = captured('mysql', 'primary').map((set, at) =>
    at === 4 || at === 5 ? set.map((row) => ({ ...row, Variable_name: old(row['Variable_name']) })) : set,
  )
  assert.deepEqual(read('mysql', sets).semiSync, read('mysql', captured('mysql', 'primary')).semiSync)
})

test('MySQL: what a channel retrieved is received, also when it is not executed', () => {
  const uuid = 'c9cd4f45-e5a7-11f1-bce8-000000000001'
  const sets = altered('mysql', 'replica', { gtid_executed: `${uuid}:1-3`, RECEIVED_TRANSACTION_SET: `${uuid}:3-7` })
  assert.match(printHistory(read('mysql', sets).history), new RegExp(`executed=${uuid}:1-3 unapplied=${uuid}:4-7`))
})

test('MariaDB: a channel by coordinates has no position that a GTID describes', () => {
  const status = read('mariadb', altered('mariadb', 'replica', { Using_Gtid: 'No', Exec_Master_Log_Pos: '4' }))
  assert.equal(channelOf(status).positioning, 'coordinates')
  assert.match(printHistory(status.history), /received=untracked/)
})

test('MySQL in offline mode says so, otherwise the field is not there', () => {
  assert.equal('offline' in read('mysql', captured('mysql', 'primary')), false)
  assert.equal(read('mysql', altered('mysql', 'primary', { offline_mode: '1' })).offline, true)
})
