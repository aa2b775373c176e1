// covers P11 P6 T1
import { expect, test } from 'vitest'
import type { SqlConnection } from '../../../src/lab/sandbox/index.ts'
import { setStage, until, words } from '../stage.ts'
import { stayUntilClosed } from './stayer.ts'

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
  for (const { errors, unanswered } of stats) {
    // A writer leaves by itself at its first error: one refusal by the closed primary, or one closing while it was silent.
    const seen = Object.entries(errors)
    expect(seen.filter(([code]) => code !== '1290')).toEqual([])
    expect(seen.reduce((sum, [, count]) => sum + count, 0)).toBeLessThanOrEqual(1)
    expect(unanswered).toBe(0)
  }
  expect(await stage.verify(writers, winner)).toMatchObject({ lost: 0, contradicted: 0 })
})

test('trap 81: clients that stay on their connection get whole answers or 1290 until it is closed, once; a long SELECT gets its rows', async () => {
  await using stage = await setStage({ shape: '1+2' })
  await stage.watchInside()
  await stage.open()
  const writers = await stage.writers(1, 5)
  const [idle, reader, ...busy] = await Promise.all(Array.from({ length: 8 }, () => stage.clientSession()))
  if (!idle || !reader) throw new Error('no clients')
  const closedAt = async (connection: SqlConnection): Promise<number> =>
    new Promise((resolve) => void connection.once('end', () => resolve(performance.now())))
  await idle.query('SELECT 1')
  const idleEnded = closedAt(idle)
  const stayed = Promise.all(busy.map((connection, i) => stayUntilClosed(connection, `stayer ${i}`, 2 + 3 * i)))
  const readerEnded = closedAt(reader)
  const holder = await stage.session('s1', 'app')
  await holder.query("SELECT GET_LOCK('the answer', 0)")
  const rows = reader.query("SELECT 'whole' AS answer, GET_LOCK('the answer', 8) AS got")
  const rowsAt = rows.then(() => performance.now())
  await until(
    'the long SELECT runs',
    async () =>
      (await stage.ask(
        's1',
        "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT ''whole''%'",
      )) !== '0',
  )
  // Its answer is over only when the idle client was moved, and the next client is served by the new primary.
  const released = idleEnded
    .then(() => stage.clientSession())
    .then(() => holder.query("SELECT RELEASE_LOCK('the answer')"))

  const end = await stage.command({ verb: 'switchover', by: 'a person', reason: 'maintenance' })
  expect(end, `${JSON.stringify(end)}\n${await stage.story()}`).toMatchObject({ kind: 'done' })
  const winner = await stage.untilReplaced('s1')
  for (const { answers, errors, unanswered } of await stayed) {
    expect(answers).toBeGreaterThan(0)
    expect([...errors.keys()].filter((code) => code !== '1290')).toEqual([])
    expect(unanswered, await stage.story()).toEqual([])
  }
  await released
  expect((await rows)[0]).toMatchObject([{ answer: 'whole', got: 1 }])
  expect(await readerEnded).toBeGreaterThanOrEqual(await rowsAt)
  await stage.untilHealthy(winner)
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
