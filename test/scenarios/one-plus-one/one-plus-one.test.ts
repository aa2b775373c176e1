// covers P1 W20
import { expect, test } from 'vitest'
import { setStage, until, words } from '../stage.ts'

test('traps 31, 58: with one replica the survivor opens without waiting for acknowledgements, and that is said before and after', async () => {
  await using stage = await setStage({ shape: '1+1' })
  await stage.watchInside()
  await stage.open()
  expect(await stage.ask('s1', words.sourceSide)).toBe('1')
  const writers = await stage.writers(2, 5)

  await stage.sandbox.kill('s1')
  const winner = await stage.untilReplaced('s1')
  expect(winner).toBe('s2')
  await until('writes are acknowledged', async () => (await writers.stats()).every((s) => s.sinceLastMs < 500))
  expect(await stage.ask('s2', words.sourceSide)).toBe('0')
  const risks = stage.happened('plan').flatMap((e) => e.plan.risks)
  expect(risks.map((r) => r.code)).toContain('fewer_ackers')
  expect(await stage.verify(writers, 's2')).toMatchObject({ lost: 0, contradicted: 0 })
})

test('trap 31: where policy says `ackers: refuse` nothing is changed', async () => {
  await using stage = await setStage({ shape: '1+1', policy: { ackers: 'refuse' } })
  await stage.watchInside()
  await stage.open()
  await stage.sandbox.kill('s1')
  await until('the failover is refused', () => stage.happened('refused').length > 0, { seen: () => stage.story() })
  expect(stage.happened('refused').flatMap((r) => r.reasons.map((x) => x.code))).toContain('too_few_ackers')
  expect(await stage.writable()).toEqual([])

  await stage.sandbox.restart('s1')
  await stage.untilHealthy('s1')
})

test('trap 31: once its acker is back the survivor waits for acknowledgements again, as its reign wants it', async () => {
  await using stage = await setStage({ shape: '1+1' })
  await stage.watchInside()
  await stage.open()
  // Nobody writes: the killed server has nothing that was not received, and may follow again by itself.
  await stage.sandbox.kill('s1')
  const winner = await stage.untilReplaced('s1')
  expect(await stage.ask(winner, words.sourceSide)).toBe('0')
  await stage.sandbox.restart('s1')
  await until('the source side is on again', async () => (await stage.ask(winner, words.sourceSide)) === '1', {
    withinMs: 30_000,
    seen: () => stage.story(),
  })
  await stage.untilHealthy(winner)
  expect(await stage.ask('s1', words.sourceSide)).toBe('0')
  const writers = await stage.writers(2, 5)
  expect(await stage.verify(writers, winner)).toMatchObject({ lost: 0, contradicted: 0 })
  const raised = (await stage.recoveries('raise_ackers')).map((r) => r.state)
  expect(raised).toEqual(['done'])
})

test('trap 3: with one replica as well, what it received while its applier was stopped is applied, not thrown away', async () => {
  await using stage = await setStage({ shape: '1+1' })
  await stage.watchInside()
  await stage.open()
  const writers = await stage.writers(4, 5)
  await stage.run('s2', words.stopApplier)
  const before = await writers.acknowledged()
  await until('200 more writes are acknowledged', async () => (await writers.acknowledged()) >= before + 200)
  const applied = Number(await stage.ask('s2', 'SELECT COUNT(*) FROM app.writes'))
  expect((await writers.acknowledged()) - applied, 's2 has a backlog').toBeGreaterThanOrEqual(200)
  expect(stage.happened('recovery_began').filter((r) => r.what === 'failover')).toEqual([])

  await stage.sandbox.kill('s1')
  expect(await stage.untilReplaced('s1', 60_000)).toBe('s2')
  await until('writes are acknowledged', async () => (await writers.stats()).every((s) => s.sinceLastMs < 500))
  expect(await stage.writable()).toEqual(['s2'])
  expect(await stage.verify(writers, 's2')).toMatchObject({ lost: 0, contradicted: 0 })
})
