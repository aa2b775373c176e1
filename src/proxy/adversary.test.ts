/** Clients and servers that do what they should not, on real sockets. */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import type { Address } from '../model/address.ts'
import { clusterId, epoch, instant } from '../model/ids.ts'
import type { RouteMessage } from '../model/route.ts'
import { Gate } from './gate.ts'
import { Pair, type PairEvents } from './pair.ts'
import { Wire } from './wire.ts'

const shop = clusterId('c-shop')
const PATIENT = { timeout: 15_000, interval: 20 }
const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const open = (number: number, primary: Address): RouteMessage => ({
  cluster: shop,
  epoch: epoch(1),
  number,
  kind: 'open',
  primary,
})

interface Backend {
  readonly address: Address
  readonly sockets: Socket[]
}

async function backend(serve: (socket: Socket) => void): Promise<Backend> {
  const sockets: Socket[] = []
  const server: Server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => socket.destroy())
    serve(socket)
  })
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 })
  await once(server, 'listening')
  closing.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const bound = server.address()
  return { address: { host: '127.0.0.1', port: typeof bound === 'object' && bound ? bound.port : 0 }, sockets }
}

async function wire(boundMs = 10_000): Promise<{ readonly wire: Wire; readonly gate: Gate }> {
  const gate = new Gate({ cluster: shop, alias: 'shop', boundMs, remembered: undefined })
  const made = new Wire({ listen: { host: '127.0.0.1', port: 0 }, gate, now: () => instant(performance.now()) })
  expect(await made.listen()).toBeUndefined()
  closing.push(() => made[Symbol.asyncDispose]())
  return { wire: made, gate }
}

function client(to: Address): Socket {
  const socket = connect({ ...to, noDelay: true })
  closing.push(() => socket.destroy())
  return socket.on('error', () => undefined)
}

test('a thousand clients that wait are all served once a route comes, each by one server connection', async () => {
  const server = await backend((socket) => socket.end('hello'))
  const { wire: proxy, gate } = await wire()
  const clients = Array.from({ length: 1000 }, () => client(proxy.address))
  const texts = clients.map(async (socket) => {
    const parts: string[] = []
    for await (const part of socket.setEncoding('utf8')) parts.push(String(part))
    return parts.join('')
  })
  await vi.waitFor(() => expect(gate.waiting).toBe(1000), PATIENT)
  proxy.route(open(1, server.address))
  expect(new Set(await Promise.all(texts))).toEqual(new Set(['hello']))
  expect([server.sockets.length, gate.waiting]).toEqual([1000, 0])
})

test('what a client said before the greeting reaches the server after it, whole and in order, however much it was', async () => {
  const heard: Buffer[] = []
  const server = await backend((socket) => {
    setTimeout(() => socket.write('hello'), 50)
    socket.on('data', (bytes: Buffer) => heard.push(bytes))
  })
  const { wire: proxy, gate } = await wire()
  const early = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 251))
  const socket = client(proxy.address)
  socket.write(early)
  await vi.waitFor(() => expect(gate.waiting).toBe(1), PATIENT)
  proxy.route(open(1, server.address))
  await vi.waitFor(() => expect(Buffer.concat(heard).equals(early)).toBe(true), PATIENT)
})

test('a client that goes away, or says its last word, while it waits is forgotten', async () => {
  const { wire: proxy, gate } = await wire()
  const [cut, halfClosed] = [client(proxy.address), client(proxy.address)]
  await vi.waitFor(() => expect(gate.waiting).toBe(2), PATIENT)
  cut.resetAndDestroy()
  halfClosed.end()
  await vi.waitFor(() => expect(gate.waiting).toBe(0), PATIENT)
})

test('routes that change faster than servers greet leave each client with the last one alone', async () => {
  const slow = await backend((socket) => void setTimeout(() => socket.write('old'), 30))
  const last = await backend((socket) => socket.write('new'))
  const { wire: proxy, gate } = await wire()
  const clients = Array.from({ length: 50 }, () => client(proxy.address))
  await vi.waitFor(() => expect(gate.waiting).toBe(50), PATIENT)
  const firsts = clients.map(async (socket) => String((await once(socket, 'data'))[0]))
  for (let number = 1; number < 20; number++) {
    proxy.route(open(number, number % 2 === 0 ? last.address : slow.address))
    if (number % 2 === 1) await new Promise((resolve) => setTimeout(resolve, 3))
    else proxy.route({ cluster: shop, epoch: epoch(1), number: number + 100 * number, kind: 'withdrawn' })
  }
  proxy.route(open(10_000, last.address))
  expect(new Set(await Promise.all(firsts))).toEqual(new Set(['new']))
  await vi.waitFor(() => expect(slow.sockets.every((socket) => socket.destroyed)).toBe(true), PATIENT)
})

test('a server that accepts and says nothing is told of: to its clients, and as what this proxy sees of the primary', async () => {
  const mute = await backend(() => undefined)
  const { wire: proxy, gate } = await wire(300)
  proxy.route(open(1, mute.address))
  const said = String((await once(client(proxy.address), 'data'))[0])
  expect(said).toContain(`(127.0.0.1:${mute.address.port}: no answer)`)
  expect(gate.lastConnect).toMatchObject({ kind: 'failed', to: mute.address, why: 'no answer' })
  await vi.waitFor(() => expect(mute.sockets.every((socket) => socket.destroyed)).toBe(true), PATIENT)
})

test("a former primary's failure is never told as the present one's", () => {
  const gate = new Gate({ cluster: shop, alias: 'shop', boundMs: 1000, remembered: undefined })
  const [a, b] = [
    { host: 'a', port: 1 },
    { host: 'b', port: 2 },
  ]
  gate.route(open(1, a), instant(0))
  gate.handle({ kind: 'client_connected', client: 1, at: instant(0) })
  gate.handle({ kind: 'backend_failed', client: 1, attempt: 1, why: 'refused by a', at: instant(1) })
  gate.route(open(2, b), instant(2))
  gate.handle({ kind: 'client_gone', client: 1, at: instant(3) })
  // Nothing was tried for this one: its turn has not come when its time is over.
  for (let id = 2; id < 70; id++) gate.handle({ kind: 'client_connected', client: id, at: instant(4) })
  const refusals = gate.handle({ kind: 'tick', at: instant(1004) }).flatMap((e) => (e.kind === 'refuse' ? e.says : []))
  expect(refusals).toHaveLength(68)
  expect(refusals.filter((says) => says.includes('refused by a'))).toEqual([])
})

test('both ends of a session are probed, so that hosts that are gone do not keep it for ever', async () => {
  const server = await backend((socket) => socket.write('hello'))
  const { wire: proxy } = await wire()
  proxy.route(open(1, server.address))
  const socket = client(proxy.address)
  await once(socket, 'data')
  const ends = [
    [proxy.address.port, socket.localPort],
    [server.sockets[0]?.remotePort, server.address.port],
  ]
  for (const [local = 0, remote = 0] of ends) expect(await timerOf(local, remote)).toBe(KEEPALIVE)
})

/** As /proc/net/tcp shows what a connection's timer is for. */
const KEEPALIVE = '02'
async function timerOf(local: number, remote: number): Promise<string | undefined> {
  const end = (port: number): string => `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const lines = (await readFile('/proc/net/tcp', 'utf8')).split('\n').map((line) => line.trim().split(/\s+/))
  return lines.find(([, here, there]) => here === end(local) && there === end(remote))?.[5]?.slice(0, 2)
}

test('a client that reads nothing does not keep its connection after its server broke', async () => {
  const server = await backend((socket) => socket.write('hello'))
  const accepted = createServer()
  accepted.listen(0, '127.0.0.1')
  await once(accepted, 'listening')
  closing.push(() => accepted.close())
  const bound = accepted.address()
  const deaf = client({ host: '127.0.0.1', port: typeof bound === 'object' && bound ? bound.port : 0 }).pause()
  const [ours] = await once(accepted, 'connection')
  const ended: number[] = []
  const events: PairEvents = {
    clientGone: () => undefined,
    failed: () => undefined,
    spoke: () => undefined,
    greeted: () => pair.pipe(),
    sessionEnded: (id) => ended.push(id),
  }
  const pair = new Pair(1, ours, { events, now: () => instant(performance.now()) })
  pair.connect(server.address, 1)
  await vi.waitFor(() => expect(pair.bytesFromServer).toBeGreaterThan(0), PATIENT)
  // Little by little, so that the server is still being read when the client's kernel takes nothing more.
  await vi.waitFor(
    () => {
      server.sockets[0]?.write(Buffer.alloc(16_000))
      expect(pair.client.writableLength).toBeGreaterThan(0)
    },
    { timeout: 15_000, interval: 1 },
  )
  server.sockets[0]?.resetAndDestroy()
  await vi.waitFor(() => expect(ended).toEqual([1]), PATIENT)
  await vi.waitFor(() => expect(pair.client.destroyed).toBe(true), PATIENT)
  expect(deaf.destroyed).toBe(false)
})
