// covers W2 P1 P15 F6 T1
import { expect, test } from 'vitest'
import { setStage, until } from '../stage.ts'

test('traps 39, 62: a killed primary is replaced without loss, the cluster keeps its id and its history, and what comes back is read-only and rejoins or is reported', async () => {
  await using stage = await setStage({ shape: '1+3' })
  await stage.watchInside()
  await stage.open()
  const writers = await stage.writers(4, 5)
  const { id: cluster } = await stage.cluster()
  const past = await stage.history()
  expect(past.map((r) => [r.kind, r.cluster])).toEqual([['adopt', cluster]])

  await stage.sandbox.kill('s1')
  const winner = await stage.untilReplaced('s1')
  await until('the writers go on', async () => (await writers.stats()).every((s) => s.sinceLastMs < 500))
  await stage.untilHealthy(winner)
  expect(await writers.longestGapMs()).toBeLessThan(5000)
  expect((await stage.cluster()).id, 'the cluster is the same under another primary').toBe(cluster)
  const now = await stage.history()
  expect(now.slice(-past.length), 'what it went through before').toEqual(past)
  expect(new Set(now.map((r) => r.cluster)), 'one history').toEqual(new Set([cluster]))
  expect(now.some((r) => r.kind === 'failover' && r.state === 'done')).toBe(true)

  await stage.sandbox.restart('s1')
  await until(
    's1 follows the new primary, or its errant transactions are listed',
    async () => {
      const old = await stage.shown('s1')
      const follows = old?.sources[0]?.from === stage.address(winner) && old.sources[0]?.receiver === 'running'
      return follows || (old?.findings.some((f) => f.finding === 'errant_transactions') ?? false)
    },
    { seen: () => stage.story() },
  )
  expect(await stage.writable()).toEqual([winner])

  const verdict = await stage.verify(writers, winner)
  expect(verdict).toMatchObject({ lost: 0, contradicted: 0 })

  // A second death soon after is not recovered by itself; a person can.
  await stage.sandbox.kill(winner)
  await until('the second failover is denied', () =>
    stage.happened('refused').some((r) => r.reasons.some((reason) => reason.code === 'anti_flapping')),
  )
  expect(await stage.writable()).toEqual([])
  const end = await stage.command({ verb: 'failover', by: 'a person', reason: 'the second server died as well' })
  expect(end, JSON.stringify(end)).toMatchObject({ kind: 'done' })
  const third = await stage.untilReplaced(winner)
  expect(await stage.writable()).toEqual([third])
})
