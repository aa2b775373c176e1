import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { aCluster } from '../../../test/made-up.ts'
import { clusterId, recoveryId, serverId, wallTime } from '../../model/ids.ts'
import type { Plan } from '../../model/plan.ts'
import type { Step } from '../../model/step.ts'
import type { DaemonEvent, DaemonListener, RecoveryRecord } from '../../run/daemon/index.ts'
import type { EventJson } from './contract.ts'
import { EventFeed } from './events.ts'

const cluster = clusterId('c-1')
const id = recoveryId('r-1')
const subject = serverId('s1')
const at = wallTime(1000)

const sealing: Step = {
  kind: 'seal',
  server: serverId('s2'),
  channel: '',
  killAfterMs: 100,
  id: 'seal:s2',
  after: [],
  deadlineMs: 1000,
  ifItFails: 'stop',
}
const aPlan = (act: 1 | 2): Plan => ({
  version: 1,
  recovery: id,
  cluster,
  kind: 'failover',
  act,
  subject,
  steps: [sealing],
  ranking: [],
  risks: [],
  fence: { demand: { atLeast: 'none', alsoRoutes: false }, because: '' },
  because: '',
})
const aRecord = (more: Partial<RecoveryRecord> = {}): RecoveryRecord => ({
  id,
  cluster,
  kind: 'failover',
  subject,
  state: 'act1',
  automatic: true,
  startedAt: at,
  because: 'dead',
  plans: [aPlan(1)],
  steps: [],
  events: [],
  refusals: [],
  ...more,
})

/** One cluster whose parts are plain values; counts what is asked of it. */
function world() {
  const listeners = new Set<DaemonListener>()
  const counts = { built: 0, routesRead: 0, journalRead: 0 }
  const state = { sentence: 'one', record: aRecord() }
  const feed = new EventFeed({
    listen: (listener) => {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    cluster: (wanted) =>
      wanted === cluster
        ? {
            json: () => {
              counts.built++
              return aCluster({ sentence: state.sentence, at: Date.now() })
            },
            readRoutes: async () => {
              counts.routesRead++
              return new Map()
            },
            read: async () => {
              counts.journalRead++
              return state.record
            },
            names: () => ({ s2: 'db2:3306' }),
          }
        : undefined,
  })
  const tell = (event: DaemonEvent): void => {
    for (const listener of listeners) listener(event)
  }
  return { feed, tell, counts, state, listeners }
}

/** Only that there was a cycle counts: what was seen is read from the cluster itself. */
const cycle = (): DaemonEvent => {
  const diagnosis = {
    primary: { verdict: 'healthy', row: 'healthy', because: '', remedy: 'none', targets: [], evidence: [] },
    replicas: [],
  } as const
  const topology = { cluster, alias: 'shop', at: 0, members: [], strangers: [], edges: [] }
  return { kind: 'cycle', cluster, at, sentence: '', diagnosis, topology: topology as never }
}

const clustersIn = (heard: readonly EventJson[]) => heard.flatMap((e) => (e.kind === 'cluster' ? [e.cluster] : []))
const recoveriesIn = (heard: readonly EventJson[]) => heard.flatMap((e) => (e.kind === 'recovery' ? [e.recovery] : []))

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

test('while nobody listens the daemon is not listened to either', () => {
  const { feed, listeners, tell, counts } = world()
  const heard = feed.subscribe(() => undefined)
  heard[Symbol.dispose]()
  expect(listeners.size).toBe(0)
  tell(cycle())
  expect(counts).toEqual({ built: 0, routesRead: 0, journalRead: 0 })
})

test('a cluster that changes all the time is told at most five times a second, the last state always', async () => {
  const { feed, tell, state } = world()
  const heard: EventJson[] = []
  feed.subscribe((event) => heard.push(event))
  for (let i = 0; i < 100; i++) {
    state.sentence = `state ${i}`
    tell(cycle())
    await vi.advanceTimersByTimeAsync(10)
  }
  await vi.advanceTimersByTimeAsync(200)
  const told = clustersIn(heard)
  expect(told.length).toBeGreaterThanOrEqual(5)
  expect(told.length).toBeLessThanOrEqual(7)
  expect(told.at(-1)?.sentence).toBe('state 99')
})

test('a cluster in which only ages move is told once a second', async () => {
  const { feed, tell } = world()
  const heard: EventJson[] = []
  feed.subscribe((event) => heard.push(event))
  for (let i = 0; i < 50; i++) {
    tell(cycle())
    await vi.advanceTimersByTimeAsync(100)
  }
  expect(clustersIn(heard).length).toBeGreaterThanOrEqual(5)
  expect(clustersIn(heard).length).toBeLessThanOrEqual(6)
})

test('a change is told within a fifth of a second, however quiet it was before', async () => {
  const { feed, tell, state } = world()
  const heard: EventJson[] = []
  feed.subscribe((event) => heard.push(event))
  for (let i = 0; i < 13; i++) {
    tell(cycle())
    await vi.advanceTimersByTimeAsync(100)
  }
  state.sentence = 'it is dead'
  tell(cycle())
  await vi.advanceTimersByTimeAsync(200)
  expect(clustersIn(heard).at(-1)?.sentence).toBe('it is dead')
})

test('nothing is told of routes before they were read', async () => {
  const { feed, tell } = world()
  const heard: EventJson[] = []
  feed.subscribe((event) => heard.push(event))
  tell(cycle())
  expect(heard).toEqual([])
  await vi.advanceTimersByTimeAsync(0)
  expect(clustersIn(heard)).toHaveLength(1)
})

test('routes are read at most once a second', async () => {
  const { feed, tell, counts } = world()
  feed.subscribe(() => undefined)
  for (let i = 0; i < 30; i++) {
    tell(cycle())
    await vi.advanceTimersByTimeAsync(100)
  }
  expect(counts.routesRead).toBe(3)
})

test('after the last listener left no timer speaks any more', async () => {
  const { feed, tell, counts } = world()
  const listening = feed.subscribe(() => undefined)
  tell(cycle())
  await vi.advanceTimersByTimeAsync(10)
  tell(cycle())
  const before = counts.built
  listening[Symbol.dispose]()
  await vi.advanceTimersByTimeAsync(5000)
  expect(counts.built).toBe(before)
})

test('a recovery is told with names, its steps as they run, and at its end as the journal has it', async () => {
  const { feed, tell, state, counts } = world()
  const heard: EventJson[] = []
  feed.subscribe((event) => heard.push(event))
  tell({ kind: 'recovery_began', cluster, at, id, what: 'failover', because: 'dead' })
  tell({ kind: 'plan', cluster, at, id, plan: aPlan(1) })
  tell({ kind: 'step', cluster, at: wallTime(1500), id, event: { act: 1, step: sealing, state: 'started' } })
  await vi.advanceTimersByTimeAsync(60)
  expect(recoveriesIn(heard).at(-1)?.steps).toEqual([
    { key: '1/seal:s2', line: 'seal db2:3306', state: 'started', startedAt: 1500 },
  ])
  const outcome = { kind: 'done', says: 'sealed' } as const
  tell({
    kind: 'step',
    cluster,
    at: wallTime(1520),
    id,
    event: { act: 1, step: sealing, state: 'ended', outcome, tookMs: 20 },
  })
  tell({ kind: 'plan', cluster, at, id, plan: aPlan(2) })
  await vi.advanceTimersByTimeAsync(60)
  expect(recoveriesIn(heard).at(-1)).toMatchObject({
    state: 'act2',
    steps: [{ key: '1/seal:s2', state: 'done', tookMs: 20, startedAt: 1500, says: 'sealed' }],
  })
  expect(counts.journalRead).toBe(1)
  state.record = aRecord({ state: 'done', endedAt: wallTime(1600), events: [{ at, says: 'all well' }] })
  tell({ kind: 'recovery_ended', cluster, at: wallTime(1600), id, state: 'done', says: '' })
  await vi.advanceTimersByTimeAsync(0)
  expect(recoveriesIn(heard).at(-1)).toMatchObject({ state: 'done', endedAt: 1600, events: [{ says: 'all well' }] })
  expect(counts.journalRead).toBe(2)
})

test('a step that is undone is told under the key that the journal gives it', async () => {
  const { feed, tell } = world()
  const heard: EventJson[] = []
  feed.subscribe((event) => heard.push(event))
  const unseal: Step = { ...sealing, id: 'undo:seal:s2' }
  tell({ kind: 'step', cluster, at, id, event: { act: 1, step: unseal, state: 'started' } })
  await vi.advanceTimersByTimeAsync(60)
  expect(
    recoveriesIn(heard)
      .at(-1)
      ?.steps.map((s) => s.key),
  ).toEqual(['undo/seal:s2'])
})

test('refusals and troubles pass as they are', () => {
  const { feed, tell } = world()
  const heard: EventJson[] = []
  feed.subscribe((event) => heard.push(event))
  const refused: DaemonEvent = { kind: 'refused', cluster, at, what: 'failover', reasons: [] }
  tell(refused)
  tell({ kind: 'trouble', cluster, at, says: 'x' })
  expect(heard).toEqual([refused, { kind: 'trouble', cluster, at, says: 'x' }])
})

test('a question, and its answer, are told with the cluster although no cycle runs while it is open', async () => {
  const { feed, tell, state } = world()
  const heard: EventJson[] = []
  using _ = feed.subscribe((event) => void heard.push(event))
  tell(cycle())
  await vi.advanceTimersByTimeAsync(1500)
  const before = clustersIn(heard).length
  state.sentence = 'asked'
  tell({ kind: 'question', cluster, at, id, plan: aPlan(2), differs: [] })
  await vi.advanceTimersByTimeAsync(300)
  expect(clustersIn(heard).length).toBeGreaterThan(before)
  expect(clustersIn(heard).at(-1)).toMatchObject({ sentence: 'asked' })
  state.sentence = 'answered'
  tell({ kind: 'answered', cluster, at, id, answer: 'no' })
  await vi.advanceTimersByTimeAsync(300)
  expect(clustersIn(heard).at(-1)).toMatchObject({ sentence: 'answered' })
  expect(recoveriesIn(heard)).toEqual([])
})

test('people are told of servers by their addresses', () => {
  const { feed, tell } = world()
  const heard: EventJson[] = []
  using _ = feed.subscribe((event) => void heard.push(event))
  tell({ kind: 'trouble', cluster, at, says: 's2 hangs' })
  const reasons = [{ code: 'x', says: 's2 is late', tryThis: 'regent rejoin s2' }]
  tell({ kind: 'refused', cluster, at, what: 'failover', reasons })
  expect(heard).toMatchObject([
    { says: 'db2:3306 hangs' },
    { reasons: [{ says: 'db2:3306 is late', tryThis: 'regent rejoin db2:3306' }] },
  ])
})
