import { expect, test } from 'vitest'
import { clusterJson } from '../src/faces/api/view.ts'
import { A_SCENE, type RegentProcess, Scene } from '../src/lab/simulate/index.ts'
import { giveOrders } from '../src/run/daemon/index.ts'

async function steady(): Promise<{ readonly scene: Scene; readonly regent: RegentProcess }> {
  const scene = new Scene(A_SCENE)
  return { scene, regent: await scene.steady() }
}

/** Undefined: it was forgotten. Else why not. */
async function forget(scene: Scene, regent: RegentProcess, name: string): Promise<string | undefined> {
  let end: string | undefined
  const ended = (how: unknown): void => {
    end = String(how)
  }
  void giveOrders.forget(regent.keeper, name).then(() => ended('forgotten'), ended)
  expect(await scene.timeline.run(() => end !== undefined, 5000)).toBe(true)
  return end === 'forgotten' ? undefined : end
}

const known = (regent: RegentProcess): readonly string[] =>
  regent.keeper.office.observer
    .sightings()
    .map((s) => s.address.host)
    .toSorted()
const stored = (scene: Scene): readonly string[] =>
  [...scene.durable.servers.values()].map((s) => s.address.host).toSorted()
const rowNow = (regent: RegentProcess) => regent.keeper.view()?.diagnosis.primary

test('a server that is gone stays forgotten: a look that was under way does not bring it back, nor does its source that lists it', async () => {
  const { scene, regent } = await steady()
  scene.universe.freeze('s3')
  await scene.timeline.pass(50)
  expect(await forget(scene, regent, 's3:3306')).toBeUndefined()
  for (let second = 0; second < 10; second++) {
    await scene.timeline.pass(1000)
    expect(known(regent)).toEqual(['s1', 's2'])
    expect(stored(scene)).toEqual(['s1', 's2'])
  }
  expect(regent.keeper.view()?.topology.members).toHaveLength(2)
})

test('a forgotten server that follows the primary again is found again, and written down again', async () => {
  const { scene, regent } = await steady()
  scene.universe.kill('s3')
  await scene.timeline.pass(50)
  expect(await forget(scene, regent, 's3:3306')).toBeUndefined()
  await scene.timeline.pass(5000)
  expect(known(regent)).toEqual(['s1', 's2'])
  scene.universe.restart('s3')
  await scene.timeline.pass(5000)
  expect(known(regent)).toEqual(['s1', 's2', 's3'])
  expect(stored(scene)).toEqual(['s1', 's2', 's3'])
})

test('the primary of the present reign is not forgotten, alive or dead', async () => {
  const { scene, regent } = await steady()
  expect(await forget(scene, regent, 's1:3306')).toContain('primary of the present reign')
  expect(await forget(scene, regent, scene.universe.named('s1').id)).toContain('primary of the present reign')
  expect(known(regent)).toEqual(['s1', 's2', 's3'])
  expect(stored(scene)).toEqual(['s1', 's2', 's3'])
})

// trap 27: whoever comes back first is not everybody
test('trap 27: a new Regent reopens a restarted primary only when the replica that it never read is forgotten', async () => {
  const { scene, regent } = await steady()
  regent.life.kill()
  for (const name of ['s1', 's2', 's3']) scene.universe.kill(name)
  await scene.timeline.pass(3000)
  for (const name of ['s1', 's2']) scene.universe.restart(name)
  const next = await scene.regent()
  await scene.timeline.pass(5000)
  expect(rowNow(next)).toMatchObject({ row: 'came_back_closed_replicas_missing', remedy: 'tell' })
  expect(rowNow(next)?.because).toContain('regent forget')
  expect(scene.universe.named('s1').access).toBe('closed_to_all')
  expect(await forget(scene, next, 's3:3306')).toBeUndefined()
  expect(await scene.timeline.run(() => scene.universe.named('s1').access === 'writable', 5000), scene.tell()).toBe(
    true,
  )
  expect(stored(scene)).toEqual(['s1', 's2'])
  expect(scene.promises.broken).toEqual([])
})

test('of each server it is shown whether the configuration names it: whoever forgets one has to know', async () => {
  const { scene, regent } = await steady()
  const { keeper } = regent
  const { office } = keeper
  const view = keeper.view()
  if (!view) throw new Error(scene.tell())
  const seeds = office.config.seeds.filter((seed) => seed.host !== 's3')
  Reflect.set(office.config, 'seeds', seeds)
  const { servers } = clusterJson(keeper, view, new Map())
  expect(servers.map((s) => [s.address, s.seed]).toSorted()).toEqual([
    ['s1:3306', true],
    ['s2:3306', true],
    ['s3:3306', undefined],
  ])
})
