// covers W19 W24
import { expect, test } from 'vitest'
import { type Stage, setStage, throughout, words } from '../stage.ts'

const began = (stage: Stage) => stage.happened('recovery_began').length

test('all servers read-only: no reign by itself; with --open the named root is opened', async () => {
  await using stage = await setStage({ shape: '1+2', routes: 'none' })
  await stage.watchInside()
  await throughout(1500, 'nothing is opened by itself', async () => (await stage.writable()).length === 0)
  expect(began(stage)).toBe(0)
  expect((await stage.cluster()).sentence).toMatch(/no reign is recorded/)

  const told = await stage.command({ verb: 'adopt' })
  expect(told).toMatchObject({ kind: 'refused', reasons: [{ code: 'nobody_writable' }] })
  expect(await stage.writable()).toEqual([])
  await stage.open()
  expect(await stage.writable()).toEqual(['s1'])
})

test('one writable root and an empty store: adopted by itself', async () => {
  await using stage = await setStage({ shape: '1+2', routes: 'none', semiSync: false })
  await stage.run('s1', ...words.writable)
  await stage.watchInside()
  await stage.untilHealthy('s1')
  expect(stage.happened('recovery_began').map((e) => e.what)).toEqual(['adopt'])
})

test.each([
  { shape: '1+2', of: 'a root and its replica' },
  { shape: '2x', of: 'co-primaries' },
] as const)('two writable servers and an empty store: Regent never chooses, nor when told ($of)', async ({ shape }) => {
  await using stage = await setStage({ shape, routes: 'none', semiSync: false })
  stage.expectOverlaps()
  await stage.run('s1', ...words.writable)
  await stage.run('s2', ...words.writable)
  const before = await stage.arrangement()
  await stage.watchInside()
  await throughout(1500, 'nobody is closed', async () => (await stage.writable()).length === 2)
  expect((await stage.cluster()).reignState, await stage.story()).toBeUndefined()
  const end = await stage.command({ verb: 'adopt', open: true, server: stage.address('s1') })
  expect(end).toMatchObject({ kind: 'refused', reasons: [{ code: 'two_writable' }] })
  expect(began(stage)).toBe(0)
  expect(await stage.arrangement()).toEqual(before)
  expect(stage.expectOverlaps().length).toBeGreaterThan(0)
})
