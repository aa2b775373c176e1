import { once } from 'node:events'
import { chmod, chown, mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { clusterId, epoch } from '../../model/ids.ts'
import { PROXY_CONTROL_VERSION, printLine } from '../../model/proxy-control.ts'
import type { RouteMessage } from '../../model/route.ts'
import { proxyAnnouncer } from './proxy.ts'
import { ensureProxyRunning } from './proxy-start.ts'

const cluster = clusterId('c-shop')
const message: RouteMessage = { cluster, epoch: epoch(1), number: 1, kind: 'withdrawn' }
let dir = ''
let server: Server | undefined
const sockets = new Set<Socket>()
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'regent-link-'))
})
afterEach(async () => {
  vi.restoreAllMocks()
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)))
  server = undefined
  await rm(dir, { recursive: true, force: true })
})

const access = () => ({ control: join(dir, 'p.sock'), cluster, token: 't' })
const soon = (): AbortSignal => AbortSignal.timeout(5000)

/** Answers each line with what `reply` gives; nothing where it gives nothing. */
async function peer(reply: (line: Readonly<Record<string, unknown>>) => unknown): Promise<void> {
  server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      for (const line of bytes.toString().split('\n').filter(Boolean)) {
        const answer = reply(JSON.parse(line))
        if (answer !== undefined) socket.write(printLine(answer))
      }
    })
  })
  server.listen(access().control)
  await once(server, 'listening')
}

/** As another user would have made it: root gives the file away, anybody else takes another name. */
async function makeForeign(path: string): Promise<void> {
  if (process.getuid?.() === 0) await chown(path, 65_534, 65_534)
  else vi.spyOn(process, 'getuid').mockReturnValue(65_534)
}

const hello = { hello: { version: PROXY_CONTROL_VERSION } }
const status = (inForce?: RouteMessage) => ({
  pid: 1,
  cluster,
  listen: { host: 'h', port: 1 },
  upMs: 1,
  waiting: 0,
  sessionsOpen: 0,
  primarySeen: { kind: 'never' },
  ...(inForce && { inForce }),
})

test('a frozen proxy counts as not withdrawn once the deadline has passed', async () => {
  await peer(() => undefined)
  using announcer = proxyAnnouncer('proxy', access())
  expect(await announcer.withdraw(message, AbortSignal.timeout(100))).toMatchObject({ kind: 'unreachable' })
  expect(await announcer.closeSessions('at_once', AbortSignal.timeout(100))).toEqual({ closed: 0, remaining: 1 })
})

test('a proxy that takes the message and then shows another route has not confirmed', async () => {
  const other: RouteMessage = { ...message, number: 9 }
  await peer((line) => {
    if (line['token']) return hello
    const ok = line['ask'] === 'route' ? { verdict: 'accepted', kept: true, says: '' } : status(other)
    return { n: line['n'], ok }
  })
  using announcer = proxyAnnouncer('proxy', access())
  expect(await announcer.withdraw(message, soon())).toMatchObject({ kind: 'refused', has: { number: 9 } })
})

test('a proxy that cannot remember the message has not confirmed', async () => {
  await peer((line) => {
    if (line['token']) return hello
    return {
      n: line['n'],
      ok: line['ask'] === 'route' ? { verdict: 'accepted', kept: false, says: 'disk full' } : status(message),
    }
  })
  using announcer = proxyAnnouncer('proxy', access())
  expect(await announcer.withdraw(message, soon())).toEqual({ kind: 'refused', why: 'disk full' })
})

test('nonsense instead of an answer is no answer', async () => {
  await peer((line) => (line['token'] ? hello : 'what?'))
  using announcer = proxyAnnouncer('proxy', access())
  expect(await announcer.read(soon())).toMatchObject({ kind: 'unknown' })
})

test('after the proxy was away the next question connects again', async () => {
  await peer((line) => (line['token'] ? hello : { n: line['n'], ok: status(message) }))
  using announcer = proxyAnnouncer('proxy', access())
  expect(await announcer.read(soon())).toMatchObject({ kind: 'known' })
  const [first] = sockets
  first?.destroy()
  await expect.poll(async () => (await announcer.read(soon())).kind).toBe('known')
  expect(sockets.size).toBe(2)
})

test('a running proxy is taken over, none is started beside it; a silent or foreign one is not doubled either', async () => {
  await peer((line) => (line['token'] ? hello : { n: line['n'], ok: status() }))
  const never = (): never => {
    throw new Error('started a second one')
  }
  expect(await ensureProxyRunning(access(), never, soon())).toMatchObject({ kind: 'found', status: { pid: 1 } })
  server?.removeAllListeners('connection').on('connection', (socket: Socket) => sockets.add(socket))
  expect(await ensureProxyRunning(access(), never, AbortSignal.timeout(100))).toMatchObject({ kind: 'unreachable' })
  server?.on('connection', (socket: Socket) => socket.end(printLine({ refused: 'this proxy serves cluster c-other' })))
  expect(await ensureProxyRunning(access(), never, soon())).toEqual({
    kind: 'refused',
    why: 'this proxy serves cluster c-other',
  })
})

test('where nobody answers one is started and waited for; one that ends at once tells why', async () => {
  const start = () => {
    void peer((line) => (line['token'] ? hello : { n: line['n'], ok: status() }))
    return { exited: new Promise<string>(() => undefined) }
  }
  expect(await ensureProxyRunning({ ...access() }, start, soon())).toMatchObject({ kind: 'started' })
  const elsewhere = { ...access(), control: join(dir, 'q.sock') }
  const ends = () => ({ exited: Promise.resolve('127.0.0.1:3306 is in use by another program') })
  expect(await ensureProxyRunning(elsewhere, ends, soon())).toEqual({
    kind: 'refused',
    why: '127.0.0.1:3306 is in use by another program',
  })
})

test('why a proxy neither shows its state nor stops is told in its own words, with its process where it lets nobody in', async () => {
  const why = async (): Promise<unknown> => {
    using announcer = proxyAnnouncer('proxy', access())
    const seen = await announcer.status(AbortSignal.timeout(1000))
    expect(await announcer.stop(AbortSignal.timeout(1000))).toEqual(seen)
    return seen
  }
  expect(await why()).toEqual({ unknown: `no proxy answers at ${access().control} (ENOENT)`, refused: false })
  let answer: unknown = { refused: 'wrong token', version: 1, pid: 42 }
  await peer((line) =>
    line['token'] || answer === undefined ? answer : { n: line['n'], refused: 'this proxy does not know it' },
  )
  expect(await why()).toEqual({ unknown: 'wrong token (pid 42)', refused: true })
  answer = { refused: 'this proxy speaks version 9 of the control protocol', version: 9 }
  expect(await why()).toEqual({ unknown: 'this proxy speaks version 9 of the control protocol', refused: true })
  answer = { refused: 'this proxy serves cluster c-other, not c-shop', pid: 42 }
  expect(await why()).toEqual({ unknown: 'this proxy serves cluster c-other, not c-shop (pid 42)', refused: true })
  answer = hello
  expect(await why()).toEqual({ unknown: 'this proxy does not know it', refused: true })
  answer = 'what?'
  expect(await why()).toEqual({ unknown: 'the proxy answered something that is no answer', refused: false })
  answer = undefined // frozen
  expect(await why()).toMatchObject({ unknown: expect.stringContaining('no answer'), refused: false })
})

test('the token is not sent to a socket that another user made, unless that user has written it', async () => {
  const heard: unknown[] = []
  await peer((line) => {
    heard.push(line)
    return line['token'] ? hello : { n: line['n'], ok: status(message) }
  })
  await makeForeign(access().control)
  using announcer = proxyAnnouncer('proxy', access())
  const never = (): never => {
    throw new Error('started a second one')
  }
  const why = expect.stringMatching(/p\.sock belongs to the user with id \d+, so the token is not sent there/)
  expect(await announcer.withdraw(message, soon())).toEqual({ kind: 'unreachable', why })
  expect(await ensureProxyRunning(access(), never, soon())).toEqual({ kind: 'unreachable', why })
  expect(heard).toEqual([])
  using theirs = proxyAnnouncer('proxy', { ...access(), knownTo: (await stat(access().control)).uid })
  expect(await theirs.read(soon())).toMatchObject({ kind: 'known' })
})

test('nor to one in a folder below a folder of everybody that is another user’s, or open to others', async () => {
  const heard: unknown[] = []
  await peer((line) => void heard.push(line))
  const room = join(dir, 'room')
  await mkdir(room, { mode: 0o700 })
  using announcer = proxyAnnouncer('proxy', { ...access(), room })
  await chmod(room, 0o755)
  expect(await announcer.read(soon())).toMatchObject({ why: expect.stringContaining('room is open to other users') })
  await chmod(room, 0o700)
  await makeForeign(room)
  expect(await announcer.read(soon())).toMatchObject({
    why: expect.stringContaining('room belongs to the user with id'),
  })
  expect(heard).toEqual([])
})
