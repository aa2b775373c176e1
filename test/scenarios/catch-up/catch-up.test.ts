// covers P1 P3
import { expect, test } from 'vitest'
import { setStage, until, words } from '../stage.ts'

const ROWS = 50

test('the only one that may lead has received nothing for a while: it catches up from the most advanced replica before it opens, and nothing acknowledged is lost', async () => {
  await using stage = await setStage({
    shape: '1+3',
    servers: { s2: { promotion: 'never' }, s3: { promotion: 'never' } },
  })
  await stage.watchInside()
  await stage.open()
  const client = await stage.clientSession()
  await client.query('CREATE TABLE app.kept (id INT PRIMARY KEY)')
  const rowsOn = async (id: string) => Number(await stage.ask(id, 'SELECT COUNT(*) FROM app.kept'))
  await until('s4 has the table', async () => (await rowsOn('s4')) === 0)

  // A person's hand: what is acknowledged from now on, the other two have.
  await stage.run('s4', words.stopReceiver)
  for (let id = 1; id <= ROWS; id++) await client.query(`INSERT INTO app.kept VALUES (${id})`)
  expect(await rowsOn('s4'), 's4 received none of it').toBe(0)
  await until('the stopped receiver is seen', async () => {
    return (await stage.shown('s4'))?.sources[0]?.receiver === 'stopped'
  })

  await stage.sandbox.kill('s1')
  // Asked as soon as it takes writes: it must have everything by then, not a moment later.
  await until('s4 is open', async () => (await stage.writable()).includes('s4'), { seen: () => stage.story() })
  expect(await rowsOn('s4'), 'rows that were acknowledged').toBe(ROWS)
  expect(await stage.untilReplaced('s1')).toBe('s4')
  await stage.untilHealthy('s4')

  const recovery = (await stage.recoveries('failover')).find((r) => r.state === 'done')
  const winner = (await stage.shown('s4'))?.id
  const plan = recovery?.plans.find((p) => p.mints !== undefined)
  expect(plan?.mints?.winner).toBe(winner)
  const objections = plan?.ranking?.filter((r) => !r.eligible).map((r) => r.reasons)
  expect(objections).toEqual([['promotion: never'], ['promotion: never']])
  const done = recovery?.steps.filter((s) => s.state === 'done') ?? []
  const startOf = (key: string) => done.find((s) => s.key === key)?.startedAt ?? Number.NaN
  const inOrder = [`catch_up:${winner}`, `reach:${winner}`, `seal_again:${winner}`, `open:${winner}`].map((s) =>
    startOf(`2/${s}`),
  )
  expect(inOrder, done.map((s) => s.key).join(' ')).toEqual(inOrder.toSorted((a, b) => a - b))
  expect(inOrder).not.toContain(Number.NaN)

  const other = await stage.clientSession()
  await other.query(`INSERT INTO app.kept VALUES (${ROWS + 1})`)
  for (const id of ['s2', 's3'])
    await until(`${id} has every row`, async () => (await rowsOn(id)) === ROWS + 1, { seen: () => stage.story() })
})
