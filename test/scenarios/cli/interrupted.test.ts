// Ctrl-C in the middle of a change, without a daemon and with one: nothing is left half done that nobody knows of.
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RecoveryJson } from '../../../src/faces/api/contract.ts'
import type { Desk, Running } from '../bad-input/desk.ts'
import { until } from '../stage/waiting.ts'
import { openShop, type Shop } from './shop.ts'

/** Each look is a run of the program, which takes its time on a busy machine. */
const PATIENT = { withinMs: 60_000 }

let shop: Shop
let desk: Desk

beforeAll(async () => {
  // A held closing has to outlast the person; the lease has to outlast a machine that is busy with other things.
  shop = await openShop({ policy: { switchover_bound: '100s' }, root: { lease: '20s' } })
  desk = shop.desk
  const opened = await desk.regent('adopt', '--open', '--server', shop.address('s1'), '--yes')
  expect(opened.code, opened.err).toBe(0)
  await using s1 = await connected('s1')
  await s1.query('CREATE DATABASE app')
  await s1.query('CREATE TABLE app.held (id INT PRIMARY KEY, v INT)')
  await s1.query('INSERT INTO app.held VALUES (1, 1)')
})
afterAll(() => shop?.[Symbol.asyncDispose]())

async function connected(id: string, user: 'admin' | 'app' = 'admin') {
  const connection = await shop.box.sql(id, user)
  const ask = async (sql: string): Promise<string> => {
    const [rows] = await connection.query({ sql, rowsAsArray: true })
    const first: unknown = Array.isArray(rows) ? rows[0] : undefined
    return Array.isArray(first) ? String(first[0]) : ''
  }
  return {
    query: (sql: string) => connection.query(sql),
    ask,
    [Symbol.asyncDispose]: async () => connection.destroy(),
  }
}

interface Held extends AsyncDisposable {
  letGo(): Promise<void>
}

const UPDATES = "FROM information_schema.processlist WHERE info LIKE 'UPDATE app.held%'"

/** An UPDATE that does not end before it is let go keeps the primary from being closed; one of an account that may write in spite of read-only would be cut. */
async function held(id: string): Promise<Held> {
  const client = await connected(id, 'app')
  const update = client.query('UPDATE app.held SET v = v + SLEEP(120)').catch(() => undefined)
  await using looking = await connected(id)
  await until('the UPDATE runs', async () => (await looking.ask(`SELECT COUNT(*) ${UPDATES}`)) !== '0')
  return {
    letGo: async () => {
      // A session of its own: an idle one is closed by the switchover.
      await using ending = await connected(id)
      await ending.query(`KILL QUERY ${await ending.ask(`SELECT id ${UPDATES}`)}`)
      await update
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  }
}

async function recoveries(): Promise<readonly RecoveryJson[]> {
  const { out } = await desk.regent('history', '--json')
  return out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

const OPEN = ['act1', 'act2', 'undoing']
const openOne = async (): Promise<RecoveryJson | undefined> => (await recoveries()).find((r) => OPEN.includes(r.state))

/** Until the switchover stands before the closing that does not come. */
async function halfWay(moving: Running): Promise<string> {
  let id: string | undefined
  const look = async (): Promise<boolean> => {
    if (moving.ended) throw new Error('it did not wait')
    id = (await openOne())?.id
    return id !== undefined
  }
  await until('a switchover is under way', look, { ...PATIENT, seen: () => `${moving.out}${moving.err}` })
  return id ?? ''
}

const interrupt = (running: Running): boolean => running.child.kill('SIGINT')

async function writable(): Promise<readonly string[]> {
  const found = shop.box.servers.map(async ({ id }) => {
    await using server = await connected(id)
    return (await server.ask('SELECT @@GLOBAL.read_only')) === '0' ? [id] : []
  })
  return (await Promise.all(found)).flat()
}

test('interrupted once, a change without a daemon says what goes on and under which id, and brings it to its end', async () => {
  await using s1 = await held('s1')
  await using moving = desk.start('switchover', '--to', shop.address('s2'), '--yes')
  const ended = once(moving.child, 'close')
  const id = await halfWay(moving)
  interrupt(moving)
  await until('it says so', () => moving.err.includes(`recovery ${id} goes on until it is done or taken back`))
  expect(moving.err).toContain(`regent history ${id}`)
  expect(moving.ended).toBe(false)
  await s1.letGo()
  await ended
  expect(moving.child.exitCode, `${moving.out}${moving.err}`).toBe(0)
  expect(moving.out).toContain(`done: ${shop.address('s2')} reigns, epoch 2 (${id})`)
  expect(await writable()).toEqual(['s2'])
})

test('interrupted twice, it ends at once; what it left open is told, and the next command ends it before its own plan', async () => {
  await using s2 = await held('s2')
  await using moving = desk.start('switchover', '--to', shop.address('s1'), '--yes')
  const ended = once(moving.child, 'close')
  const id = await halfWay(moving)
  interrupt(moving)
  await until('it says what a second interrupt leaves', () => moving.err.includes('The recovery is then left open'))
  interrupt(moving)
  await ended
  expect(moving.child.signalCode).toBe('SIGINT')
  expect((await openOne())?.id).toBe(id)
  expect((await desk.regent('topology')).out).toContain(`recovery ${id} is not finished`)
  await s2.letGo()

  await until(
    'the next command is let in',
    async () => {
      const next = await desk.regent('switchover', '--to', shop.address('s1'), '--yes')
      return !next.err.includes('another Regent acts on this store') && next.code !== null
    },
    PATIENT,
  )
  expect(await openOne()).toBeUndefined()
  const { state } = JSON.parse((await desk.regent('history', id, '--json')).out)
  expect(['done', 'undone']).toContain(state)
  expect(await writable()).toHaveLength(1)
})

test('interrupted while a daemon does it, the program leaves at once with the id and exit 6, and the daemon goes on', async () => {
  await using watch = desk.start('watch')
  await watch.says(/"verdict":"healthy"/)
  const [from = ''] = await writable()
  const to = from === 's1' ? 's2' : 's1'
  await using keeping = await held(from)
  await using moving = desk.start('switchover', '--to', shop.address(to), '--yes')
  const ended = once(moving.child, 'close')
  const id = await halfWay(moving)
  interrupt(moving)
  await ended
  expect(moving.child.exitCode, moving.err).toBe(6)
  expect(moving.err).toContain(`recovery ${id} is not finished: nobody waits for it here any more`)
  await keeping.letGo()
  const isDone = async (): Promise<boolean> => (await recoveries()).find((r) => r.id === id)?.state === 'done'
  await until('the daemon has done it', isDone, PATIENT)
  expect(await writable()).toEqual([to])
})
