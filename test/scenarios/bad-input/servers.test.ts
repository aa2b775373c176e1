// Servers that are set up so that no promise can be kept with them: told by name, with the reason, by real servers.
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { ClusterJson } from '../../../src/faces/api/contract.ts'
import { freePorts, type Sandbox, startSandbox } from '../../../src/lab/sandbox/index.ts'
import { until } from '../stage/waiting.ts'
import { flavour, words } from '../stage/words.ts'
import { Desk } from './desk.ts'
import { blackHole } from './impostors.ts'

let box: Sandbox
let boxDir: string
let desk: Desk

beforeAll(async () => {
  boxDir = await mkdtemp(join(tmpdir(), 'regent-bad-'))
  box = await startSandbox({ server: flavour, shape: '1+1', semiSync: false, dir: join(boxDir, 'box') })
})
afterAll(async () => {
  await box?.down()
  await rm(boxDir, { recursive: true, force: true })
})
beforeEach(async () => {
  desk = await Desk.open()
  return () => desk[Symbol.asyncDispose]()
})

const address = (id: string): string => `${box.server(id).host}:${box.server(id).port}`
const seeds = (): readonly string[] => ['s1', 's2'].map(address)

async function run(id: string, ...statements: readonly string[]): Promise<void> {
  const connection = await box.sql(id)
  try {
    for (const statement of statements) await connection.query(statement)
  } finally {
    connection.destroy()
  }
}

async function readOnly(id: string): Promise<boolean> {
  const connection = await box.sql(id)
  try {
    const [rows] = await connection.query({ sql: 'SELECT @@GLOBAL.read_only', rowsAsArray: true })
    const first: unknown = Array.isArray(rows) ? rows[0] : undefined
    return Array.isArray(first) && String(first[0]) === '1'
  } finally {
    connection.destroy()
  }
}

/** What `diagnose` finds of one server, by one-shot looks, until it is among them. */
async function finds(id: string, finding: string): Promise<string> {
  let said = ''
  await until(
    `${finding} is found of ${id}`,
    async () => {
      const told = await desk.regent('diagnose', '--json')
      said = told.out
      if (told.code !== 1) return false
      const { findings } = JSON.parse(told.out) as { findings: { server: string; finding: string; because: string }[] }
      const found = findings.find((f) => f.server === address(id) && f.finding === finding)
      if (found) said = found.because
      return found !== undefined
    },
    { withinMs: 30_000, seen: () => said },
  )
  return said
}

test('two writable servers and an empty store: `adopt` refuses and changes neither, and the watching tells', async () => {
  await desk.configure({ shop: { seeds: seeds() } })
  await run('s1', ...words.writable)
  await run('s2', ...words.writable)
  try {
    const refused = await desk.regent('adopt', '--yes')
    expect(refused.code).toBe(3)
    expect(refused.out).toContain('are writable, and no reign says which is right')
    for (const id of ['s1', 's2']) expect(refused.out).toContain(address(id))
    expect((await desk.regent('history', '-q')).out).toBe('')
    await using watch = desk.start('watch')
    await watch.says(/"code":"two_writable"/)
    const shown = await desk.regent('topology')
    expect(shown.out).toMatch(/! refused: 127\.0\.0\.1:\d+ and 127\.0\.0\.1:\d+ are writable/)
    expect((await desk.regent('diagnose')).code).toBe(1)
    expect(await Promise.all(['s1', 's2'].map(readOnly))).toEqual([false, false])
  } finally {
    for (const id of ['s1', 's2']) await run(id, ...words.readOnly)
  }
})

test('one cluster that cannot be reached costs the other nothing: it is adopted and kept', async () => {
  await using hole = await blackHole()
  const [closed = 0] = await freePorts(1)
  await desk.configure({
    bad: { seeds: [hole.address, `127.0.0.1:${closed}`] },
    shop: { seeds: seeds() },
  })
  await using watch = desk.start('watch')
  await watch.says('the page and the API are served')
  const opened = await desk.regent('adopt', 'shop', '--open', '--server', address('s1'), '--yes')
  expect(opened.code).toBe(0)
  expect(opened.err).toContain('it gets the command')
  await until('the good one is healthy beside the bad one', async () => {
    const all = await clusters()
    return all.find((c) => c.alias === 'shop')?.verdict === 'healthy' && all.some((c) => c.alias === 'bad')
  })
  const badOne = async () => (await clusters()).find((c) => c.alias === 'bad')
  await until('both of the bad one have been looked at', async () => (await badOne())?.servers.length === 2)
  const bad = await badOne()
  expect(bad?.servers.map((s) => s.look).sort()).toEqual(['refused', 'silent'])
  for (const server of bad?.servers ?? [])
    expect(server.why).toMatchObject({ says: expect.stringContaining('cannot be reached') })
  expect(await readOnly('s1')).toBe(false)
})

const clusters = async (): Promise<readonly ClusterJson[]> => {
  const answer = await fetch(`http://127.0.0.1:${desk.apiPort}/api/v1/clusters`)
  return (await answer.json()) as readonly ClusterJson[]
}

test('a port of the proxy that somebody else has is told, and a failover does not count that route as withdrawn', async () => {
  await using port = await somebody()
  const more = { routes: [{ proxy: { listen: port.address, spawn: true } }], clients_only_by_routes: true }
  await desk.configure({ shop: { seeds: seeds(), more } })
  await run('s1', ...words.writable)
  await using watch = desk.start('watch')
  await watch.says(/"says":"route proxy: .*is in use by another program/)
  // Found writable and followed: it is adopted without being asked.
  await until('the reign is recorded', async () => (await clusters())[0]?.verdict === 'healthy')
  const status = await desk.regent('proxy', 'status')
  expect(status.code).toBe(4)
  expect(status.out).toMatch(/no answer/)
  const routes = (await clusters())[0]?.routes
  expect(routes).toMatchObject([{ name: 'proxy', state: 'unknown' }])
  expect((await desk.regent('proxy', 'stop', '--yes')).code).toBe(4)
  await box.freeze('s1')
  try {
    // Silent, so only a withdrawn route would do; it cannot be withdrawn, so nobody else is opened.
    await watch.says(/"refused"/, 30_000)
    expect(await readOnly('s2')).toBe(true)
  } finally {
    await box.thaw('s1')
  }
})

async function somebody(): Promise<{ readonly address: string } & AsyncDisposable> {
  const server = createServer((socket) => socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bound = server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0
  return {
    address: `127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

test('a server without a binlog is named as one that nobody could follow', async () => {
  await desk.configure({ shop: { seeds: seeds() } })
  await box.restart('s2', ['--skip-log-bin', ...(flavour === 'mysql' ? ['--skip-log-replica-updates'] : [])])
  await run('s2', words.start)
  expect(await finds('s2', 'without_binlog')).toContain('cannot become the primary')
  const checked = await desk.regent('config', 'check')
  expect(checked.out).toMatch(new RegExp(`${address('s2')}: it writes no binlog: it can never be primary`))
})

test('two servers with one server_id are named, by `diagnose` and by `config check`', async () => {
  await desk.configure({ shop: { seeds: seeds() } })
  await box.restart('s2', ['--server-id=1'])
  expect(await finds('s2', 'same_server_id')).toContain('same server_id')
  const checked = await desk.regent('config', 'check')
  expect(checked.code).toBe(1)
  expect(checked.out).toMatch(/its server_id 1 is also that of /)
})

test('a server that replicates without GTID is named', async () => {
  await desk.configure({ shop: { seeds: seeds() } })
  await box.restart('s2')
  if (flavour === 'mysql') {
    await run('s2', words.stop, 'CHANGE REPLICATION SOURCE TO SOURCE_AUTO_POSITION=0', words.start)
    await run('s2', 'SET GLOBAL gtid_mode=ON_PERMISSIVE', 'SET GLOBAL gtid_mode=OFF_PERMISSIVE')
  } else {
    await run('s2', words.stop, 'CHANGE MASTER TO MASTER_USE_GTID=no', words.start)
  }
  expect(await finds('s2', 'no_gtid')).toContain('coordinates')
  if (flavour === 'mysql') expect((await desk.regent('config', 'check')).out).toContain('GTIDs are off')
})
