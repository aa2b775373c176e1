// covers W18 W19 W27 F6 X6 P5
import { cp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { flavour, setStage, throughout, until } from '../stage.ts'

const BORN_OPEN = ['--read-only=OFF', ...(flavour === 'mysql' ? ['--super-read-only=OFF'] : [])]

test('traps 9, 32, 51: an old primary that comes back writable with a transaction of its own is closed, stays closed, and its GTIDs are listed', async () => {
  await using stage = await setStage({ shape: '1+2' })
  await stage.watchInside()
  await stage.open()
  await stage.run('s1', 'CREATE TABLE app.own (id INT PRIMARY KEY)')
  await stage.sandbox.kill('s1')
  const winner = await stage.untilReplaced('s1')
  await stage.untilHealthy(winner)

  // It takes a write before anybody can stop it: the operator's own configuration opens it at its start.
  const sql = join(await stage.dir('init'), 'init.sql')
  await writeFile(sql, 'INSERT INTO app.own VALUES (1);\n')
  stage.expectOverlaps()
  await stage.sandbox.restart('s1', [...BORN_OPEN, `--init-file=${sql}`])
  await until('it is closed', async () => (await stage.writable()).join() === winner, { seen: () => stage.story() })
  await until(
    'its errant transactions are reported',
    async () => (await stage.shown('s1'))?.findings.some((f) => f.finding === 'errant_transactions') ?? false,
    { seen: () => stage.story() },
  )
  const end = await stage.command({ verb: 'rejoin', server: stage.address('s1') })
  const reasons = end.kind === 'refused' ? end.reasons : []
  expect(
    reasons.map((r) => r.code),
    JSON.stringify(end),
  ).toEqual(['errant_transactions'])
  expect(reasons[0]?.says).toMatch(/\d/)
  expect(reasons[0]?.tryThis).toMatch(/regent rejoin .*regent unfence .*regent forget/)
  await throughout(1500, 'it stays closed', async () => (await stage.writable()).join() === winner)
  expect((await stage.shown('s1'))?.sources ?? []).toEqual([])
})

test('traps 32, 64: a primary restarted with all it had is opened again; one that lost what its replicas have never is', async () => {
  await using stage = await setStage({ shape: '1+1', policy: { ackers: 'refuse' } })
  await stage.watchInside()
  await stage.open()
  await stage.run('s1', 'CREATE TABLE app.t (id INT PRIMARY KEY)', 'INSERT INTO app.t VALUES (1)')

  await stage.sandbox.stop('s1')
  const disk = stage.sandbox.server('s1').dataDir
  const copy = join(await stage.dir('snapshot'), 's1')
  await cp(disk, copy, { recursive: true })
  await stage.sandbox.restart('s1')
  await stage.untilHealthy('s1')

  await stage.run('s1', 'INSERT INTO app.t VALUES (2)')
  await stage.sandbox.kill('s1')
  await rm(disk, { recursive: true })
  await cp(copy, disk, { recursive: true })
  await stage.sandbox.restart('s1')
  await until('it is seen', async () => (await stage.cluster()).verdict === 'history_went_backwards', {
    seen: () => stage.story(),
  })
  await throughout(2500, 'it is not opened', async () => (await stage.writable()).length === 0)

  expect(await stage.ask('s2', 'SELECT COUNT(*) FROM app.t')).toBe('2')
})
