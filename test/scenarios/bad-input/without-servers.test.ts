// What goes wrong before any server is met. No real server is needed: the flavour plays no part.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { freePorts } from '../../../src/lab/sandbox/index.ts'
import { until } from '../stage/waiting.ts'
import { Desk, type Ended } from './desk.ts'
import { blackHole, pretender, stranger } from './impostors.ts'

const closedPort = async (): Promise<string> => `127.0.0.1:${(await freePorts(1))[0]}`

/** Every refusal says what happened and what to try; Regent never blames itself for what a person or the world did. */
function expectProblem(ended: Ended, code: number, says: RegExp): void {
  expect(`${ended.out}${ended.err}`).toMatch(says)
  expect(ended.err).not.toContain('fault of Regent itself')
  expect(`${ended.out}${ended.err}`).toMatch(/try:|Try\n/)
  expect(ended.code).toBe(code)
}

test('without a configuration every verb names the places where it was looked for', async () => {
  await using desk = await Desk.open()
  expectProblem(await desk.regent('topology'), 2, /neither \.\/regent\.yaml nor \/etc\/regent\/regent\.yaml/)
  expectProblem(await desk.regent('watch', '--config', 'other.yaml'), 2, /no configuration file at other\.yaml/)
  expect(await readdir(desk.dir)).toEqual([])
})

test('a wrong configuration is told key by key with line and column, as JSON where that is asked for', async () => {
  await using desk = await Desk.open()
  await desk.write('clusters:\n  shop:\n    seedz: [db1]\n    users: 3\n    policy: { witnesses: many }\n')
  const told = await desk.regent('watch')
  expectProblem(told, 2, /regent\.yaml:3:5: there is no key seedz/)
  expect(told.err).toContain('did you mean "seeds"')
  expect(told.err).toMatch(/regent\.yaml:4:12: clusters\.shop\.users is a number/)
  expect(told.err).toMatch(/regent\.yaml:5:\d+:.*witnesses/)
  const problems = (await desk.regent('topology', '--json')).err
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(problems.length).toBeGreaterThan(2)
  for (const problem of problems) expect(problem).toMatchObject({ problem: 'config_wrong', exit: 2 })

  await desk.write('clusters: [\n')
  expectProblem(await desk.regent('diagnose'), 2, /not right YAML/)
  expect(await readdir(desk.dir)).toEqual(['regent.yaml'])
})

test('seeds that refuse and seeds that are silent: 4, each with its reason and the command to try by hand', async () => {
  await using desk = await Desk.open()
  await using hole = await blackHole()
  const closed = await closedPort()
  await desk.configure({ shop: { seeds: [closed, hole.address] } })
  const shown = await desk.regent('topology')
  expectProblem(shown, 4, /its host refuses the connection \(ECONNREFUSED\)/)
  expect(shown.out).toContain('nothing came back in time')
  expect(shown.out).toContain(`mysql -h 127.0.0.1 -P ${hole.port} -u monitor -p`)
  const told = await desk.regent('diagnose', '--json')
  expect(told.code).toBe(1)
  expect(JSON.parse(told.out)).toMatchObject({
    verdict: 'no_primary_known',
    findings: expect.arrayContaining([
      expect.objectContaining({ server: closed, finding: 'refused' }),
      expect.objectContaining({ server: hole.address, finding: 'silent' }),
    ]),
  })
  expectProblem(await desk.regent('adopt', '--open', '--yes'), 4, /no server of shop serves us/)
  expectProblem(await desk.regent('config', 'check'), 1, /2 problems/)
})

test('a server of an unknown flavour or version is named as what it says it is, by every verb that meets it', async () => {
  await using desk = await Desk.open()
  await using old = await pretender('5.6.51')
  await using odd = await pretender('SomethingDB')
  await desk.configure({ shop: { seeds: [old.address, odd.address] } })
  for (const verb of [['topology'], ['diagnose'], ['config', 'check']]) {
    const ended = await desk.regent(...verb)
    expectProblem(ended, 1, /says it is "5\.6\.51"/)
    expect(ended.out).toContain('says it is "SomethingDB"')
    expect(ended.out).toContain('Regent knows MySQL 8.4')
    expect(ended.out).not.toContain('lacks')
  }
})

test('a port that somebody else has: `watch` says so and ends, and no verb takes that one for a Regent', async () => {
  await using desk = await Desk.open()
  await using web = await stranger()
  const closed = await closedPort()
  await desk.configure({ shop: { seeds: [closed] } }, { api: { listen: web.address } })
  expectProblem(await desk.regent('watch'), 4, new RegExp(`${web.address} is in use by another program`))
  expectProblem(await desk.regent('topology'), 4, /ECONNREFUSED/)
  expectProblem(await desk.regent('topology', '--api', `http://${web.address}`), 4, /what answers there is no Regent/)
})

test('`watch` is told of twice: the second on one store is refused and names the first', async () => {
  await using desk = await Desk.open()
  await desk.configure({ shop: { seeds: [await closedPort()] } })
  await using first = desk.start('watch')
  await first.says('the page and the API are served')
  const second = await desk.regent('watch')
  expectProblem(second, 3, /another Regent acts on this store/)
  expect(second.err).toContain(`pid ${first.child.pid}`)
})

test('garbage in the bodies of the API is a problem with words, and the daemon goes on', async () => {
  await using desk = await Desk.open()
  await desk.configure({ shop: { seeds: [await closedPort()] } })
  await using watch = desk.start('watch')
  await watch.says('the page and the API are served')
  const token = (await readFile(join(desk.store, 'api.token'), 'utf8')).trim()
  const url = `http://127.0.0.1:${desk.apiPort}/api/v1/clusters/shop`
  const post = async (path: string, body: string, type = 'application/json') => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': type }
    const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body })
    const said: unknown = await answer.json()
    return { status: answer.status, said }
  }
  const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
  for (const body of [
    '',
    '{',
    'null',
    '[]',
    '"failover"',
    '{"verb":"drop"}',
    '{"verb":"failover","loss":"lots"}',
    deep,
  ]) {
    const { status, said } = await post('/run', body)
    expect(status).toBe(400)
    expect(said).toMatchObject({ code: 'usage', says: expect.any(String), tryThis: expect.any(String), exit: 2 })
  }
  expect((await post('/run', 'a=1', 'application/x-www-form-urlencoded')).status).toBe(415)
  expect((await post('/pause', '{"reason":"x","by":"me","forMs":-1}')).status).toBe(400)
  const { said } = await post('/pause', '{"raeson":"x","by":"me","forMs":1}')
  expect(said).toMatchObject({ tryThis: expect.stringContaining('reason') })
  expect((await post('/forget', '{"server":"nobody:1"}')).status).toBe(400)
  expect((await fetch(`${url}/%00%ff`)).status).toBeGreaterThanOrEqual(400)
  expect((await fetch(`${url}`)).status).toBe(200)
  expect(watch.ended).toBe(false)
})

test('a store that is corrupt, newer, locked or not to be written: each is told as what it is, and nothing is written', async () => {
  await using desk = await Desk.open()
  await desk.configure({ shop: { seeds: [await closedPort()] } })
  const path = join(desk.store, 'regent.db')
  await mkdir(desk.store)

  await writeFile(path, 'this is no database, and long enough to be taken for a page of one'.repeat(100))
  const before = await readFile(path)
  expectProblem(await desk.regent('watch'), 1, /not a sound SQLite database/)
  expect(await readFile(path)).toEqual(before)
  expect((await desk.regent('config', 'check')).out).toContain('not a sound SQLite database')

  await desk.configure({ shop: { seeds: [await closedPort()] } }, { store: 'newer' })
  expect((await desk.regent('topology')).code).toBe(4)
  const newer = new DatabaseSync(join(desk.dir, 'newer', 'regent.db'))
  newer.exec('INSERT INTO schema_version VALUES (999, 0)')
  newer.close()
  expectProblem(await desk.regent('topology'), 2, /newer Regent \(schema 999/)

  await desk.configure({ shop: { seeds: [await closedPort()] } }, { store: 'regent.yaml/store' })
  expectProblem(await desk.regent('watch'), 2, /cannot be opened for writing/)
})

test('a store that another program holds is told as locked, with the way to see who it is', async () => {
  await using desk = await Desk.open()
  await desk.configure({ shop: { seeds: [await closedPort()] } })
  expect((await desk.regent('topology')).code).toBe(4)
  const holder = new DatabaseSync(join(desk.store, 'regent.db'))
  holder.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
  expectProblem(await desk.regent('adopt', '--yes'), 1, /is locked by another program/)
  holder.exec('ROLLBACK')
  holder.close()
})

test('a store on a full file system is told as full', async (context) => {
  await using desk = await Desk.open()
  await mkdir(desk.store)
  if (!(await mountSmall(desk.store))) {
    const because = 'no small file system can be mounted here: that needs root, and a mount of tmpfs'
    // The runner keeps the reason to itself.
    console.log(because)
    context.skip(because)
  }
  try {
    await writeFile(join(desk.store, 'filler'), Buffer.alloc(1 << 20)).catch(() => undefined)
    await desk.configure({ shop: { seeds: [await closedPort()] } })
    expectProblem(await desk.regent('topology'), 1, /cannot be written/)
  } finally {
    await run('umount', desk.store)
  }
})

/** False where this user may not mount: then there is no small file system to fill. */
const mountSmall = async (dir: string): Promise<boolean> =>
  (await run('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', dir)) === 0

async function run(program: string, ...args: readonly string[]): Promise<number | null> {
  const child = spawn(program, args, { stdio: 'ignore' })
  const [code] = await once(child, 'exit')
  return typeof code === 'number' ? code : null
}

test('a token file that cannot be read, and options that mean nothing, are mistakes of usage', async () => {
  await using desk = await Desk.open()
  await desk.configure({ shop: { seeds: [await closedPort()] } })
  const secret = join(desk.dir, 'secret')
  await writeFile(secret, 'x')
  await chmod(secret, 0o600)
  expectProblem(await desk.regent('topology', '--token-file', 'nowhere'), 2, /nowhere cannot be read/)
  expectProblem(await desk.regent('topology', '-w', 'often'), 2, /-w often is no time/)
  expectProblem(await desk.regent('switchover', '--timeout', '5'), 2, /--timeout 5 is no duration/)
  expectProblem(await desk.regent('topology', 'nosuch'), 2, /no cluster and no server is called nosuch/)
})

test('`topology -w` looks again, and an end from outside is no failure of its own', async () => {
  await using desk = await Desk.open()
  await desk.configure({ shop: { seeds: [await closedPort()] } })
  await using watching = desk.start('topology', '-w', '0.1', '--json')
  const ats = () => new Set([...watching.out.matchAll(/"at":(\d+)/g)].map((match) => match[1]))
  await until('three looks of their own', () => ats().size >= 3, { seen: () => `${watching.out}${watching.err}` })
})
