// covers P1
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Stage, setStage, soak, until, within } from '../stage.ts'

const MB = 1_000_000
const ROWS = soak ? 200 : 40

function relayBytes(stage: Stage, id: string): number {
  const { dataDir } = stage.sandbox.server(id)
  const names = readdirSync(dataDir).filter((name) => /^relay\.\d+$/.test(name))
  return names.reduce((sum, name) => sum + statSync(join(dataDir, name)).size, 0)
}

test('trap 80: a transaction half received at the death of the primary leaves no lock behind on the new one', async () => {
  await using stage = await setStage({ shape: '1+2' })
  await stage.watchInside()
  await stage.open()
  await stage.run(
    's1',
    'CREATE TABLE app.hot (id INT PRIMARY KEY, v INT)',
    'INSERT INTO app.hot VALUES (1, 0), (2, 0)',
    'CREATE TABLE app.big (id INT AUTO_INCREMENT PRIMARY KEY, v LONGBLOB)',
  )
  const big = await stage.session('s1')
  await big.query('BEGIN')
  await big.query('UPDATE app.hot SET v = 1')
  for (let row = 0; row < ROWS; row++) await big.query(`INSERT INTO app.big (v) VALUES (REPEAT('x', ${MB}))`)
  await until('all is applied so far', async () => (await stage.ask('s3', 'SELECT COUNT(*) FROM app.hot')) === '2')
  const before = new Map(stage.replicas.map((id) => [id, relayBytes(stage, id)]))
  const grown = (id: string): number => relayBytes(stage, id) - (before.get(id) ?? 0)

  const commit = big.query('COMMIT').catch(() => undefined)
  while (!stage.replicas.some((id) => grown(id) > 4 * MB)) await new Promise((resolve) => setImmediate(resolve))
  await stage.sandbox.kill('s1')
  await commit
  const received = stage.replicas.map(grown)
  console.log(`received of ${ROWS} MB: ${received.map((bytes) => (bytes / MB).toFixed(1)).join(', ')}`)
  for (const bytes of received) expect(bytes, 'the kill came before the end of the transaction').toBeLessThan(ROWS * MB)

  const winner = await stage.untilReplaced('s1')
  const client = await stage.clientSession()
  await within(5000, 'the rows are free on the new primary', client.query('UPDATE app.hot SET v = v + 10'))
  expect(await stage.ask(winner, 'SELECT SUM(v) FROM app.hot')).toBe('20')
  expect(await stage.ask(winner, 'SELECT COUNT(*) FROM app.big')).toBe('0')
  await stage.untilHealthy(winner)
})
