/** What MariaDB's variables show in histories whose truth is made here, and what we conclude from them. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Sandbox, type SqlConnection, startSandbox } from '../../src/lab/sandbox/index.ts'
import { binlogPosition } from '../../src/model/gtid/mariadb-position.testing.ts'
import {
  parseBinlogState,
  parsePosition,
  printBinlogState,
  printPosition,
} from '../../src/model/gtid/mariadb-position.ts'
import type { Parsed } from '../../src/model/gtid/parsed.ts'
import { type ChannelReading, receivedOf } from '../../src/model/history/received.ts'
import {
  compareExecuted,
  compareReceived,
  drained,
  errant,
  executedWithin,
  type MariadbHistory,
} from '../../src/model/history.ts'

let outer: string
let sandbox: Sandbox
const connections = new Map<string, SqlConnection>()

beforeEach(async () => {
  outer = await mkdtemp(join(tmpdir(), 'regent-test-'))
  sandbox = await startSandbox({ server: 'mariadb', shape: '1+1', semiSync: false, dir: join(outer, 'box') })
  for (const id of ['s1', 's2']) {
    connections.set(id, await sandbox.sql(id))
    await run(id, 'SET GLOBAL read_only=0')
  }
  await run('s1', 'CREATE DATABASE app')
  await run('s1', 'CREATE TABLE app.h (who INT)')
  await untilEqual('s2')
})

afterEach(async () => {
  for (const connection of connections.values()) connection.destroy()
  connections.clear()
  await sandbox?.down()
  await rm(outer, { recursive: true, force: true })
})

test('trap 63: 0-1-n and 0-2-n are siblings, and the binlog states show it', async () => {
  await writes('s1', 4)
  await untilEqual('s2')
  expect(compareExecuted(await historyOf('s1'), await historyOf('s2'))).toBe('equal')

  await run('s2', 'STOP SLAVE')
  await writes('s1', 1)
  await writes('s2', 1)
  const [one, two] = [await historyOf('s1'), await historyOf('s2')]
  const [a, b] = [binlogPosition(one.binlogState).gtids[0], binlogPosition(two.binlogState).gtids[0]]
  expect(a?.seq).toBe(b?.seq)
  expect(a?.server).not.toBe(b?.server)
  expect(compareExecuted(one, two)).toBe('diverged')
  expect(errant(one, two)).toMatchObject({ kind: 'some', count: 1n, counted: 'exactly' })
  expect(errant(two, one)).toMatchObject({ kind: 'some', count: 1n })
})

test('trap 32: after gtid_slave_pos was set back, replication runs on over the stray write, and we still see it', async () => {
  await writes('s1', 2)
  await untilEqual('s2')
  const shared = printPosition(binlogPosition((await historyOf('s1')).binlogState))
  await run('s2', 'STOP SLAVE')
  await writes('s1', 1)
  await writes('s2', 2)
  await run('s2', 'RESET SLAVE ALL')
  await run('s1', 'SET GLOBAL gtid_strict_mode=0')
  await run('s1', `SET GLOBAL gtid_slave_pos='${shared}'`)
  const before = await historyOf('s1')
  // The position now lies behind the server's own binlog; it must not count as "has less".
  expect(printPosition(before.slavePos)).toBe(shared)
  expect(compareExecuted(before, await historyOf('s2'))).toBe('diverged')

  await follow('s1', 's2')
  await writes('s2', 1)
  await eventually(async () => {
    const [one, two] = [await historyOf('s1'), await historyOf('s2')]
    return printPosition(binlogPosition(one.binlogState)) === printPosition(binlogPosition(two.binlogState))
  })
  const [one, two] = [await historyOf('s1'), await historyOf('s2')]
  expect(executedWithin(two, one)).toBe('yes')
  expect(executedWithin(one, two)).toBe('no')
  expect(errant(one, two)).toMatchObject({ kind: 'some', count: 1n })
})

test('received is more than applied while the applier stands, and a dropped relay log no longer counts', async () => {
  await untilEqual('s2')
  await run('s2', 'STOP SLAVE SQL_THREAD')
  await writes('s1', 3)
  await eventually(async () => compareReceived(await historyOf('s2'), await historyOf('s1')) === 'equal')
  const waiting = await historyOf('s2')
  expect(drained(waiting)).toBe('no')
  expect(compareExecuted(waiting, await historyOf('s1'))).toBe('behind')
  expect(errant(await historyOf('s1'), waiting)).toMatchObject({ count: 3n, counted: 'exactly' })

  await run('s2', 'STOP SLAVE')
  expect(compareReceived(await historyOf('s2'), await historyOf('s1'))).toBe('equal')
  const shown = await gtidIoPos('s2')
  await run('s2', 'CHANGE MASTER TO MASTER_CONNECT_RETRY=7')
  // The server goes on showing the position of a relay log that it has just thrown away.
  expect(await gtidIoPos('s2')).toBe(shown)
  expect(compareReceived(await historyOf('s2'), await historyOf('s1'))).toBe('behind')
  expect(drained(await historyOf('s2'))).toBe('yes')
})

test('after a switchover and back, a replica that stayed behind is behind, not diverged', async () => {
  await writes('s1', 1)
  await untilEqual('s2')
  const stale = await historyOf('s2')
  await writes('s1', 2)
  await untilEqual('s2')
  await run('s2', 'STOP SLAVE')
  await run('s2', 'RESET SLAVE ALL')
  await writes('s2', 2)
  await run('s1', 'SET GLOBAL gtid_slave_pos=@@gtid_binlog_pos')
  await follow('s1', 's2')
  await eventually(async () => compareExecuted(await historyOf('s1'), await historyOf('s2')) === 'equal')
  await run('s1', 'STOP SLAVE')
  await run('s1', 'RESET SLAVE ALL')
  await writes('s1', 1)
  const [one, two] = [await historyOf('s1'), await historyOf('s2')]
  expect(compareExecuted(stale, one)).toBe('behind')
  expect(compareExecuted(two, one)).toBe('behind')
  expect(compareExecuted(one, stale)).toBe('ahead')
})

test('numbers go on above what was applied, also where replica updates are not logged; a state lists its newest last', async () => {
  await run('s2', 'STOP SLAVE')
  await run('s2', 'RESET SLAVE ALL')
  await run('s2', 'RESET MASTER')
  await run('s2', "SET GLOBAL gtid_slave_pos='0-9-77'")
  await run('s2', 'CREATE TABLE app.k (id INT AUTO_INCREMENT PRIMARY KEY)')
  expect((await historyOf('s2')).binlogState.domains[0]?.last.seq).toBe(78)

  await run('s2', 'RESET MASTER')
  await run('s2', "SET GLOBAL gtid_slave_pos=''")
  await run('s2', "SET GLOBAL gtid_binlog_state='0-1-5,0-3-4,0-2-5,1-7-3,1-2-9,1-5-1'")
  const state = (await historyOf('s2')).binlogState
  expect(printPosition(binlogPosition(state))).toBe(await value('s2', '@@gtid_binlog_pos'))
  await run('s2', 'RESET MASTER')
  await run('s2', `SET GLOBAL gtid_binlog_state='${printBinlogState(state)}'`)
  expect((await historyOf('s2')).binlogState).toEqual(state)
})

function to(id: string): SqlConnection {
  const connection = connections.get(id)
  if (connection === undefined) throw new Error(`no connection to ${id}`)
  return connection
}

async function run(id: string, sql: string): Promise<void> {
  await to(id).query(sql)
}

async function writes(id: string, amount: number): Promise<void> {
  for (let i = 0; i < amount; i++) await run(id, 'INSERT INTO app.h VALUES (@@server_id)')
}

async function value(id: string, expression: string): Promise<string> {
  const [rows] = await to(id).query(`SELECT ${expression} AS value`)
  const [row] = Array.isArray(rows) ? rows : []
  return row !== undefined && 'value' in row ? String(row['value']) : ''
}

async function channelRows(id: string): Promise<readonly (readonly [string, string][])[]> {
  const [rows] = await to(id).query('SHOW ALL SLAVES STATUS')
  if (!Array.isArray(rows)) return []
  return rows.map((row) => Object.entries(row).map(([name, cell]) => [name, String(cell ?? '')]))
}

async function channelsOf(id: string): Promise<readonly ChannelReading[]> {
  return (await channelRows(id)).map((row) => {
    const cell = (name: string): string => row.find(([known]) => known === name)?.[1] ?? ''
    return {
      usesGtid: cell('Using_Gtid') !== 'No',
      receiverRuns: cell('Slave_IO_Running') !== 'No',
      gtidIoPos: must(parsePosition(cell('Gtid_IO_Pos'))),
      read: { file: cell('Master_Log_File'), offset: Number(cell('Read_Master_Log_Pos')) },
      executed: { file: cell('Relay_Master_Log_File'), offset: Number(cell('Exec_Master_Log_Pos')) },
    }
  })
}

async function gtidIoPos(id: string): Promise<string> {
  const [channel] = await channelsOf(id)
  return channel === undefined ? '' : printPosition(channel.gtidIoPos)
}

async function historyOf(id: string): Promise<MariadbHistory> {
  return {
    kind: 'mariadb',
    serverId: Number(await value(id, '@@server_id')),
    binlogState: must(parseBinlogState(await value(id, '@@gtid_binlog_state'))),
    slavePos: must(parsePosition(await value(id, '@@gtid_slave_pos'))),
    ioPos: (await channelsOf(id)).map(receivedOf),
    logsReplicaUpdates: (await value(id, '@@log_slave_updates')) === '1',
    strict: (await value(id, '@@gtid_strict_mode')) === '1',
  }
}

function must<T>(result: Parsed<T>): T {
  if (!result.ok) throw new Error(`${result.at}: ${result.what}`)
  return result.value
}

async function follow(replica: string, source: string): Promise<void> {
  const { user, password } = sandbox.users.replication
  const { port } = sandbox.server(source)
  const account = `MASTER_USER='${user}', MASTER_PASSWORD='${password}'`
  await run(
    replica,
    `CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=${port}, ${account}, MASTER_USE_GTID=slave_pos`,
  )
  await run(replica, 'START SLAVE')
}

async function untilEqual(replica: string): Promise<void> {
  await eventually(async () => (await value(replica, '@@gtid_slave_pos')) === (await value('s1', '@@gtid_binlog_pos')))
}

async function eventually(look: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 15_000
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error('did not come true within 15 s')
    await sleep(20)
  }
}
