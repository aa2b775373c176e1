/** A proxy whose folder is removed under it, as it serves: on real files and sockets. */
import { once } from 'node:events'
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { clusterId, epoch } from '../model/ids.ts'
import type { RouteMessage } from '../model/route.ts'
import { claimTo } from './claim.ts'
import { Control } from './control.ts'
import { Door } from './door.ts'
import { createFile } from './files.ts'
import { type ProxyOptions, startProxy } from './process.ts'
import { type Answer, asks } from './proxy.testing.ts'

const shop = clusterId('c-shop')
const withdrawn = (number: number): RouteMessage => ({ cluster: shop, epoch: epoch(7), number, kind: 'withdrawn' })
const LOOK_MS = 100
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
  vi.restoreAllMocks()
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
  lookHomeEveryMs: LOOK_MS,
  stateFile: join(folder, 'proxy.route'),
  signal: new AbortController().signal,
})

async function proxy(say: (line: string) => void = () => undefined): Promise<() => Promise<void>> {
  const ends = new AbortController()
  await createFile(join(folder, 'proxy.token'), 'the first token\n')
  const start = await startProxy({ ...options(), say, signal: ends.signal })
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
  await writeFile(join(folder, 'proxy.token'), 'the second token\n', { mode: 0o600 })
  await vi.waitFor(async () => expect(await status('the second token')).toHaveProperty('ok'), PATIENT)
  expect(await status('the first token')).toMatchObject({ refused: 'wrong token', pid: process.pid })
  expect(await readFile(join(folder, 'proxy.token'), 'utf8')).toBe('the second token\n')
})

/** As another user would have left it: root gives the file away, anybody else takes another name. */
async function makeForeign(path: string): Promise<void> {
  if (process.getuid?.() === 0) await chown(path, 65_534, 65_534)
  else vi.spyOn(process, 'getuid').mockReturnValue(65_534)
}

const notOurs: Readonly<Record<string, (path: string) => Promise<void>>> = {
  'another user owns': makeForeign,
  'other users may read': (path) => chmod(path, 0o644),
  'is a symbolic link': async (path) => {
    await rename(path, `${path}.aside`)
    await symlink(`${path}.aside`, path)
  },
}
test.each(Object.keys(notOurs))('a new token in a file that %s is not taken, and that is said once', async (which) => {
  const said: string[] = []
  await proxy((line) => said.push(line))
  const file = join(folder, 'proxy.token')
  const next = `${file}.next`
  await writeFile(next, 'the second token\n', { mode: 0o600 })
  await notOurs[which]?.(next)
  await rename(next, file)
  await vi.waitFor(() => expect(said).toHaveLength(1), PATIENT)
  await new Promise((resolve) => setTimeout(resolve, 2 * LOOK_MS)) // longer than one more look
  expect(said).toEqual([expect.stringContaining(`the token in ${file} is not taken`)])
  expect(await status('the second token')).toMatchObject({ refused: 'wrong token' })
  expect(await status()).toHaveProperty('ok')
})

test('it never makes the folder, and a folder that was moved aside and back is as it was', async () => {
  await proxy()
  await rename(folder, `${folder}.aside`)
  await new Promise((resolve) => setTimeout(resolve, 4 * LOOK_MS)) // longer than two looks
  await expect(stat(folder)).rejects.toThrow(/ENOENT/)
  await rename(`${folder}.aside`, folder)
  expect(await status()).toHaveProperty('ok')
})

/** Whoever only looks whether somebody is there is gone before it is greeted. */
const greets =
  (says = '') =>
  (socket: Socket): void => {
    socket.on('error', () => undefined)
    socket.end(says)
  }

test("the door is never made in another's place, and closing one does not take another's away", async () => {
  const path = join(folder, 'a.sock')
  const [old, other] = [new Door(path, greets('old')), new Door(path, greets('other'))]
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
  const doors = Array.from({ length: 8 }, () => new Door(path, greets()))
  const made = await Promise.all(doors.map((door) => door.open()))
  expect(made.filter((refused) => refused === undefined)).toHaveLength(1)
  expect(new Set(made.map((refused) => refused?.code))).toEqual(new Set([undefined, 'control_taken']))
  for (const door of doors) await door[Symbol.asyncDispose]()
})

/** What a killed process leaves: a socket file with nobody behind it. */
async function leaveDead(path: string): Promise<void> {
  const server = createServer().listen(`${path}.tmp`)
  await once(server, 'listening')
  await rename(`${path}.tmp`, path) // so that closing does not remove it
  await new Promise((resolve) => server.close(resolve))
}

test('of many doors that are made at once where a killed process left its own, one is, and it is the one that is found', async () => {
  const path = join(folder, 'a.sock')
  for (let round = 0; round < 5; round += 1) {
    await leaveDead(path)
    const doors = Array.from({ length: 8 }, (_, i) => new Door(path, greets(String(i))))
    const made = await Promise.all(doors.map((door) => door.open()))
    const open = made.flatMap((refused, i) => (refused === undefined ? [i] : []))
    expect(open).toHaveLength(1)
    const [answer] = await once(connect(path), 'data')
    expect(String(answer)).toBe(String(open[0]))
    for (const door of doors) await door[Symbol.asyncDispose]()
    expect(await readdir(folder)).toEqual([])
  }
})

test('a door is not made while somebody else who claims it lives; a claim that a killed process left is in nobody’s way', async () => {
  const path = join(folder, 'a.sock')
  await leaveDead(path)
  await leaveDead(claimTo(path))
  const rival = createServer().listen(claimTo(path))
  await once(rival, 'listening')
  const { ino } = await stat(path)
  await using door = new Door(path, greets())
  expect(await door.open()).toMatchObject({ code: 'control_taken' })
  expect((await stat(path)).ino).toBe(ino)
  await new Promise((resolve) => rival.close(resolve))
  expect(await door.open()).toBeUndefined()
})

test('a door that is being closed is not made again', async () => {
  const door = new Door(join(folder, 'a.sock'), greets())
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
