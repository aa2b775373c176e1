/** A proxy whose folder is removed under it, as it serves: on real files and sockets. */
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { clusterId, epoch } from '../model/ids.ts'
import type { RouteMessage } from '../model/route.ts'
import { Control } from './control.ts'
import { Door } from './door.ts'
import { createFile } from './files.ts'
import { type ProxyOptions, startProxy } from './process.ts'
import { type Answer, asks } from './proxy.testing.ts'

const shop = clusterId('c-shop')
const withdrawn = (number: number): RouteMessage => ({ cluster: shop, epoch: epoch(7), number, kind: 'withdrawn' })
const PATIENT = { timeout: 10_000, interval: 20 }
let dir = ''
let folder = ''
const closing: (() => unknown)[] = []

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'regent-home-'))
  folder = join(dir, 'store')
  await mkdir(folder)
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
  await rm(dir, { recursive: true, force: true })
})

const options = (): ProxyOptions => ({
  listen: { host: '127.0.0.1', port: 0 },
  control: join(folder, 'proxy.sock'),
  cluster: shop,
  alias: 'shop',
  token: 'the first token',
  tokenFile: join(folder, 'proxy.token'),
  holdMs: 1000,
  stateFile: join(folder, 'proxy.route'),
  signal: new AbortController().signal,
})

async function proxy(): Promise<() => Promise<void>> {
  const ends = new AbortController()
  await createFile(join(folder, 'proxy.token'), 'the first token\n')
  const start = await startProxy({ ...options(), signal: ends.signal })
  if (start.kind === 'refused') throw new Error(start.problem.says)
  const stop = async (): Promise<void> => {
    ends.abort()
    await start.proxy.ended
  }
  closing.push(stop)
  return stop
}

const ask = (request: Readonly<Record<string, unknown>>, token = 'the first token'): Promise<Answer> =>
  asks(join(folder, 'proxy.sock'), { version: 1, cluster: shop, token }, request)
const status = (token?: string): Promise<Answer> => ask({ ask: 'status' }, token)

test('a proxy whose folder was removed and made again is found there, with its token, its route and what it remembers', async () => {
  await proxy()
  await ask({ ask: 'route', message: withdrawn(3) })
  await rm(folder, { recursive: true })
  await expect(status()).rejects.toThrow(/ENOENT/)
  await mkdir(folder)
  await vi.waitFor(async () => expect(await status()).toMatchObject({ ok: { inForce: { number: 3 } } }), PATIENT)
  expect((await stat(join(folder, 'proxy.sock'))).mode & 0o777).toBe(0o600)
  expect(await readFile(join(folder, 'proxy.token'), 'utf8')).toBe('the first token\n')
  await vi.waitFor(
    async () =>
      expect(JSON.parse(await readFile(join(folder, 'proxy.route'), 'utf8'))).toEqual({
        version: 1,
        message: withdrawn(3),
      }),
    PATIENT,
  )
  expect(await ask({ ask: 'route', message: withdrawn(2) })).toMatchObject({ ok: { verdict: 'refused_older' } })
})

test('where a new store has made its own token already, the proxy takes that one', async () => {
  await proxy()
  await rm(folder, { recursive: true })
  await mkdir(folder)
  await writeFile(join(folder, 'proxy.token'), 'the second token\n')
  await vi.waitFor(async () => expect(await status('the second token')).toHaveProperty('ok'), PATIENT)
  expect(await status('the first token')).toMatchObject({ refused: 'wrong token', pid: process.pid })
  expect(await readFile(join(folder, 'proxy.token'), 'utf8')).toBe('the second token\n')
})

test('it never makes the folder, and a folder that was moved aside and back is as it was', async () => {
  await proxy()
  await rename(folder, `${folder}.aside`)
  await new Promise((resolve) => setTimeout(resolve, 2500)) // longer than two looks
  await expect(stat(folder)).rejects.toThrow(/ENOENT/)
  await rename(`${folder}.aside`, folder)
  expect(await status()).toHaveProperty('ok')
})

test("the door is never made in another's place, and closing one does not take another's away", async () => {
  const path = join(folder, 'a.sock')
  const [old, other] = [new Door(path, (socket) => socket.end('old')), new Door(path, (socket) => socket.end('other'))]
  expect(await old.open()).toBeUndefined()
  await rm(folder, { recursive: true })
  await mkdir(folder)
  expect(await other.open()).toBeUndefined()
  const { ino } = await stat(path)
  await old.restore()
  await old[Symbol.asyncDispose]()
  expect((await stat(path)).ino).toBe(ino)
  await other[Symbol.asyncDispose]()
  await expect(stat(path)).rejects.toThrow(/ENOENT/)
})

test('of many doors that are made at once at a path where nobody stands, one is', async () => {
  const path = join(folder, 'a.sock')
  const doors = Array.from({ length: 8 }, () => new Door(path, (socket) => socket.end()))
  const made = await Promise.all(doors.map((door) => door.open()))
  expect(made.filter((refused) => refused === undefined)).toHaveLength(1)
  expect(new Set(made.map((refused) => refused?.code))).toEqual(new Set([undefined, 'control_taken']))
  for (const door of doors) await door[Symbol.asyncDispose]()
})

test('a door that is being closed is not made again', async () => {
  const door = new Door(join(folder, 'a.sock'), (socket) => socket.end())
  await door.open()
  await rm(folder, { recursive: true })
  await mkdir(folder)
  await Promise.all([door.restore(), door[Symbol.asyncDispose]()])
  await expect(stat(join(folder, 'a.sock'))).rejects.toThrow(/ENOENT/)
})

test('a proxy that is stopped does not wait for a frozen Regent that reads no answer any more', async () => {
  const answer = async (): Promise<unknown> => 'x'.repeat(1_000_000)
  const control = new Control({ path: join(folder, 'a.sock'), token: 't', cluster: shop, answer })
  await control.listen()
  const frozen = connect(join(folder, 'a.sock'))
  closing.push(() => frozen.destroy())
  await once(frozen, 'connect')
  frozen.pause()
  const requests = Array.from({ length: 5 }, (_, n) => `${JSON.stringify({ n, ask: 'sessions' })}\n`)
  frozen.write(`${JSON.stringify({ version: 1, cluster: shop, token: 't' })}\n${requests.join('')}`)
  await vi.waitFor(() => expect(frozen.readableLength).toBeGreaterThan(0), PATIENT)
  const late = setTimeout(() => frozen.resume(), 20_000)
  const began = performance.now()
  await control[Symbol.asyncDispose]()
  clearTimeout(late)
  expect(performance.now() - began).toBeLessThan(10_000)
})

test("a port in use by a stranger is told with the stranger's name and process, and what to do", async () => {
  const stranger = createServer().listen(0, '127.0.0.1')
  await once(stranger, 'listening')
  closing.push(() => stranger.close())
  const bound = stranger.address()
  const port = typeof bound === 'object' && bound ? bound.port : 0
  const start = await startProxy({ ...options(), listen: { host: '127.0.0.1', port } })
  expect(start).toMatchObject({
    kind: 'refused',
    problem: {
      code: 'port_held',
      says: expect.stringMatching(
        new RegExp(`^127.0.0.1:${port} is in use by another program \\(.+, pid ${process.pid}\\)$`),
      ),
      tryThis: `choose another port, or end that program: kill ${process.pid}`,
    },
  })
  await expect(stat(join(folder, 'proxy.sock'))).rejects.toThrow(/ENOENT/)
})
