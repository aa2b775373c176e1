/** A modelled route ends sessions as the port of routes says, and as the built-in proxy does. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Life } from '../src/lab/simulate/life.ts'
import { modelAnnouncer } from '../src/lab/simulate/routes.ts'
import type { Session } from '../src/lab/simulate/server.ts'
import { Timeline } from '../src/lab/simulate/timeline.ts'
import { type RoutePlace, Universe } from '../src/lab/simulate/universe.ts'
import { clusterId, epoch } from '../src/model/ids.ts'
import type { Announcer } from '../src/ports/announcers.ts'

const soon = new AbortController().signal
const ordinal = (number: number) => ({ cluster: clusterId('shop'), epoch: epoch(1), number })

let timeline: Timeline
let universe: Universe
let route: Announcer
let session: Session
let answers: string[]

/** Virtual time passes until the call has its answer. */
async function answerOf<T>(call: Promise<T> | undefined): Promise<T | undefined> {
  let ended = false
  const done = Promise.resolve(call).finally(() => {
    ended = true
  })
  await timeline.run(() => ended, 1000)
  return done
}
const lead = (number: number, host: string) =>
  answerOf(route.announce({ ...ordinal(number), kind: 'open', primary: { host, port: 3306 } }, soon))
const withdraw = (number: number) => answerOf(route.withdraw({ ...ordinal(number), kind: 'withdrawn' }, soon))
const closeIdle = () => answerOf(route.closeIdle?.(['clients:1'], soon))
/** The client says something; it waits for one answer at a time. */
function say(): void {
  session.busy = true
  universe.write(universe.named('s1'), session, (kind) => {
    session.busy = false
    answers.push(kind)
  })
}

beforeEach(async () => {
  timeline = new Timeline()
  const makings = ['s1', 's2'].map((name, i) => ({
    name,
    numericId: i + 1,
    flavour: 'mysql' as const,
    startsReadOnly: true,
  }))
  universe = new Universe(timeline, makings)
  const place: RoutePlace = { name: 'proxy', reachable: true }
  universe.routes.push(place)
  route = modelAnnouncer(universe, place, new Life('one'))
  universe.named('s1').access = 'writable'
  session = { peer: 'clients:1', server: 's1', route: 'proxy', open: true, busy: false }
  universe.named('s1').sessions.push(session)
  answers = []
  await lead(1, 's1')
  await withdraw(2)
})
afterEach(() => timeline.pass(20_000))

test('without a look that was announced, the first call only holds, and the second one closes', async () => {
  expect(await closeIdle()).toEqual({ closed: 0, remaining: 1 })
  expect(session.open).toBe(true)
  expect(await closeIdle()).toEqual({ closed: 1, remaining: 0 })
  expect(session.open).toBe(false)
})

test('a watched session is closed at once where it is idle', async () => {
  expect(await answerOf(route.watch?.(soon))).toEqual({ watched: 1 })
  expect(await closeIdle()).toEqual({ closed: 1, remaining: 0 })
})

test('a watched session whose client has said something since is held, though it is idle again', async () => {
  await answerOf(route.watch?.(soon))
  say()
  expect(answers).toEqual(['ok'])
  expect(await closeIdle()).toEqual({ closed: 0, remaining: 1 })
  say()
  expect(answers).toEqual(['ok'])
  expect(await closeIdle()).toEqual({ closed: 1, remaining: 0 })
  await timeline.pass(20_000)
  expect(universe.named('s1').binlog).toHaveLength(1)
})

test('what a held client says reaches its server when that is announced again', async () => {
  expect(await answerOf(route.hold?.(soon))).toEqual({ held: 1 })
  say()
  expect(answers).toEqual([])
  await lead(3, 's1')
  expect(answers).toEqual(['ok'])
})

test('a session to the old primary is cut as another one is named; a held one stays, until the bound at most', async () => {
  const other: Session = { ...session, peer: 'clients:2' }
  await answerOf(route.hold?.(soon))
  universe.named('s1').sessions.push(other)
  await lead(3, 's2')
  expect([session.open, other.open]).toEqual([true, false])
  await timeline.pass(10_000)
  expect(session.open).toBe(false)
})

test('a held session goes on after the bound where nobody is named', async () => {
  await answerOf(route.hold?.(soon))
  say()
  await timeline.pass(10_000)
  expect([session.open, answers]).toEqual([true, ['ok']])
})
