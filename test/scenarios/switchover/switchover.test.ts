// covers P11 P6 T1
import { expect, test } from 'vitest'
import { setStage, until, words } from '../stage.ts'

test('trap 81: a switchover under load loses nothing, answers every statement, and closes each session at most once', async () => {
  await using stage = await setStage({ shape: '1+2' })
  await stage.watchInside()
  await stage.open()
  const writers = await stage.writers(4, 5)
  const end = await stage.command({ verb: 'switchover', by: 'a person', reason: 'maintenance' })
  expect(end, `${JSON.stringify(end)}\n${await stage.story()}`).toMatchObject({ kind: 'done' })
  const winner = await stage.untilReplaced('s1')
  await until('writes are acknowledged again', async () => (await writers.stats()).every((s) => s.sinceLastMs < 500))
  await stage.untilHealthy(winner)
  expect(await stage.writable()).toEqual([winner])

  const stats = await writers.stats()
  for (const { errors } of stats) {
    const cuts = Object.entries(errors).reduce((sum, [, count]) => sum + count, 0)
    expect(cuts, JSON.stringify(errors)).toBeLessThanOrEqual(2)
  }
  expect(stats.reduce((sum, s) => sum + s.unanswered, 0)).toBe(0)
  expect(await stage.verify(writers, winner)).toMatchObject({ lost: 0, contradicted: 0 })
})

test('traps 8, 9: a long UPDATE holds the closing beyond its bound: all is undone, the old primary serves again', async () => {
  await using stage = await setStage({ shape: '1+2', policy: { switchover_bound: '2s' } })
  await stage.watchInside()
  await stage.open()
  await stage.run(
    's1',
    'CREATE TABLE app.slow (id INT PRIMARY KEY, v INT)',
    'INSERT INTO app.slow VALUES (1, 1), (2, 2)',
  )
  const writers = await stage.writers(2, 5)
  const before = await stage.arrangement()
  const client = await stage.session('s1', 'app')
  const update = client.query('UPDATE app.slow SET v = v + SLEEP(4)').catch(() => undefined)
  await until(
    'the UPDATE runs',
    async () =>
      (await stage.ask(
        's1',
        "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'UPDATE app.slow%'",
      )) !== '0',
  )

  const end = await stage.command({ verb: 'switchover', by: 'a person' })
  expect(end, `${JSON.stringify(end)}\n${await stage.story()}`).toMatchObject({ kind: 'refused', undone: true })
  await update
  await until('writes are acknowledged again', async () => (await writers.stats()).every((s) => s.sinceLastMs < 500))
  await stage.untilHealthy('s1')
  expect(await stage.arrangement()).toEqual(before)
  expect(await stage.ask('s2', words.sourceSide)).toBe('0')
  expect(await stage.verify(writers, 's1')).toMatchObject({ lost: 0, contradicted: 0 })
})
