import { beforeEach, expect, test } from 'vitest'
import { clusterId, instant, serverId, wallTime } from '../../model/ids.ts'
import { done, type Outcome } from '../../model/outcome.ts'
import type { Row } from '../../mysql/session.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ChangeContext, ServerAt } from '../../ports/servers.ts'
import type { ChangeSession } from './change-session.ts'
import { ChangeSessions } from './change-sessions.ts'
import type { Said, Wire } from './change-wire.ts'

/** Whoever rests before the next attempt rests until the test ends. */
let resting = 0
const clock: Clock = {
  now: () => instant(performance.now()),
  wall: () => wallTime(Date.now()),
  sleep: () => {
    resting += 1
    return new Promise(() => undefined)
  },
  deadline: () => ({ signal: new AbortController().signal, [Symbol.dispose]: () => undefined }),
}
beforeEach(() => {
  resting = 0
})

const WHERE = { host: 'db7', port: 3306 }
const at = (id: string): ServerAt => ({ ...WHERE, id: serverId(id) })
const context: ChangeContext = {
  warrant: { cluster: clusterId('shop'), token: 1, leftMs: () => 60_000 },
  signal: AbortSignal.timeout(20_000),
}
const row = (cells: Readonly<Record<string, string>>): Row => cells

/** One address, and whoever is behind it now; what each connection was sent. */
class Place {
  there = 'one'
  readonly packets: string[][] = []
  readonly #wires: { end(): void }[] = []

  readonly connect = async () => ({ kind: 'connected' as const, wire: this.#wire(this.there) })

  /** Every connection ends, and the next one leads to another server. */
  leadTo(id: string): void {
    this.there = id
    for (const wire of this.#wires.splice(0)) wire.end()
  }

  #wire(id: string): Wire {
    const sent: string[] = []
    this.packets.push(sent)
    const listeners: (() => void)[] = []
    this.#wires.push({
      end: () => {
        for (const listener of listeners) listener()
      },
    })
    return {
      threadId: this.packets.length,
      say: async (sql): Promise<Said> => {
        sent.push(sql)
        const now = row({ server_time: '2026-11-21 12:00:00.000000' })
        if (sent.length > 1) return { kind: 'answered', sets: [[], [now]] }
        const variables = [row({ Variable_name: 'server_uuid', Value: id })]
        const version = row({ version: '9.7.4', comment: 'MySQL Community Server', lock_number: '1' })
        return { kind: 'answered', sets: [[], variables, [version]] }
      },
      destroy: () => undefined,
      onClose: (listener) => void listeners.push(listener),
    }
  }
}

const stage = () => {
  const place = new Place()
  return { place, sessions: new ChangeSessions({ connect: place.connect, clock }) }
}
const take = async (sessions: ChangeSessions, id: string): Promise<ChangeSession | Outcome> => {
  const opening = await sessions.take(at(id), context.signal)
  return opening.kind === 'opened' ? opening.session : opening.outcome
}
const opened = async (sessions: ChangeSessions, id: string): Promise<ChangeSession> => {
  const opening = await sessions.take(at(id), context.signal)
  if (opening.kind === 'failed') throw new Error(JSON.stringify(opening.outcome))
  return opening.session
}
const ANOTHER = { kind: 'failed', code: 'another_server' }

test('who answers is proven in the one packet by which a session begins, and never asked again on it', async () => {
  const { place, sessions } = stage()
  const session = await opened(sessions, 'one')
  expect(place.packets).toHaveLength(1)
  expect(place.packets[0]).toHaveLength(1)
  expect(place.packets[0]?.[0]).toContain('server_uuid')
  sessions.give(at('one'), session)
  const again = await opened(sessions, 'one')
  expect(again).toBe(session)
  await again.change(['SET GLOBAL read_only=0'], { statements: [], read: () => done('sent') }, context)
  expect(place.packets[0]?.slice(1).filter((sql) => /server_uuid|datadir|hostname/.test(sql))).toEqual([])
  // The clock for the guard, then the change: as many as before.
  expect(place.packets[0]).toHaveLength(3)
})

test('the other server is sent nothing after the packet by which it told who it is, and is named', async () => {
  const { place, sessions } = stage()
  place.leadTo('two')
  const outcome = await take(sessions, 'one')
  expect(outcome).toMatchObject({
    ...ANOTHER,
    says: expect.stringContaining('two'),
    tryThis: expect.stringContaining('one'),
  })
  expect(place.packets).toHaveLength(1)
  expect(place.packets[0]).toHaveLength(1)
})

test('a session that stands ready for one server is not handed to a change of another at the same address', async () => {
  const { sessions } = stage()
  sessions.give(at('one'), await opened(sessions, 'one'))
  expect(await take(sessions, 'two')).toMatchObject(ANOTHER)
})

test('a session whose connection still leads to the server that is meant serves it, whoever has the address by now', async () => {
  const { place, sessions } = stage()
  const session = await opened(sessions, 'one')
  sessions.give(at('one'), session)
  place.there = 'two'
  expect(await take(sessions, 'one')).toBe(session)
  expect(await opened(sessions, 'two')).not.toBe(session)
})

test('a standing session that comes back to another server is let go, without login after login', async () => {
  const { place, sessions } = stage()
  expect(await sessions.keep(at('one'), context)).toMatchObject({ kind: 'opened' })
  place.leadTo('two')
  await expect.poll(() => place.packets.length).toBe(2)
  await new Promise((resolve) => setImmediate(resolve))
  expect([place.packets.length, resting]).toEqual([2, 0])
  place.there = 'one'
  expect(await sessions.keep(at('one'), context)).toMatchObject({ kind: 'opened' })
  expect(place.packets).toHaveLength(3)
})
