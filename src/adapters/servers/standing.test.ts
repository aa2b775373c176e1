/** Against sockets that behave as no healthy server does. What healthy servers do is tested on real ones. */
import assert from 'node:assert/strict'
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, test } from 'vitest'
import type { Address } from '../../model/address.ts'
import { instant, wallTime } from '../../model/ids.ts'
import type { Clock } from '../../ports/clock.ts'
import { createWatching } from './watching.ts'

const clock: Clock = {
  now: () => instant(performance.now()),
  wall: () => wallTime(Date.now()),
  sleep: () => Promise.reject(new Error('nobody sleeps here')),
  deadline: () => {
    throw new Error('nobody asks for one here')
  },
}
const login = { account: { user: 'monitor', password: 'secret' }, tls: { mode: 'off' } } as const
const cleanup: (() => unknown)[] = []

afterEach(async () => {
  for (const each of cleanup.splice(0)) await each()
})

function watching(): ReturnType<typeof createWatching> {
  const made = createWatching({ clock, loginOf: () => login })
  cleanup.push(() => made.end())
  return made
}

interface Peer {
  readonly address: Address
  readonly open: Set<Socket>
  accepted: number
}

async function peer(onConnection: (socket: Socket) => void): Promise<Peer> {
  const open = new Set<Socket>()
  const made: { -readonly [K in keyof Peer]: Peer[K] } = { address: { host: '127.0.0.1', port: 0 }, open, accepted: 0 }
  const server: Server = createServer((socket) => {
    made.accepted += 1
    open.add(socket)
    socket.on('close', () => open.delete(socket)).on('error', () => undefined)
    onConnection(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const bound = server.address()
  assert.ok(typeof bound === 'object' && bound !== null)
  made.address = { host: '127.0.0.1', port: bound.port }
  cleanup.push(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return made
}

test('a port that takes connections and says nothing is silent at the deadline, and is not given a connection per look', async () => {
  const frozen = await peer(() => undefined)
  const watch = watching()
  for (let i = 0; i < 10; i++) {
    const before = performance.now()
    const look = await watch.look(frozen.address, 'live', 40)
    assert.equal(look.kind, 'silent')
    assert.ok(performance.now() - before < 500)
    assert.ok(frozen.open.size <= 2)
  }
  assert.ok(frozen.accepted <= 2, `${frozen.accepted} connections for 10 looks`)
})

test('looks at the same time share the two connections, and each is silent at its own deadline', async () => {
  const frozen = await peer(() => undefined)
  const watch = watching()
  const looks = await Promise.all(Array.from({ length: 8 }, (_, i) => watch.look(frozen.address, 'full', 30 + 5 * i)))
  assert.deepEqual(new Set(looks.map((look) => look.kind)), new Set(['silent']))
  assert.ok(frozen.accepted <= 2)
})

test('one silent server delays no other', async () => {
  const frozen = await peer(() => undefined)
  const watch = watching()
  const slow = watch.look(frozen.address, 'live', 400)
  const before = performance.now()
  const look = await watch.look({ host: '127.0.0.1', port: 1 }, 'live', 400)
  assert.equal(look.kind, 'refused')
  assert.ok(performance.now() - before < 200)
  assert.equal((await slow).kind, 'silent')
})

test('a connection that is cut before the greeting is closed, which is no refusal', async () => {
  const cutting = await peer((socket) => socket.destroy())
  assert.equal((await watching().look(cutting.address, 'live', 500)).kind, 'closed')
  const resetting = await peer((socket) => socket.resetAndDestroy())
  assert.equal((await watching().look(resetting.address, 'live', 500)).kind, 'closed')
})

test('a port that speaks something else is unusable, not dead', async () => {
  const other = await peer((socket) => socket.write(Buffer.from([5, 0, 0, 0, 104, 101, 108, 108, 111])))
  assert.equal((await watching().look(other.address, 'live', 500)).kind, 'unusable')
})

test('a flavour that Regent does not know is unusable, with the version it said', async () => {
  const old = await peer((socket) => greet(socket, '5.7.44-log'))
  const look = await watching().look(old.address, 'live', 500)
  assert.ok(look.kind === 'unusable')
  assert.match(look.problem, /5\.7\.44-log/)
})

test('forgetting an address ends its connections and its waiting looks', async () => {
  const frozen = await peer(() => undefined)
  const watch = watching()
  const look = watch.look(frozen.address, 'live', 5_000)
  const until = performance.now() + 2_000
  while (frozen.open.size === 0 && performance.now() < until) await new Promise((resolve) => setImmediate(resolve))
  watch.forget(frozen.address)
  assert.equal((await look).kind, 'silent')
})

test('knocks go out together and tell refused, accepted and silent apart', async () => {
  const taking = await peer(() => undefined)
  const closed = { host: '127.0.0.1', port: 1 }
  const knocks = await watching().knock([taking.address, closed, taking.address], 500)
  assert.deepEqual(
    knocks.map(({ outcome }) => outcome),
    ['accepted', 'refused', 'accepted'],
  )
  assert.deepEqual(knocks[1]?.address, closed)
})

/** The greeting of a server, then OK to whatever login follows. */
function greet(socket: Socket, version: string): void {
  const scramble = Buffer.from('abcdefghijklmnopqrst\0')
  const body = Buffer.concat([
    Buffer.from([10]),
    Buffer.from(`${version}\0`),
    Buffer.from([7, 0, 0, 0]),
    scramble.subarray(0, 8),
    Buffer.from([0, 0xff, 0xf7, 45, 2, 0, 0xff, 0x81, 21, ...Array<number>(10).fill(0)]),
    scramble.subarray(8),
    Buffer.from('mysql_native_password\0'),
  ])
  socket.write(Buffer.concat([Buffer.from([body.length, 0, 0, 0]), body]))
  socket.once('data', () => socket.write(Buffer.from([7, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0])))
}
