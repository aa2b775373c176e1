// covers P11
/** How sessions of a former primary end in a planned move: on real sockets, against a server that does what the test says. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import type { Address } from '../model/address.ts'
import { clusterId, epoch, instant } from '../model/ids.ts'
import type { RouteMessage } from '../model/route.ts'
import { Gate } from './gate.ts'
import { Wire } from './wire.ts'

const shop = clusterId('c-shop')
const PLAIN = 0x200
const ENCRYPTED = 0x200 | 0x800
const SETTLED_MS = 3
const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const packet = (number: number, payload: string | Buffer): Buffer => {
  const body = Buffer.from(payload)
  const header = Buffer.alloc(4)
  header.writeUIntLE(body.length, 0, 3)
  header.writeUInt8(number, 3)
  return Buffer.concat([header, body])
}
const query = (text: string): Buffer => packet(0, `\x03${text}`)
const GREETING = packet(0, 'greeting')
const LOGGED_IN = packet(2, 'OK')
const login = (flags: number): Buffer => {
  const payload = Buffer.alloc(32)
  payload.writeUInt32LE(flags, 0)
  return packet(1, payload)
}
const ordinal = (number: number) => ({ cluster: shop, epoch: epoch(1), number })
const open = (number: number, primary: Address): RouteMessage => ({ ...ordinal(number), kind: 'open', primary })
const withdrawn = (number: number): RouteMessage => ({ ...ordinal(number), kind: 'withdrawn' })

async function listening(serve: (socket: Socket) => void): Promise<Address> {
  const server = createServer(serve)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => server.close())
  const bound = server.address()
  return { host: '127.0.0.1', port: typeof bound === 'object' && bound ? bound.port : 0 }
}

/** One end of a session: what it was sent until now, and whether that was all. */
class End {
  readonly socket: Socket
  readonly #got: Buffer[] = []
  bytes = 0
  over: 'no' | 'closed' | 'cut' = 'no'

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (bytes: Buffer) => {
      this.#got.push(bytes)
      this.bytes += bytes.length
    })
    socket.on('error', () => {
      this.over = 'cut'
    })
    socket.on('end', () => {
      this.over = 'closed'
    })
    closing.push(() => socket.destroy())
  }
  get got(): string {
    return Buffer.concat(this.#got).toString('latin1')
  }
  gets(text: Buffer | string): Promise<void> {
    return vi.waitFor(() => expect(this.got).toContain(text.toString('latin1')), { timeout: 5000, interval: 1 })
  }
  ends(how: 'closed' | 'cut'): Promise<void> {
    return vi.waitFor(() => expect(this.over).toBe(how), { timeout: 5000, interval: 1 })
  }
}

async function stage(boundMs = 10_000) {
  const sessions: End[] = []
  const old = await listening((socket) => {
    sessions.push(new End(socket))
    socket.write(GREETING)
  })
  const next = await listening((socket) => void socket.on('error', () => undefined).write('the next one'))
  const gate = new Gate({ cluster: shop, alias: 'shop', boundMs, remembered: undefined })
  const clock = { stopped: false, at: 0, ahead: 0 }
  const now = () => {
    if (!clock.stopped) clock.at = performance.now() + clock.ahead
    return instant(clock.at)
  }
  const wire = new Wire({ listen: { host: '127.0.0.1', port: 0 }, gate, now })
  await wire.listen()
  closing.push(() => wire[Symbol.asyncDispose]())
  wire.route(open(1, old))

  /** Its client and the server's end of it, logged in unless the server is to be silent. */
  const session = async (flags = PLAIN, answered = true): Promise<{ client: End; server: End; peer: string }> => {
    const client = new End(connect({ ...wire.address, noDelay: true }))
    await client.gets(GREETING)
    const server = await vi.waitFor(() => sessions.find((s) => s.got === '' && !taken.has(s)) ?? expect.fail())
    taken.add(server)
    client.socket.write(login(flags))
    await server.gets(login(flags))
    if (answered) {
      server.socket.write(LOGGED_IN)
      await client.gets(LOGGED_IN)
    }
    return { client, server, peer: `127.0.0.1:${server.socket.remotePort}` }
  }
  const taken = new Set<End>()
  /** Its clients count as idle, not as about to speak. */
  const idleForLong = async (): Promise<void> => {
    await settled()
    clock.ahead += 1000
  }
  const says = async (from: End, to: End, what: Buffer): Promise<void> => {
    from.socket.write(what)
    await to.gets(what)
  }
  return { wire, clock, idleForLong, old, next, session, says }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const settled = (): Promise<void> => pause(SETTLED_MS * 4)
const READ_ONLY = 1290
const errorOf = (got: string): { number: number; code: number } => {
  const at = Buffer.from(got.slice(got.lastIndexOf(LOGGED_IN.toString('latin1')) + LOGGED_IN.length), 'latin1')
  const length = at.readUIntLE(0, 3)
  expect(at.length).toBe(length + 4)
  expect(at[4]).toBe(0xff)
  expect(at.subarray(7, 13).toString()).toBe('#HY000')
  return { number: at[3] ?? 0, code: at.readUInt16LE(5) }
}

test('an idle session is closed at once; a busy one gets its whole answer first, then closes; both once', async () => {
  const { wire, next, session, says, idleForLong } = await stage()
  const [idle, busy] = [await session(), await session()]
  await says(busy.client, busy.server, query('SELECT long'))
  wire.route(withdrawn(2))
  await idleForLong()
  wire.watch()
  expect(await wire.closeIdle([idle.peer])).toEqual({ closed: 1, remaining: 1 })
  await idle.client.ends('closed')
  await idle.server.ends('closed')
  wire.route(open(3, next))
  busy.server.socket.write(packet(1, 'the first rows'))
  await busy.client.gets('the first rows')
  // Quiet for a while, but the server does not show it asleep: there is more to come.
  await settled()
  expect(await wire.closeIdle([])).toEqual({ closed: 0, remaining: 1 })
  busy.server.socket.write(packet(2, 'the last rows'))
  await busy.client.gets('the last rows')
  await idleForLong()
  expect(await wire.closeIdle([busy.peer])).toEqual({ closed: 1, remaining: 0 })
  await busy.client.ends('closed')
})

test('a session whose client says something between the look and the closing is left alone, and its statement is answered', async () => {
  const { wire, session, says, idleForLong } = await stage()
  const { client, server, peer } = await session()
  wire.route(withdrawn(2))
  await settled()
  wire.watch()
  await says(client, server, query('INSERT'))
  server.socket.write(packet(1, 'read-only'))
  await client.gets('read-only')
  await idleForLong()
  expect(await wire.closeIdle([peer])).toEqual({ closed: 0, remaining: 1 })
  expect(await wire.closeIdle([peer])).toEqual({ closed: 1, remaining: 0 })
  await client.ends('closed')
})

test('once it is to end, nothing of a session reaches its server any more: the statement is answered with 1290 instead', async () => {
  const { wire, next, session, says } = await stage()
  const { client, server, peer } = await session()
  await says(client, server, query('SELECT long'))
  wire.route(withdrawn(2))
  expect(await wire.closeIdle([])).toEqual({ closed: 0, remaining: 1 })
  wire.route(open(3, next))
  const heard = server.got
  client.socket.write(query('UPDATE t SET v = 1'))
  server.socket.write(LOGGED_IN)
  await client.gets(LOGGED_IN)
  await settled()
  expect(await wire.closeIdle([peer])).toEqual({ closed: 1, remaining: 0 })
  await client.ends('closed')
  expect(errorOf(client.got)).toEqual({ number: 1, code: READ_ONLY })
  await server.ends('closed')
  expect(server.got).toBe(heard)
})

test('a client that was busy a moment ago is told in answer to its next statement: nothing crosses the closing on its way', async () => {
  const { wire, session, says } = await stage()
  const { client, server, peer } = await session()
  wire.route(withdrawn(2))
  await says(client, server, query('INSERT'))
  server.socket.write(LOGGED_IN)
  await client.gets(Buffer.concat([LOGGED_IN, LOGGED_IN]))
  await settled()
  wire.watch()
  expect(await wire.closeIdle([peer])).toEqual({ closed: 0, remaining: 1 })
  const heard = server.got
  client.socket.write(query('the next one'))
  await client.ends('closed')
  expect(errorOf(client.got)).toEqual({ number: 1, code: READ_ONLY })
  await server.ends('closed')
  expect(server.got).toBe(heard)
  expect(wire.sessions()).toEqual([])
})

test('a statement of 1 MB that is still being sent is answered at its end, not cut in the midst', async () => {
  const { wire, session } = await stage()
  const { client, server, peer } = await session()
  wire.route(withdrawn(2))
  wire.hold()
  const statement = query(`INSERT ${'x'.repeat(1_000_000)}`)
  client.socket.write(statement.subarray(0, 600_000))
  await settled()
  expect(await wire.closeIdle([peer])).toEqual({ closed: 1, remaining: 0 })
  client.socket.write(statement.subarray(600_000))
  await client.ends('closed')
  expect(errorOf(client.got)).toEqual({ number: 1, code: READ_ONLY })
  expect(server.got).toBe(login(PLAIN).toString('latin1'))
})

test('an encrypted session is closed without an answer of ours: it would be noise in it', async () => {
  const { wire, session } = await stage()
  const { client, peer } = await session(ENCRYPTED)
  wire.route(withdrawn(2))
  wire.hold()
  client.socket.write('something encrypted')
  await settled()
  expect(await wire.closeIdle([peer])).toEqual({ closed: 1, remaining: 0 })
  await client.ends('closed')
  expect(client.got).toBe(GREETING.toString('latin1') + LOGGED_IN.toString('latin1'))
})

test('a client that sends statements without waiting gets every answer of those that were let through', async () => {
  const { wire, clock, session, says, idleForLong } = await stage()
  const { client, server, peer } = await session()
  wire.route(withdrawn(2))
  await says(client, server, Buffer.concat([query('one'), query('two')]))
  wire.hold()
  clock.stopped = true
  server.socket.write(packet(1, 'answer one'))
  await client.gets('answer one')
  // Between the two the server shows Sleep, for microseconds.
  expect(await wire.closeIdle([peer])).toEqual({ closed: 0, remaining: 1 })
  clock.stopped = false
  server.socket.write(packet(1, 'answer two'))
  await client.gets('answer two')
  await idleForLong()
  expect(await wire.closeIdle([peer])).toEqual({ closed: 1, remaining: 0 })
  await client.ends('closed')
})

test('an answer that a slow client has not taken yet is no idle session', async () => {
  const { wire, session, says, idleForLong } = await stage()
  const { client, server, peer } = await session()
  wire.route(withdrawn(2))
  await says(client, server, query('SELECT much'))
  wire.hold()
  client.socket.pause()
  const answer = Buffer.alloc(16 * 1024 * 1024, 'r')
  server.socket.write(answer)
  // Until every buffer between here and there is full.
  await vi.waitFor(() => expect(wire.sessions()[0]?.lastAgoMs).toBeGreaterThan(50), { timeout: 5000 })
  expect(await wire.closeIdle([peer])).toEqual({ closed: 0, remaining: 1 })
  client.socket.resume()
  await vi.waitFor(() => expect(client.bytes).toBeGreaterThan(answer.length), { timeout: 5000, interval: 5 })
  await idleForLong()
  expect(await wire.closeIdle([peer])).toEqual({ closed: 1, remaining: 0 })
  await client.ends('closed')
  expect(client.got.slice(-answer.length)).toBe(answer.toString('latin1'))
})

test('an answer that does not end is cut at the bound, once another primary is named', async () => {
  const { wire, next, session, says } = await stage(150)
  const { client, server } = await session()
  await says(client, server, query('SELECT SLEEP(1000)'))
  wire.route(withdrawn(2))
  expect(await wire.closeIdle([])).toEqual({ closed: 0, remaining: 1 })
  wire.route(open(3, next))
  expect(wire.sessions().map((s) => s.held)).toEqual([true])
  expect(client.over).toBe('no')
  await client.ends('cut')
  expect(await wire.closeIdle([])).toEqual({ closed: 0, remaining: 0 })
})

test('sessions to the new primary are never held, looked at or closed with those of the old one', async () => {
  const { wire, next, session, says } = await stage()
  const { client, server } = await session()
  await says(client, server, query('SELECT long'))
  wire.route(withdrawn(2))
  await wire.closeIdle([])
  wire.route(open(3, next))
  const fresh = new End(connect({ ...wire.address, noDelay: true }))
  await fresh.gets('the next one')
  const peers = wire.sessions().map((s) => s.localEnd)
  await settled()
  expect(await wire.closeIdle(peers)).toEqual({ closed: 0, remaining: 1 })
  expect(wire.sessions().map((s) => s.held)).toEqual([true, false])
})

test('a fence in the midst of it closes what is left at once, with its answer under way', async () => {
  const { wire, session, says } = await stage()
  const { client, server } = await session()
  await says(client, server, query('SELECT long'))
  wire.route(withdrawn(2))
  await wire.closeIdle([])
  expect(wire.closeAll()).toEqual({ closed: 1, remaining: 0 })
  await client.ends('cut')
})

test('a client in the midst of its login is not kept waiting in it: it is closed, and comes back to the next primary', async () => {
  const { wire, session } = await stage()
  const { client } = await session(PLAIN, false)
  wire.route(withdrawn(2))
  expect(await wire.closeIdle([])).toEqual({ closed: 1, remaining: 0 })
  await client.ends('closed')
})

test('taken back: what was held goes on to the old primary, to the last byte and in order', async () => {
  const { wire, old, session } = await stage()
  const { client, server } = await session()
  wire.route(withdrawn(2))
  wire.hold()
  const statement = query('y'.repeat(200_000))
  client.socket.write(statement)
  await settled()
  expect(server.got).toBe(login(PLAIN).toString('latin1'))
  wire.route(open(3, old))
  await server.gets(statement)
  expect(wire.sessions().map((s) => s.held)).toEqual([false])
})

test('a client that says goodbye while it is held is let go', async () => {
  const { wire, session } = await stage()
  const { client, server } = await session()
  wire.route(withdrawn(2))
  wire.hold()
  client.socket.end()
  await server.ends('closed')
  await vi.waitFor(() => expect(wire.sessions()).toEqual([]))
})
