// covers W10 W11 P1
import { expect, test } from 'vitest'
import { setStage, throughout, until, words } from '../stage.ts'

const BACKLOG_MS = 5000

test('traps 1, 2, 3, 53, 55, 56: stopped appliers are no dead primary; what they received is applied, not thrown away, when it does die', async () => {
  await using stage = await setStage({ shape: '1+2' })
  await stage.watchInside()
  await stage.open()
  const writers = await stage.writers(4, 5)
  for (const id of stage.replicas) await stage.run(id, words.stopApplier)

  const before = await writers.acknowledged()
  await throughout(
    BACKLOG_MS,
    'no failover while the primary lives',
    () => stage.happened('recovery_began').filter((r) => r.what === 'failover').length === 0,
  )
  expect(await stage.primary()).toBe('s1')
  const after = await writers.acknowledged()
  expect(after - before, 'writers go on: receivers acknowledge').toBeGreaterThan(200)
  for (const id of stage.replicas)
    expect(Number(await stage.ask(id, 'SELECT COUNT(*) FROM app.writes')), `${id} has a backlog`).toBeLessThan(after)

  await stage.sandbox.kill('s1')
  const winner = await stage.untilReplaced('s1', 60_000)
  await until('writes are acknowledged again', async () => (await writers.stats()).every((s) => s.sinceLastMs < 500))
  await stage.untilHealthy(winner)
  expect(await stage.verify(writers, winner)).toMatchObject({ lost: 0, contradicted: 0 })
  expect(await stage.writable()).toEqual([winner])
})
