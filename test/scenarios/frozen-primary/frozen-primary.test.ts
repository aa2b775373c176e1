// covers W6 F1 F5 T9
import { expect, test } from 'vitest'
import { setStage, throughout, until } from '../stage.ts'

test('trap 57: a primary that falls silent is replaced once its routes are withdrawn; thawed, it is fenced and nothing acknowledged is lost', async () => {
  await using stage = await setStage({ shape: '1+2' })
  await stage.watchInside()
  await stage.open()
  const writers = await stage.writers(4, 5)

  const from = performance.now()
  await stage.sandbox.freeze('s1')
  const winner = await stage.untilReplaced('s1')
  await until('writes are acknowledged again', async () => (await writers.stats()).every((s) => s.sinceLastMs < 500))
  expect(performance.now() - from).toBeLessThan(10_000)

  await stage.sandbox.thaw('s1')
  await until('the thawed one takes no writes', async () => (await stage.writable()).join() === winner, {
    seen: () => stage.story(),
  })
  // Between its thaw and its fencing it is writable, and nobody is led there: all that the level `routes` promises.
  for (const { servers } of stage.expectOverlaps()) expect([...servers].sort()).toEqual(['s1', winner].sort())
  await until(
    'it follows again, or its errant transactions are reported',
    async () => {
      const old = await stage.shown('s1')
      return (
        old?.sources[0]?.from === stage.address(winner) ||
        (old?.findings.some((f) => f.finding === 'errant_transactions') ?? false)
      )
    },
    { seen: () => stage.story() },
  )
  expect(await stage.verify(writers, winner)).toMatchObject({ lost: 0, contradicted: 0 })
})

test('a silent primary without any route is not replaced: the refusal names its reasons, and nothing is changed', async () => {
  await using stage = await setStage({ shape: '1+2', routes: 'none' })
  await stage.watchInside()
  await stage.open()
  const before = await stage.arrangement()

  await stage.sandbox.freeze('s1')
  await until('the failover is refused', () => stage.happened('refused').length > 0, { seen: () => stage.story() })
  const reasons = stage.happened('refused').flatMap((r) => r.reasons)
  expect(reasons.map((r) => r.code)).toContain('fence_not_provable')
  for (const reason of reasons) expect(reason.tryThis).toMatch(/regent|route|policy/)
  await throughout(1000, 'still no failover', async () => (await stage.recoveries('failover')).length === 0)

  await stage.sandbox.thaw('s1')
  await stage.untilHealthy('s1')
  expect(await stage.arrangement()).toEqual(before)
})
