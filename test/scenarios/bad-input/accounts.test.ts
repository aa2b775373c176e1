// Accounts that are wrong, on real servers: what is said, and that nothing is half done.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Sandbox, startSandbox, USERS } from '../../../src/lab/sandbox/index.ts'
import { flavour, words } from '../stage/words.ts'
import { Desk } from './desk.ts'

let box: Sandbox
let boxDir: string
let desk: Desk
const WRONG = { user: 'monitor', password: 'wrong' }

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

const seeds = (): readonly string[] => box.servers.map((s) => `${s.host}:${s.port}`)
const address = (id: string): string => `${box.server(id).host}:${box.server(id).port}`

async function run(id: string, ...statements: readonly string[]): Promise<void> {
  const connection = await box.sql(id)
  try {
    for (const statement of statements) await connection.query(statement)
  } finally {
    connection.destroy()
  }
}

test('a wrong password of the monitor: 5, in the words of the server, and no plan is made of what nobody saw', async () => {
  await desk.configure({ shop: { seeds: seeds(), monitor: WRONG } })
  const shown = await desk.regent('topology')
  expect(shown.code).toBe(5)
  expect(shown.out).toContain(`${address('s1')} does not let monitor in: error 1045`)
  expect(shown.out).toContain('correct the password in the configuration')
  expect((await desk.regent('adopt', '--open', '--yes')).code).toBe(5)
  const checked = await desk.regent('config', 'check')
  expect(checked.code).toBe(1)
  expect(checked.out).toMatch(/problem {2}127\.0\.0\.1:\d+: it does not let monitor in/)
  expect(checked.out).toContain('regent grants shop')
})

test('a wrong password of the replication account: `config check` says that it cannot tell from here, with the error', async () => {
  await desk.configure({ shop: { seeds: seeds(), replication: { ...USERS.replication, password: 'wrong' } } })
  const checked = await desk.regent('config', 'check')
  expect(checked.out).toMatch(/unknown {2}127\.0\.0\.1:\d+: replication is not let in from this host \(error 1045/)
  expect(checked.out).toContain('2 cannot be told from here')
  expect(checked.code).toBe(0)
})

/** On each server by itself: no history learns of it. */
const unlogged = (id: string, ...statements: readonly string[]): Promise<void> =>
  run(id, ...words.writable, 'SET SESSION sql_log_bin=0', ...statements, ...words.readOnly)

/** One that a look needs, and one that only a change needs. */
const PRIVILEGES =
  flavour === 'mysql' ? (['REPLICATION CLIENT', 'RELOAD'] as const) : (['SLAVE MONITOR', 'RELOAD'] as const)

test('a privilege that is missing is named with the GRANT that gives it, by `config check` and by every look that needs it', async () => {
  const [looking, changing] = PRIVILEGES
  const account = "'monitor'@'%'"
  await desk.configure({ shop: { seeds: seeds() } })
  for (const id of ['s1', 's2']) {
    await unlogged(id, `REVOKE ${looking} ON *.* FROM ${account}`, `REVOKE ${changing} ON *.* FROM ${account}`)
  }
  try {
    const checked = await desk.regent('config', 'check')
    expect(checked.code).toBe(1)
    expect(checked.out).toContain(`try: GRANT ${looking} ON *.* TO `)
    expect(checked.out).toContain(`try: GRANT ${changing} ON *.* TO `)
    const told = await desk.regent('diagnose')
    expect(told.code).toBe(1)
    expect(told.out).toMatch(/unusable .* lacks /)
    expect(told.out).toMatch(/GRANT [A-Z ]+ ON \*\.\* TO 'monitor'@'%';/)
    expect((await desk.regent('adopt', '--open', '--yes')).code).toBe(1)
  } finally {
    for (const id of ['s1', 's2']) await unlogged(id, `GRANT ${looking}, ${changing} ON *.* TO ${account}`)
  }
  expect((await desk.regent('config', 'check')).code).toBe(0)
})
