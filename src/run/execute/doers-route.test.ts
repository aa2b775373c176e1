// covers P11
import { expect, test } from 'vitest'
import { clusterId, epoch, instant, serverId, wallTime } from '../../model/ids.ts'
import type { Step } from '../../model/step.ts'
import type { Announcer, SessionsClosed } from '../../ports/announcers.ts'
import type { Clock } from '../../ports/clock.ts'
import { closeIdleSessions } from './doers-route.ts'
import type { World } from './world.ts'

const OLD = { host: 'db1', port: 3306 }
const NEW = { host: 'db2', port: 3306 }
const IDLE = '10.0.0.9:40001'
const BUSY = '10.0.0.9:40002'

const clock: Clock = {
  now: () => instant(performance.now()),
  wall: () => wallTime(Date.now()),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, Math.min(ms, 2))),
  deadline: (ms, parent) => {
    const control = new AbortController()
    const timer = setTimeout(() => control.abort(new Error('late')), ms)
    parent?.addEventListener('abort', () => control.abort(parent.reason))
    return { signal: control.signal, [Symbol.dispose]: () => clearTimeout(timer) }
  },
}

/** A route and its old primary, and what was asked of them in which order. */
function stage(leadsTo: typeof OLD | undefined, answers: SessionsClosed[], look: 'answers' | 'hangs' = 'answers') {
  const asked: string[] = []
  const ordinal = { cluster: clusterId('c'), epoch: epoch(2), number: 1 }
  const announcer: Announcer = {
    name: 'proxy',
    can: { hold: true },
    withdraw: () => expect.fail(),
    announce: () => expect.fail(),
    read: async () => ({
      kind: 'known',
      message: leadsTo ? { ...ordinal, kind: 'open', primary: leadsTo } : { ...ordinal, kind: 'withdrawn' },
      sessionsOpen: 2,
    }),
    hold: async () => {
      asked.push('hold')
      return { held: 2 }
    },
    watch: async () => {
      asked.push('watch')
      return { watched: 2 }
    },
    closeIdle: async (peers) => {
      asked.push(`close ${peers.join(' ')}`.trim())
      return answers.shift() ?? { closed: 0, remaining: 1 }
    },
  }
  const idleSessions = async (_address: unknown, signal: AbortSignal) => {
    asked.push('look')
    if (look === 'hangs') await new Promise((resolve) => signal.addEventListener('abort', resolve))
    return look === 'hangs'
      ? []
      : [
          { peer: IDLE, idle: true },
          { peer: BUSY, idle: false },
        ]
  }
  const world = {
    announcers: new Map([['proxy', announcer]]),
    servers: { idleSessions },
    clock,
    addressOf: async () => OLD,
  } as unknown as World
  return { asked, world }
}

const step = (until: 'held' | 'closed'): Step<'close_idle_sessions'> => ({
  kind: 'close_idle_sessions',
  id: 'end:proxy',
  route: 'proxy',
  server: serverId('s1'),
  until,
  after: [],
  deadlineMs: 5000,
  ifItFails: 'go_on',
})
const soon = (): AbortSignal => AbortSignal.timeout(5000)

test('before the opening sessions are noted, looked at, then closed or held: nobody is held for the look', async () => {
  const { asked, world } = stage(undefined, [{ closed: 1, remaining: 1 }])
  expect(await closeIdleSessions(step('held'), world, soon())).toMatchObject({ kind: 'done' })
  expect(asked).toEqual(['watch', 'look', `close ${IDLE}`])
})

test('an old primary that does not say who sleeps delays no opening: all are held', async () => {
  const { asked, world } = stage(undefined, [{ closed: 0, remaining: 2 }], 'hangs')
  const began = performance.now()
  expect(await closeIdleSessions(step('held'), world, soon())).toMatchObject({ kind: 'done' })
  expect(performance.now() - began).toBeLessThan(2000)
  expect(asked).toEqual(['watch', 'look', 'close'])
})

test('a route that does not answer has held nobody', async () => {
  const late = new AbortController()
  const { world } = stage(undefined, [])
  late.abort()
  expect(await closeIdleSessions(step('held'), world, late.signal)).toMatchObject({ kind: 'failed' })
})

test('after the announcement it asks until none is left, and holds nobody of the new primary', async () => {
  const { asked, world } = stage(NEW, [
    { closed: 0, remaining: 2 },
    { closed: 1, remaining: 1 },
    { closed: 1, remaining: 0 },
  ])
  const end = await closeIdleSessions(step('closed'), world, soon())
  expect(end).toMatchObject({ kind: 'done', says: '2 sessions closed between statements' })
  expect(asked).toEqual(Array.from({ length: 3 }, () => ['look', `close ${IDLE}`]).flat())
})

test('where the announcement failed they are held first; a session that is never idle is said to be open', async () => {
  const late = new AbortController()
  const { asked, world } = stage(undefined, [])
  setTimeout(() => late.abort(), 20)
  expect(await closeIdleSessions(step('closed'), world, late.signal)).toMatchObject({ kind: 'failed' })
  expect(asked.slice(0, 3)).toEqual(['hold', 'look', `close ${IDLE}`])
})
