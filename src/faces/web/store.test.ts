import { expect, test } from 'vitest'
import { aCluster, aRecovery, aServer } from '../../../test/made-up.ts'
import { Store } from './store.ts'

const shop = (store: Store) => store.state().clusters.get('shop')

test('a server of which nothing that is shown changed keeps its identity, so that its node does not render again', () => {
  const store = new Store()
  store.take({ kind: 'cluster', cluster: aCluster() })
  const [db1, db2] = shop(store)?.servers ?? []
  const next = aCluster({
    servers: [aServer('db1:3306', { role: 'primary', lookAgeMs: 400 }), aServer('db2:3306', { lagMs: 7 })],
  })
  store.take({ kind: 'cluster', cluster: next })
  expect(shop(store)?.servers[0]).toBe(db1)
  expect(shop(store)?.servers[1]).not.toBe(db2)
})

test('a history that was read before a recovery ended does not open it again', () => {
  const store = new Store()
  store.take({ kind: 'recovery', recovery: aRecovery({ endedAt: 5 }) })
  store.history([aRecovery({ state: 'act2' })])
  expect(store.state().recoveries).toEqual([aRecovery({ endedAt: 5 })])
})

test('recoveries stand newest first, each once', () => {
  const store = new Store()
  store.history([aRecovery({ id: 'old', startedAt: 1 }), aRecovery({ id: 'new', startedAt: 9 })])
  store.take({ kind: 'recovery', recovery: aRecovery({ id: 'new', startedAt: 9, state: 'failed' }) })
  expect(store.state().recoveries.map((r) => `${r.id} ${r.state}`)).toEqual(['new failed', 'old done'])
})

const writes = (store: Store, longestGapMs: number, lastAckAgoMs: number): void =>
  store.take({ kind: 'writer', acknowledged: 1, unanswered: 0, longestGapMs, lastAckAgoMs })

test('a pause is felt by the recovery during which it stood, not by one that was over before', () => {
  const store = new Store()
  const now = Date.now()
  store.take({ kind: 'recovery', recovery: aRecovery({ id: 'over', startedAt: now - 9000, endedAt: now - 8900 }) })
  store.take({ kind: 'recovery', recovery: aRecovery({ id: 'now', startedAt: now - 150, endedAt: now - 50 }) })
  writes(store, 20, 5)
  writes(store, 180, 40)
  expect([...store.state().felt]).toEqual([['now', 180]])
})

test('a pause after a recovery belongs to nothing', () => {
  const store = new Store()
  const now = Date.now()
  store.take({ kind: 'recovery', recovery: aRecovery({ startedAt: now - 9000, endedAt: now - 8900 }) })
  writes(store, 20, 5)
  writes(store, 2000, 40)
  expect([...store.state().felt]).toEqual([])
})
