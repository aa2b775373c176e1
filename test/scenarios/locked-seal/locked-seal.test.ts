// covers P1 F1 F4
import { expect, test } from 'vitest'
import { setStage, until, words } from '../stage.ts'

test('trap 76: a seal behind a waiting STOP of a locked applier still ends in time, and nothing acknowledged is lost', async () => {
  await using stage = await setStage({ shape: '1+2' })
  await stage.watchInside()
  await stage.open()
  const writers = await stage.writers(4, 5)
  const locker = await stage.session('s2')
  await locker.query('LOCK TABLES app.writes READ')
  const from = performance.now()
  await until('the lock has held the applier for seconds', () => performance.now() - from > 2500)
  const stopper = await stage.session('s2')
  const stopping = stopper.query(words.stopApplier).catch(() => undefined)
  await until('the STOP waits', async () => {
    const sql = "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'STOP%'"
    return (await stage.ask('s2', sql)) !== '0'
  })

  // Nothing is on its way when the primary dies: else s2 alone may have received the last write, and rightly leads, locked or not.
  const pauser = await stage.session('s1')
  await pauser.query('FLUSH TABLES WITH READ LOCK')
  const pausedAt = performance.now()
  await until('both replicas have received everything', () => performance.now() - pausedAt > 700)
  const killedAt = performance.now()
  await stage.sandbox.kill('s1')
  await until('s3 is open', async () => (await stage.writable()).join() === 's3', { seen: () => stage.story() })
  await until('writes are acknowledged', async () => (await writers.stats()).every((s) => s.sinceLastMs < 500), {
    seen: async () => `${JSON.stringify(await writers.stats())}\n${await stage.story()}`,
  })
  expect(performance.now() - killedAt).toBeLessThan(12_000)

  await locker.query('UNLOCK TABLES')
  await stopping
  const winner = await stage.untilReplaced('s1')
  await until(
    's2 follows the new primary',
    async () => (await stage.shown('s2'))?.sources[0]?.from === stage.address('s3'),
    { seen: () => stage.story() },
  )
  expect(await stage.verify(writers, winner)).toMatchObject({ lost: 0, contradicted: 0 })
})

test('traps 59, 60, 86: a living primary whose commits wait is closed: clients first, then semi-sync, then read-only, both read back', async () => {
  await using stage = await setStage({ shape: '1+2' })
  await stage.watchInside()
  await stage.open()
  const writers = await stage.writers(4, 5)
  // Clients that found a way beside the proxy: only a KILL on the server ends them.
  const beside = await Promise.all([stage.session('s1', 'app'), stage.session('s1', 'app')])
  await stage.run('s1', 'CREATE TABLE app.side (id INT AUTO_INCREMENT PRIMARY KEY)')
  let told = 0
  const busy = beside.map(async (session) => {
    for (;;) {
      await session.query('INSERT INTO app.side VALUES ()')
      told += 1
    }
  })
  const ends = Promise.allSettled(busy)

  const end = await stage.command({ verb: 'failover', by: 'a person', reason: 'the host must go', fence: 'readonly' })
  expect(end, `${JSON.stringify(end)}\n${await stage.story()}`).toMatchObject({ kind: 'done' })
  const winner = await stage.untilReplaced('s1')
  await ends
  expect(await stage.writable()).toEqual([winner])
  expect(await stage.ask('s1', words.sourceSide)).toBe('0')
  await until('writes are acknowledged', async () => (await writers.stats()).every((s) => s.sinceLastMs < 500))
  expect(Number(await stage.ask(winner, 'SELECT COUNT(*) FROM app.side'))).toBeGreaterThanOrEqual(told)
  expect(await stage.verify(writers, winner)).toMatchObject({ lost: 0, contradicted: 0 })
})
