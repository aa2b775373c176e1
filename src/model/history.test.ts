import { describe, expect, test } from 'vitest'
import { binlogState, position } from './gtid/mariadb-position.ts'
import { gtidSet } from './gtid/mysql-text.ts'
import { receivedOf } from './history/received.ts'
import {
  compareExecuted,
  compareReceived,
  drained,
  errant,
  executedWithin,
  executedWithinReceived,
  type MariadbHistory,
  type MysqlHistory,
  parseHistory,
  printHistory,
  receivedWithin,
} from './history.ts'

const A = 'aaaaaaaa-0000-0000-0000-000000000001'
const B = 'bbbbbbbb-0000-0000-0000-000000000002'

function mysql(executed: string, received: string = executed): MysqlHistory {
  return { kind: 'mysql', executed: gtidSet(executed), received: gtidSet(received), purged: gtidSet('') }
}

interface Shown {
  readonly binlog?: string
  readonly applied?: string
  readonly received?: readonly (string | 'untracked')[]
  readonly logs?: boolean
  readonly strict?: boolean
}

function mariadb(
  serverId: number,
  { binlog = '', applied = '', received = [], logs = true, strict = false }: Shown,
): MariadbHistory {
  return {
    kind: 'mariadb',
    serverId,
    binlogState: binlogState(binlog),
    slavePos: position(applied),
    ioPos: received.map((pos) => (pos === 'untracked' ? pos : position(pos))),
    logsReplicaUpdates: logs,
    strict,
  }
}

describe('MySQL', () => {
  test.each([
    [`${A}:1-5`, `${A}:1-5`, 'equal'],
    [`${A}:1-4`, `${A}:1-5`, 'behind'],
    [`${A}:1-5,${B}:1`, `${A}:1-5`, 'ahead'],
    [`${A}:1-5,${B}:1`, `${A}:1-6`, 'diverged'],
  ])('%s is to %s: %s', (a, b, relation) => {
    expect(compareExecuted(mysql(a), mysql(b))).toBe(relation)
  })

  test('trap 2: received counts, not applied', () => {
    const [slow, fast] = [mysql(`${A}:1-3`, `${A}:1-9`), mysql(`${A}:1-8`)]
    expect(compareExecuted(slow, fast)).toBe('behind')
    expect(compareReceived(slow, fast)).toBe('ahead')
    expect(executedWithinReceived(fast, slow)).toBe('yes')
    expect(receivedWithin(slow, fast)).toBe('no')
    expect(drained(slow)).toBe('no')
    expect(drained(fast)).toBe('yes')
  })

  test('names what one has and the other has not', () => {
    const [replica, primary] = [mysql(`${A}:1-7,${B}:1`), mysql(`${A}:1-9`)]
    expect(errant(replica, primary)).toEqual({ kind: 'some', gtids: `${B}:1`, count: 1n, counted: 'exactly' })
    expect(errant(primary, replica)).toEqual({ kind: 'some', gtids: `${A}:8-9`, count: 2n, counted: 'exactly' })
    expect(errant(primary, primary)).toEqual({ kind: 'none' })
  })
})

describe('MariaDB', () => {
  const primary = mariadb(1, { binlog: '0-1-100' })

  test('one primary wrote everything', () => {
    const replica = mariadb(2, { binlog: '0-1-90', applied: '0-1-90', received: ['0-1-100'] })
    expect(compareExecuted(replica, primary)).toBe('behind')
    expect(compareExecuted(primary, replica)).toBe('ahead')
    expect(compareReceived(replica, primary)).toBe('equal')
    expect(drained(replica)).toBe('no')
    expect(errant(primary, replica)).toEqual({ kind: 'some', gtids: '0-1-91..100', count: 10n, counted: 'exactly' })
  })

  test('trap 63: 0-1-100 and 0-2-100 are siblings, not ancestor and descendant', () => {
    const [old, promoted] = [primary, mariadb(2, { binlog: '0-1-99,0-2-100', applied: '0-1-99' })]
    expect(compareExecuted(old, promoted)).toBe('diverged')
    expect(errant(old, promoted)).toEqual({ kind: 'some', gtids: '0-1-100', count: 1n, counted: 'exactly' })
    expect(errant(promoted, old)).toMatchObject({ gtids: '0-2-100', count: 1n })
  })

  test('trap 63: a higher number of another server proves nothing either', () => {
    const promoted = mariadb(2, { binlog: '0-1-99,0-2-150', applied: '0-1-99' })
    expect(executedWithin(primary, promoted)).toBe('no')
    expect(executedWithin(primary, mariadb(3, { applied: '0-2-150' }))).toBe('unprovable')
  })

  test('trap 63: received positions of two writers are ordered by what the dead primary was last known to have', () => {
    const [b, c] = [
      mariadb(2, { binlog: '0-1-80', applied: '0-1-80', received: ['0-1-100'] }),
      mariadb(3, { binlog: '0-1-80', applied: '0-1-80', received: ['0-4-105'] }),
    ]
    expect(compareReceived(b, c)).toBe('unprovable')
    const dead = mariadb(4, { binlog: '0-1-100,0-4-105', applied: '0-1-100' })
    expect(compareReceived(b, c, [dead])).toBe('behind')
    const forked = mariadb(4, { binlog: '0-1-99,0-4-105', applied: '0-1-99' })
    expect(compareReceived(b, c, [forked])).toBe('diverged')
  })

  test("a copy of an undone transaction is not taken for history once its writer writes again, if a reign's opening is known", () => {
    const copy = mariadb(3, { binlog: '0-1-100', applied: '0-1-100' })
    const again = mariadb(1, { binlog: '0-2-105,0-1-106', applied: '0-2-105' })
    const opening = mariadb(2, { binlog: '0-1-99', applied: '0-1-99' })
    const after = mariadb(2, { binlog: '0-1-99,0-2-100', applied: '0-1-99' })
    expect(executedWithin(copy, again, [opening])).toBe('yes')
    expect(executedWithin(copy, again, [after])).toBe('unprovable')
  })

  test('a server restored from a backup is placed by its position, and by those who know its past', () => {
    const restored = mariadb(3, { binlog: '0-2-300', applied: '0-2-300' })
    const [lagging, writer] = [
      mariadb(4, { binlog: '0-1-150', applied: '0-1-150' }),
      mariadb(2, { binlog: '0-1-150,0-2-305', applied: '0-1-150' }),
    ]
    expect(executedWithin(restored, writer)).toBe('yes')
    expect(executedWithin(lagging, restored)).toBe('unprovable')
    expect(executedWithin(lagging, restored, [writer])).toBe('yes')
  })

  test('trap 32: a stale gtid_slave_pos behind the own binlog does not count as having less', () => {
    const old = mariadb(1, { binlog: '0-2-50,0-1-100', applied: '0-2-50' })
    expect(compareExecuted(old, primary)).not.toBe('behind')
    expect(compareExecuted(mariadb(3, { binlog: '0-2-50,0-1-90', applied: '0-1-90' }), old)).toBe('behind')
  })

  test('trap 32: a stray write that replication went on over is found', () => {
    const merged = mariadb(1, { binlog: '0-1-100,0-2-102', applied: '0-2-102' })
    const now = mariadb(2, { binlog: '0-1-99,0-2-102', applied: '0-1-99' })
    expect(compareExecuted(merged, now)).toBe('ahead')
    expect(errant(merged, now)).toEqual({ kind: 'some', gtids: '0-1-100', count: 1n, counted: 'exactly' })
  })

  test('a stray write older than the last promotion may be in a backup of old: doubtful, and named', () => {
    const stray = mariadb(3, { binlog: '0-3-101,0-2-200,0-1-300', applied: '0-1-300' })
    const now = mariadb(1, { binlog: '0-2-200,0-1-300', applied: '0-2-200' })
    expect(errant(stray, now)).toMatchObject({ kind: 'unprovable', suspects: '0-3-101' })
    const newer = mariadb(3, { binlog: '0-2-200,0-3-250,0-1-300', applied: '0-1-300' })
    expect(errant(newer, now)).toMatchObject({ kind: 'some', gtids: '0-3-..250' })
  })

  test('one domain may be ahead while another is behind', () => {
    const [a, b] = [
      mariadb(1, { binlog: '0-1-10,1-1-5' }),
      mariadb(2, { binlog: '0-1-9,1-1-6', applied: '0-1-9,1-1-6' }),
    ]
    expect(compareExecuted(a, b)).toBe('diverged')
    expect(compareExecuted(mariadb(1, { binlog: '0-1-10' }), a)).toBe('behind')
    expect(errant(a, b)).toMatchObject({ gtids: '0-1-10', count: 1n })
  })

  test('a channel that does not use GTIDs leaves open what was received', () => {
    const replica = mariadb(2, { binlog: '0-1-90', applied: '0-1-90', received: ['untracked'] })
    expect(drained(replica)).toBe('unprovable')
    expect(compareReceived(replica, primary)).toBe('unprovable')
    expect(compareExecuted(replica, primary)).toBe('behind')
    expect(executedWithinReceived(primary, replica)).toBe('unprovable')
  })

  test('without logged updates the positions of one primary still compare', () => {
    const [x, y] = [mariadb(2, { applied: '0-1-90', logs: false }), mariadb(3, { applied: '0-1-95', logs: false })]
    expect(compareExecuted(x, y)).toBe('behind')
    expect(compareExecuted(x, primary)).toBe('behind')
  })
})

test('two flavours never compare', () => {
  const [a, b] = [mysql(`${A}:1`), mariadb(1, { binlog: '0-1-1' })]
  expect(compareExecuted(a, b)).toBe('unprovable')
  expect(compareReceived(a, b)).toBe('unprovable')
  expect(executedWithin(b, a)).toBe('unprovable')
  expect(errant(a, b).kind).toBe('unprovable')
})

describe('text', () => {
  test.each([
    mysql(`${A}:1-3`, `${A}:1-9`),
    mysql(''),
    mariadb(1, { binlog: '0-2-5,0-1-100', applied: '0-2-5', received: ['0-2-5', '', 'untracked'], strict: true }),
    mariadb(9, { logs: false }),
  ])('a history reads back as printed', (history) => {
    expect(parseHistory(printHistory(history))).toEqual({ ok: true, value: history })
  })

  test('what cannot be read says where', () => {
    expect(parseHistory('oracle scn=1')).toMatchObject({ ok: false, at: 0 })
    expect(parseHistory('mariadb server=1 binlog=0-1')).toMatchObject({ ok: false, at: 24 })
    expect(parseHistory('mysql executed')).toMatchObject({ ok: false, at: 6 })
  })
})

describe('what a channel received', () => {
  const reading = {
    usesGtid: true,
    receiverRuns: false,
    gtidIoPos: position('0-1-100'),
    read: { file: 'b.1', offset: 900 },
    executed: { file: 'b.1', offset: 500 },
  }

  test('Gtid_IO_Pos, while a relay log holds it', () => {
    expect(receivedOf(reading)).toEqual(position('0-1-100'))
    expect(receivedOf({ ...reading, receiverRuns: true, read: reading.executed })).toEqual(position('0-1-100'))
  })

  test('trap 55: not after the relay log was dropped', () => {
    expect(receivedOf({ ...reading, read: reading.executed })).toEqual(position(''))
    expect(receivedOf({ ...reading, read: { file: '', offset: 4 } })).toEqual(position(''))
  })

  test('a channel by file and offset tells no GTID', () => {
    expect(receivedOf({ ...reading, usesGtid: false })).toBe('untracked')
    expect(receivedOf({ ...reading, usesGtid: false, read: reading.executed })).toEqual(position(''))
  })
})
