// covers P11 F1 F2 F6
import mysql from 'mysql2/promise'
import { expect, test } from 'vitest'
import { startWriter, type Writer } from '../../../src/lab/sandbox/index.ts'
import { flavour, type Stage, setStage, until } from '../stage.ts'

/** An account that MariaDB's read_only does not hold; super_read_only of MySQL holds it as every other. */
const PRIVILEGED = { user: 'boss', password: 'boss' }

async function stageWithBoss(): Promise<Stage> {
  const stage = await setStage({ shape: '1+2' })
  await stage.watchInside()
  await stage.open()
  const name = `'${PRIVILEGED.user}'@'%'`
  await stage.run(
    's1',
    `CREATE USER ${name} IDENTIFIED BY '${PRIVILEGED.password}'`,
    `GRANT ALL PRIVILEGES ON *.* TO ${name}`,
  )
  return stage
}

const writerAt = (at: { readonly host: string; readonly port: number }, name: string): Promise<Writer> =>
  startWriter({ host: at.host, port: at.port, ...PRIVILEGED, everyMs: 5, name, readyWithinMs: 30_000 })

async function verified(stage: Stage, writer: Writer, id: string) {
  await writer.stop(3000)
  const { host, port } = stage.sandbox.server(id)
  const connection = await mysql.createConnection({ host, port, ...stage.sandbox.users.admin })
  try {
    return await writer.verify(connection)
  } finally {
    connection.destroy()
  }
}

const writesAgain = (writer: Writer) => until('writes are acknowledged again', () => writer.stats().sinceLastMs < 500)

test('trap 35: a privileged client of a route is moved by a switchover, and none of its acknowledged writes stays behind', async () => {
  await using stage = await stageWithBoss()
  const writer = await writerAt(stage.proxy, 'routed')
  const pooled = await stage.session('s1')
  await pooled.query('SELECT 1')
  const end = await stage.command({ verb: 'switchover', by: 'a person' })
  expect(end, `${JSON.stringify(end)}\n${await stage.story()}`).toMatchObject({ kind: 'done' })
  const winner = await stage.untilReplaced('s1')
  await writesAgain(writer)
  await stage.untilHealthy(winner)
  // A connection that such an account had open from before does not lead past read-only any more.
  await expect(pooled.query('CREATE DATABASE astray')).rejects.toThrow()
  expect(await verified(stage, writer, winner)).toMatchObject({ lost: [], contradicted: [] })
  expect((await stage.shown('s1'))?.findings).toEqual([])
})

test('trap 35: a privileged client that goes on writing directly to the old primary is held, or the switchover names it and is taken back', async () => {
  await using stage = await stageWithBoss()
  const writer = await writerAt(stage.sandbox.server('s1'), 'direct')
  const before = await stage.arrangement()
  const end = await stage.command({ verb: 'switchover', by: 'a person' })
  if (flavour === 'mysql') {
    expect(end, `${JSON.stringify(end)}\n${await stage.story()}`).toMatchObject({ kind: 'done' })
    await stage.untilHealthy(await stage.untilReplaced('s1'))
  } else {
    expect(end, `${JSON.stringify(end)}\n${await stage.story()}`).toMatchObject({ kind: 'refused', undone: true })
    expect(JSON.stringify(end)).toContain(PRIVILEGED.user)
    await writesAgain(writer)
    await stage.untilHealthy('s1')
    expect(await stage.arrangement()).toEqual(before)
  }
  const primary = (await stage.primary()) ?? ''
  expect(await verified(stage, writer, primary)).toMatchObject({ lost: [], contradicted: [] })
  for (const { id } of stage.sandbox.servers) expect((await stage.shown(id))?.findings).toEqual([])
})

/** MySQL's super_read_only holds every account, so nobody is left to be named there. */
const onMariadb = test.runIf(flavour === 'mariadb')

onMariadb(
  'trap 35: a living primary is not replaced while a privileged client writes there, which is named; once it is gone nothing is lost',
  async () => {
    await using stage = await stageWithBoss()
    const writer = await writerAt(stage.sandbox.server('s1'), 'direct')
    const before = await stage.arrangement()
    const order = { verb: 'failover', reason: 'the host must go', by: 'a person' } as const
    const first = await stage.command(order)
    expect(first, `${JSON.stringify(first)}\n${await stage.story()}`).toMatchObject({ kind: 'refused', undone: true })
    // Either it comes back behind the closing, or faster than it can be cut before that.
    expect(JSON.stringify(first)).toMatch(/not_fenced.*cut the clients of .*boss@/)
    await writesAgain(writer)
    await stage.untilHealthy('s1')
    expect(await stage.arrangement()).toEqual(before)
    await writer.stop(3000)
    const second = await stage.command(order)
    expect(second, `${JSON.stringify(second)}\n${await stage.story()}`).toMatchObject({ kind: 'done' })
    const winner = await stage.untilReplaced('s1')
    await stage.untilHealthy(winner)
    expect(await verified(stage, writer, winner)).toMatchObject({ lost: [], contradicted: [] })
    for (const { id } of stage.sandbox.servers) expect((await stage.shown(id))?.findings).toEqual([])
  },
)

onMariadb(
  'trap 35: a fence is not done while a privileged client writes on, which is named; once it is gone the server is closed to everybody',
  async () => {
    await using stage = await stageWithBoss()
    const writer = await writerAt(stage.sandbox.server('s2'), 'direct')
    const order = { verb: 'fence', server: stage.address('s2'), by: 'a person' } as const
    const first = await stage.command(order)
    expect(first, `${JSON.stringify(first)}\n${await stage.story()}`).toMatchObject({ kind: 'failed' })
    expect(JSON.stringify(first)).toMatch(/is read-only, which does not hold every account.*boss@.*sql_log_bin/)
    await writesAgain(writer)
    await writer.stop(3000)
    expect(await stage.command(order), await stage.story()).toMatchObject({ kind: 'done' })
    expect((await stage.recoveries('fence')).map((r) => r.state).sort()).toEqual(['done', 'failed'])
  },
)
