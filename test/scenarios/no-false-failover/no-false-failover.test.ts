// covers W3 W4 W10 W11 W14 W22
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { WatchChild } from '../stage/child.ts'
import { connectionsOfRegent } from '../stage/general-log.ts'
import { Relay } from '../stage/relay.ts'
import { type Stage, setStage, soak, throughout, until, words } from '../stage.ts'

/** A freeze of a minute, shortened with the lease that it outlasts; `make soak` waits the minute. */
const LEASE_MS = 2000

let stage: Stage
let regent: WatchChild
let relay: Relay
let before: Readonly<Record<string, string>>

beforeAll(async () => {
  stage = await setStage({ shape: '1+2', ...(soak ? {} : { lease: `${LEASE_MS}ms` }) })
  const real = stage.sandbox.server('s1').port
  relay = await Relay.to(real)
  regent = await stage.watchBeside({ redirect: { from: real, to: relay.port } })
  await stage.open()
  before = await stage.arrangement()
})
afterAll(async () => {
  await relay?.[Symbol.asyncDispose]()
  await stage?.[Symbol.asyncDispose]()
})

const noFailover = (): boolean => !regent.has('recovery began', { what: 'failover' })

async function backToNormal(): Promise<void> {
  await stage.untilHealthy('s1')
  // A receiver that was started a moment ago shows Connecting first.
  const same = async () => JSON.stringify(await stage.arrangement()) === JSON.stringify(before)
  await until('the arrangement is as it was', same, { seen: async () => JSON.stringify(await stage.arrangement()) })
  expect(noFailover(), regent.text()).toBe(true)
}

test('a dead replica is no dead primary', async () => {
  await stage.sandbox.kill('s2')
  await throughout(2500, 'no failover', noFailover)
  expect((await stage.cluster()).primary).toBe(stage.address('s1'))
  await stage.sandbox.restart('s2')
  await backToNormal()
})

test('trap 1: stopped appliers everywhere are no dead primary', async () => {
  for (const id of stage.replicas) await stage.run(id, words.stopApplier)
  await throughout(2500, 'no failover', noFailover)
  for (const id of stage.replicas) await stage.run(id, words.startApplier)
  await backToNormal()
})

test('receivers stopped everywhere by hand: the bell is rung, nothing is failed over', async () => {
  for (const id of stage.replicas) await stage.run(id, words.stop)
  await until('it is said', () => regent.has('verdict', { verdict: 'all_replicas_stopped' }), {
    seen: () => regent.text(),
  })
  await throughout(2500, 'no failover', noFailover)
  for (const id of stage.replicas) await stage.run(id, words.start)
  await backToNormal()
})

test('all connections of the primary are taken and ours are cut: alive to its replicas, so no failover', async () => {
  const hand = await stage.session('s1')
  const sessions = await Promise.all(Array.from({ length: 20 }, () => stage.session('s1', 'app')))
  const ours = [...(await connectionsOfRegent(stage, 's1'))]
  expect(ours.length).toBeGreaterThan(0)
  // Far more are connected than may be: nobody gets in any more, the place for administrators included.
  await hand.query('SET GLOBAL max_connections = 10')
  try {
    for (const id of ours) await hand.query(`KILL ${id}`)
    await throughout(2500, 'no failover', noFailover)
    const [left] = await hand.query(`SELECT id FROM information_schema.processlist WHERE id IN (${ours.join()})`)
    expect(left, 'ours were cut').toEqual([])
    expect((await stage.cluster()).remedy).not.toBe('fail_over')
  } finally {
    await hand.query('SET GLOBAL max_connections = 60')
    for (const session of sessions) session.destroy()
  }
  await backToNormal()
})

test('the primary refuses our password: alive to its replicas, so no failover', async () => {
  const hand = await stage.session('s1')
  const account = `'${stage.sandbox.users.monitor.user}'@'%'`
  await hand.query('SET SESSION sql_log_bin = 0')
  await hand.query(`ALTER USER ${account} ACCOUNT LOCK`)
  try {
    for (const id of await connectionsOfRegent(stage, 's1')) await hand.query(`KILL ${id}`)
    await until('Regent is turned away', () => regent.has('verdict', { verdict: 'denies_us' }), {
      seen: () => regent.text(),
    })
    await throughout(2500, 'no failover', noFailover)
  } finally {
    await hand.query(`ALTER USER ${account} ACCOUNT UNLOCK`)
  }
  await backToNormal()
})

test('trap 74: only Regent has lost the primary, its replicas hear it: no failover', async () => {
  relay.cut()
  await until('it is said', () => regent.has('verdict', { verdict: 'unreachable_from_here' }), {
    seen: () => regent.text(),
  })
  await throughout(4000, 'no failover', noFailover)
  relay.heal()
  await backToNormal()
})

test('trap 26: a Regent that was frozen longer than its lease does not judge by what it knew before', async () => {
  regent.freeze()
  await new Promise((resolve) => setTimeout(resolve, soak ? 60_000 : 3 * LEASE_MS + 500))
  regent.thaw()
  await throughout(3000, 'no failover', noFailover)
  await backToNormal()
  expect(regent.ended).toBe(false)
})
