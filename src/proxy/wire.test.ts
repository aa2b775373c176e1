import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Address } from '../model/address.ts'
import { clusterId, epoch } from '../model/ids.ts'
import { isRecord, type RouteMessage } from '../model/route.ts'
import { type ProxyOptions, type RunningProxy, startProxy } from './process.ts'

const shop = clusterId('c-shop')
const GREETING = 'greeting of '
let dir = ''
const closing: (() => unknown)[] = []

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'regent-proxy-'))
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
  await rm(dir, { recursive: true, force: true })
})

const ordinal = (number: number) => ({ cluster: shop, epoch: epoch(1), number })
const open = (number: number, primary: Address): RouteMessage => ({ ...ordinal(number), kind: 'open', primary })
const withdrawn = (number: number): RouteMessage => ({ ...ordinal(number), kind: 'withdrawn' })

interface Backend {
  readonly address: Address
  readonly server: Server
  readonly sockets: Set<Socket>
  kill(): Promise<void>
}

/** Speaks first, as a MySQL server does, then whatever `serve` says. Bytes are bytes. */
async function backend(name: string, serve: (socket: Socket) => void = (s) => s.pipe(s)): Promise<Backend> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.write(GREETING + name)
    serve(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bound = server.address()
  const port = typeof bound === 'object' && bound ? bound.port : 0
  const kill = async (): Promise<void> => {
    for (const socket of sockets) socket.resetAndDestroy()
    await new Promise((resolve) => server.close(resolve))
  }
  closing.push(kill)
  return { address: { host: '127.0.0.1', port }, server, sockets, kill }
}

async function proxy(changes: Partial<ProxyOptions> = {}): Promise<RunningProxy & { stop(): Promise<void> }> {
  const ends = new AbortController()
  const start = await startProxy({ ...options(), signal: ends.signal, ...changes })
  if (start.kind === 'refused') throw new Error(start.problem.says)
  const stop = async (): Promise<void> => {
    ends.abort()
    await start.proxy.ended
  }
  closing.push(stop)
  return { ...start.proxy, stop }
}

const options = (): ProxyOptions => ({
  listen: { host: '127.0.0.1', port: 0 },
  control: join(dir, 'proxy.sock'),
  cluster: shop,
  alias: 'shop',
  token: 'a secret',
  holdMs: 10_000,
  stateFile: join(dir, 'proxy.json'),
  signal: new AbortController().signal,
})

interface Line {
  ask(request: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>>
  readonly socket: Socket
}

/** A bare control client, so that the wire format itself is tested. */
async function control(hello: Readonly<Record<string, unknown>> = {}): Promise<Line> {
  const socket = connect(join(dir, 'proxy.sock'))
  closing.push(() => socket.destroy())
  socket.setEncoding('utf8')
  const waiting: ((line: Readonly<Record<string, unknown>>) => void)[] = []
  let rest = ''
  socket.on('data', (chunk: string) => {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const value: unknown = JSON.parse(line)
      if (isRecord(value)) waiting.shift()?.(value)
    }
  })
  const ask = (request: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>> =>
    new Promise((resolve) => {
      waiting.push(resolve)
      socket.write(`${JSON.stringify({ n: 1, ...request })}\n`)
    })
  await ask({ version: 1, cluster: shop, token: 'a secret', ...hello })
  return { ask, socket }
}

async function client(to: Address): Promise<Socket> {
  const socket = connect({ ...to, noDelay: true })
  closing.push(() => socket.destroy())
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

/** Exactly so many bytes; the rest stays for the next reader. */
async function take(socket: Socket, bytes: number): Promise<Buffer> {
  for (;;) {
    const got: unknown = socket.read(bytes)
    if (Buffer.isBuffer(got)) return got
    if (socket.readableEnded || socket.destroyed) throw new Error('closed')
    await new Promise<void>((resolve) => {
      const events = ['readable', 'end', 'close']
      const done = (): void => {
        for (const event of events) socket.off(event, done)
        resolve()
      }
      for (const event of events) socket.on(event, done)
    })
  }
}

async function everything(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = []
  socket.on('data', (part: Buffer) => parts.push(part))
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve))
  return Buffer.concat(parts)
}

/** However it ended: by FIN or by reset. */
const ended = (socket: Socket): Promise<unknown> => new Promise((resolve) => socket.resume().once('close', resolve))

const greeted = async (socket: Socket, name: string): Promise<void> => {
  expect((await take(socket, GREETING.length + name.length)).toString()).toBe(GREETING + name)
}

test('50 MB pass in both directions at once, untouched', async () => {
  const sent = randomBytes(50 * 1024 * 1024)
  const server = await backend('a')
  const { address } = await proxy()
  await (await control()).ask({ ask: 'route', message: open(1, server.address) })
  const socket = await client(address)
  await greeted(socket, 'a')
  socket.end(sent)
  const received = await everything(socket)
  expect(received.length).toBe(sent.length)
  expect(received.equals(sent)).toBe(true)
})

test('a client that connects while the route is withdrawn waits, and gets through when it opens', async () => {
  const [a, b] = [await backend('a'), await backend('b')]
  const { address } = await proxy()
  const regent = await control()
  await regent.ask({ ask: 'route', message: open(1, a.address) })
  await regent.ask({ ask: 'route', message: withdrawn(2) })
  const socket = await client(address)
  await vi.waitFor(async () => expect((await regent.ask({ ask: 'status' }))['ok']).toMatchObject({ waiting: 1 }))
  expect(a.sockets.size).toBe(0)
  await regent.ask({ ask: 'route', message: open(3, b.address) })
  await greeted(socket, 'b')
})

test('a killed primary closes its clients at once, and they get through to the next one by connecting again', async () => {
  const [a, b] = [await backend('a'), await backend('b')]
  const { address } = await proxy()
  const regent = await control()
  await regent.ask({ ask: 'route', message: open(1, a.address) })
  const socket = await client(address)
  await greeted(socket, 'a')
  const closed = ended(socket)
  await a.kill()
  await closed
  const again = await client(address) // the same route is still in force: refused, tried again, never failed
  await vi.waitFor(async () => {
    const { ok } = await regent.ask({ ask: 'status' })
    expect(ok).toMatchObject({ waiting: 1, sessionsOpen: 0, primarySeen: { kind: 'failed', to: a.address } })
  })
  await regent.ask({ ask: 'route', message: open(2, b.address) })
  await greeted(again, 'b')
})

test('a frozen primary that accepts and says nothing gives its clients back to the next one', async () => {
  const frozen = createServer(() => undefined)
  frozen.listen(0, '127.0.0.1')
  await once(frozen, 'listening')
  closing.push(() => frozen.close())
  const bound = frozen.address()
  const b = await backend('b')
  const { address } = await proxy()
  const regent = await control()
  const port = typeof bound === 'object' && bound ? bound.port : 0
  await regent.ask({ ask: 'route', message: open(1, { host: '127.0.0.1', port }) })
  const socket = await client(address)
  const accepted = once(frozen, 'connection')
  await accepted
  await regent.ask({ ask: 'route', message: open(2, b.address) })
  await greeted(socket, 'b')
})

test('what the server says before it closes still reaches the client', async () => {
  const server = await backend('a', (socket) => socket.once('data', () => socket.end('last words')))
  const { address } = await proxy()
  await (await control()).ask({ ask: 'route', message: open(1, server.address) })
  const socket = await client(address)
  await greeted(socket, 'a')
  socket.write('quit')
  expect((await everything(socket)).toString()).toBe('last words')
})

test('a client that waited too long is told so in the MySQL protocol', async () => {
  const { address } = await proxy({ holdMs: 300 })
  const socket = await client(address)
  const packet = await everything(socket)
  expect(packet.readUIntLE(0, 3)).toBe(packet.length - 4)
  expect(packet[3]).toBe(0)
  expect(packet[4]).toBe(0xff)
  expect(packet.readUInt16LE(5)).toBe(1053)
  expect(packet.subarray(7).toString()).toBe(
    'regent proxy: no primary for 0.3 s, cluster shop (no route was announced yet)',
  )
})

test('trap 82: a restarted proxy does not serve the route it had, and refuses older messages', async () => {
  const a = await backend('a')
  const first = await proxy()
  await (await control()).ask({ ask: 'route', message: open(5, a.address) })
  await first.stop()
  const second = await proxy({ holdMs: 300 })
  const regent = await control()
  const waited = await everything(await client(second.address))
  expect(waited[4]).toBe(0xff)
  expect(a.sockets.size).toBe(0)
  const answer = await regent.ask({ ask: 'route', message: open(4, a.address) })
  expect(answer['ok']).toMatchObject({ verdict: 'refused_older', kept: false, has: { number: 5 } })
  await regent.ask({ ask: 'route', message: open(5, a.address) })
  await greeted(await client(second.address), 'a')
})

test('trap 67: Regent going away changes nothing for clients, old or new', async () => {
  const a = await backend('a')
  const { address } = await proxy()
  const regent = await control()
  await regent.ask({ ask: 'route', message: open(1, a.address) })
  const socket = await client(address)
  await greeted(socket, 'a')
  regent.socket.destroy()
  socket.write('still here')
  expect((await take(socket, 10)).toString()).toBe('still here')
  await greeted(await client(address), 'a')
})

test('trap 35: sessions to the old primary are closed at once when asked, and none is left when another one is named', async () => {
  const [a, b] = [await backend('a'), await backend('b')]
  const { address } = await proxy()
  const regent = await control()
  await regent.ask({ ask: 'route', message: open(1, a.address) })
  const sockets = await Promise.all([client(address), client(address)])
  for (const socket of sockets) await greeted(socket, 'a')
  await regent.ask({ ask: 'route', message: withdrawn(2) })
  expect((await regent.ask({ ask: 'status' }))['ok']).toMatchObject({ sessionsOpen: 2 })
  const gone = sockets.map(ended)
  expect((await regent.ask({ ask: 'close_all' }))['ok']).toEqual({ closed: 2, remaining: 0 })
  await Promise.all(gone)
  await regent.ask({ ask: 'route', message: open(3, a.address) })
  const stays = await client(address)
  await greeted(stays, 'a')
  const over = ended(stays)
  await regent.ask({ ask: 'route', message: open(4, b.address) })
  await over
})

test('trap 81: a held session is closed only once its last statement was answered; its client gets the whole answer', async () => {
  const a = await backend('a', () => undefined) // answers when the test says so
  const { address } = await proxy()
  const regent = await control()
  await regent.ask({ ask: 'route', message: open(1, a.address) })
  const socket = await client(address)
  await greeted(socket, 'a')
  const [server] = a.sockets
  if (!server) throw new Error('no session')
  server.write('welcome')
  expect((await take(socket, 7)).toString()).toBe('welcome')
  socket.write('a statement')
  expect((await take(server, 11)).toString()).toBe('a statement')
  await regent.ask({ ask: 'route', message: withdrawn(2) })
  expect((await regent.ask({ ask: 'hold' }))['ok']).toEqual({ held: 1 })
  const peers = [`127.0.0.1:${server.remotePort}`] // the server says Sleep, as it does before it has read the statement
  expect((await regent.ask({ ask: 'close_idle', peers }))['ok']).toEqual({ closed: 0, remaining: 1 })
  socket.write('held back')
  server.write('its answer')
  await vi.waitFor(async () =>
    expect((await regent.ask({ ask: 'close_idle', peers }))['ok']).toEqual({ closed: 1, remaining: 0 }),
  )
  expect((await everything(socket)).toString()).toBe('its answer')
  expect(server.read()).toBeNull() // the statement that was held back never reached the server
})

test('an announcement of the same primary lets held sessions go on: an undo costs them nothing', async () => {
  const a = await backend('a')
  const { address } = await proxy()
  const regent = await control()
  await regent.ask({ ask: 'route', message: open(1, a.address) })
  const socket = await client(address)
  await greeted(socket, 'a')
  await regent.ask({ ask: 'route', message: withdrawn(2) })
  await regent.ask({ ask: 'hold' })
  socket.write('a held statement')
  await vi.waitFor(async () => expect((await regent.ask({ ask: 'sessions' }))['ok']).toMatchObject([{ held: true }]))
  await regent.ask({ ask: 'route', message: open(3, a.address) })
  expect((await take(socket, 16)).toString()).toBe('a held statement')
})

test('sessions held by a Regent that is gone go on after the bound', async () => {
  const a = await backend('a')
  const { address } = await proxy({ holdMs: 200 })
  const regent = await control()
  await regent.ask({ ask: 'route', message: open(1, a.address) })
  const socket = await client(address)
  await greeted(socket, 'a')
  await regent.ask({ ask: 'hold' })
  regent.socket.destroy()
  socket.write('held')
  expect((await take(socket, 4)).toString()).toBe('held')
})

test('the control socket lets nobody in with a wrong token, version or cluster, and is closed to other users', async () => {
  await proxy()
  expect((await stat(join(dir, 'proxy.sock'))).mode & 0o777).toBe(0o600)
  for (const wrong of [{ token: 'guess' }, { token: 1 }, { version: 2 }, { cluster: 'c-other' }]) {
    const stranger = await control(wrong)
    await everything(stranger.socket)
  }
  const regent = await control()
  expect(await regent.ask({ ask: 'reboot' })).toMatchObject({ refused: expect.stringContaining('reboot') })
  expect(await regent.ask({ ask: 'route', message: { kind: 'open' } })).toHaveProperty('refused')
})

test('a taken port, a second proxy and a foreign state file are refused, with what to try; a stale socket file is taken over', async () => {
  const first = await proxy()
  const refusal = async (changes: Partial<ProxyOptions>): Promise<string> => {
    const start = await startProxy({ ...options(), ...changes })
    return start.kind === 'refused' ? `${start.problem.code}: ${start.problem.says}` : 'running'
  }
  expect(await refusal({ listen: first.address })).toMatch(
    new RegExp(`^port_held: 127.0.0.1:${first.address.port} is in use by another program \\(.*pid ${process.pid}\\)$`),
  )
  expect(await refusal({})).toMatch(/already answers at the control socket/)
  expect(await refusal({ control: join(dir, 'x'.repeat(120)) })).toMatch(/too long/)
  await first.stop()
  await writeFile(
    join(dir, 'foreign.json'),
    JSON.stringify({ version: 1, message: { ...withdrawn(1), cluster: 'c-x' } }),
  )
  expect(await refusal({ stateFile: join(dir, 'foreign.json') })).toMatch(/belongs to cluster c-x/)
  await leaveStaleSocket(join(dir, 'proxy.sock'))
  await proxy()
  expect((await (await control()).ask({ ask: 'status' }))['ok']).toMatchObject({ waiting: 0 })
})

/** What a killed process leaves: a socket file with nobody behind it. */
async function leaveStaleSocket(path: string): Promise<void> {
  const server = createServer()
  server.listen(`${path}.tmp`)
  await once(server, 'listening')
  await rename(`${path}.tmp`, path) // so that closing does not remove it
  await new Promise((resolve) => server.close(resolve))
  expect((await stat(path)).isSocket()).toBe(true)
}

test('what is remembered is written whole, before a message is confirmed; where it cannot be, nothing is confirmed', async () => {
  const a = await backend('a')
  const first = await proxy()
  await (await control()).ask({ ask: 'route', message: open(3, a.address) })
  expect(JSON.parse(await readFile(join(dir, 'proxy.json'), 'utf8'))).toEqual({
    version: 1,
    message: open(3, a.address),
  })
  await first.stop()
  await proxy({ stateFile: join(dir, 'no-such-folder', 'proxy.json') })
  const answer = await (await control()).ask({ ask: 'route', message: withdrawn(4) })
  expect(answer['ok']).toMatchObject({ verdict: 'accepted', kept: false })
})
