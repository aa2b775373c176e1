// covers P1 P11 X6
import { expect, test } from 'vitest'
import { type Stage, setStage, until } from '../stage.ts'
import { channelsOf, followBy, forget, OtherCluster, stockOf, untilChannels } from './channels.ts'

const whyOf = async (stage: Stage): Promise<string> =>
  `${JSON.stringify((await stage.client.explain(stage.config.clusters[0]?.alias ?? '')).diagnosis)}`

/** s2 and s3 follow s1 by a channel with a name. */
async function named(stage: Stage): Promise<void> {
  for (const id of ['s2', 's3']) {
    await forget(stage, id)
    await followBy(stage, id, 'shop', stage.sandbox.server('s1').port)
  }
}

test('named channels, and one from another cluster: each change is of the right one, and the foreign one runs on', async () => {
  await using stage = await setStage()
  await using other = await OtherCluster.start(stage)
  await named(stage)
  await followBy(stage, 's3', 'stock', other.port)
  await other.run('INSERT INTO stock.t VALUES (1)')
  await until('s3 has it', async () => (await stockOf(stage, 's3')) === '1')

  await stage.watchInside()
  const adopted = await stage.command({ verb: 'adopt', open: true, server: stage.address('s1') })
  expect(adopted, JSON.stringify(adopted)).toMatchObject({ kind: 'done' })
  await stage.run('s1', 'CREATE DATABASE app')
  expect((await stage.cluster()).servers.map((s) => s.address).sort()).toEqual(
    ['s1', 's2', 's3'].map((id) => stage.address(id)).sort(),
  )
  await until('it is healthy', async () => (await stage.cluster()).verdict === 'healthy')
  expect((await stage.shown('s3'))?.findings, await whyOf(stage)).toEqual([])

  const writers = await stage.writers(2, 10)
  await other.run('INSERT INTO stock.t VALUES (2)')
  await stage.sandbox.kill('s1')
  // Not s3: what it has from elsewhere would flow to all.
  expect(await stage.untilReplaced('s1')).toBe('s2')
  await untilChannels(stage, 's3', { shop: 's2 Yes/Yes', stock: 'other Yes/Yes' })
  await untilChannels(stage, 's2', {})
  await other.run('INSERT INTO stock.t VALUES (3)')
  await until('the other cluster is still received', async () => (await stockOf(stage, 's3')) === '3')
  expect(await stockOf(stage, 's2')).toBe('none')

  await stage.sandbox.restart('s1')
  await until(
    's1 follows by the same name, or has what nobody received',
    async () =>
      (await channelsOf(stage, 's1'))['shop'] === 's2 Yes/Yes' ||
      ((await stage.shown('s1'))?.findings.some((f) => f.finding === 'errant_transactions') ?? false),
    { seen: () => stage.story() },
  )
  expect(Object.keys(await channelsOf(stage, 's1')).filter((name) => name !== 'shop')).toEqual([])
  expect(await stage.verify(writers, 's2')).toMatchObject({ lost: 0, contradicted: 0 })
  expect(await other.isUntouched()).toBe(true)
})

test('a switchover keeps the name, and leaves the link to the other cluster alone', async () => {
  await using stage = await setStage()
  await using other = await OtherCluster.start(stage)
  await named(stage)
  await followBy(stage, 's3', 'stock', other.port)
  await stage.watchInside()
  await stage.command({ verb: 'adopt', open: true, server: stage.address('s1') })
  await until('it is healthy', async () => (await stage.cluster()).verdict === 'healthy')

  const moved = await stage.command({ verb: 'switchover' })
  expect(moved, JSON.stringify(moved)).toMatchObject({ kind: 'done' })
  await untilChannels(stage, 's1', { shop: 's2 Yes/Yes' })
  await untilChannels(stage, 's2', {})
  await untilChannels(stage, 's3', { shop: 's2 Yes/Yes', stock: 'other Yes/Yes' })
  await other.run('INSERT INTO stock.t VALUES (1)')
  await until('s3 has it', async () => (await stockOf(stage, 's3')) === '1')
  expect(await other.isUntouched()).toBe(true)
})

test('a primary that receives from another cluster is not replaced: that link would be lost', async () => {
  await using stage = await setStage({ semiSync: false })
  await using other = await OtherCluster.start(stage)
  await stage.watchInside()
  await stage.command({ verb: 'adopt', open: true, server: stage.address('s1') })
  await followBy(stage, 's1', 'stock', other.port)
  await until('it is seen', async () => (await stage.shown('s1'))?.sources.some((s) => s.channel === 'stock') ?? false)
  expect(await stage.command({ verb: 'switchover' })).toMatchObject({
    kind: 'refused',
    reasons: expect.arrayContaining([expect.objectContaining({ code: 'foreign_channels' })]),
  })
  await stage.sandbox.kill('s1')
  await until(
    'the failover is refused by name',
    () => stage.happened('refused').some((r) => r.reasons.some((reason) => reason.code === 'foreign_channels')),
    { seen: () => stage.story() },
  )
  expect(await stage.writable()).toEqual([])
  expect(await other.isUntouched()).toBe(true)
})
