import { describe, expect, test } from 'vitest'
import { A_SCENE, Scene, type SceneOptions } from '../src/lab/simulate/index.ts'
import { runCommand } from '../src/run/daemon/index.ts'

/** A switchover to s2 has minted its epoch, and is not known to be open. */
async function minted(options: Partial<SceneOptions>): Promise<Scene> {
  const scene = new Scene({ ...A_SCENE, ...options })
  const regent = await scene.steady()
  const order = { verb: 'switchover', server: 's2:3306', reason: 'test', by: 'ann', yes: true } as const
  void runCommand(regent.keeper, order).catch(() => undefined)
  expect(await scene.timeline.run(() => scene.reign()?.state === 'opening', 5000), scene.tell()).toBe(true)
  expect(scene.primary()?.name).toBe('s2')
  return scene
}

const leads = (scene: Scene): boolean => scene.reign()?.state === 'open' && scene.led()
const writable = (scene: Scene): readonly string[] =>
  scene.universe.servers.filter((s) => s.life === 'up' && s.access === 'writable').map((s) => s.name)

async function expectLed(scene: Scene, by: readonly string[], epoch: number): Promise<void> {
  expect(await scene.timeline.run(() => leads(scene), 30_000), scene.tell()).toBe(true)
  const primary = scene.primary()
  expect(by, scene.tell()).toContain(primary?.name)
  expect([scene.reign()?.epoch, writable(scene)], scene.tell()).toEqual([epoch, [primary?.name]])
  expect(await scene.writable(5000), scene.tell()).toBe(true)
  expect(primary && scene.lostOn(primary), scene.tell()).toBe(0)
  expect(scene.promises.broken, scene.tell()).toEqual([])
}

const SHAPES = [
  { servers: 2, startsReadOnly: true },
  { servers: 3, startsReadOnly: true },
  { servers: 3, startsReadOnly: false },
] as const

describe.each(['mysql', 'mariadb'] as const)('a minted switchover on %s', (flavour) => {
  test.each(SHAPES)('of %o goes forward though Regent and the old primary die', async (shape) => {
    const scene = await minted({ flavour, ...shape })
    scene.processes[0]?.life.kill()
    scene.universe.kill('s1')
    await scene.timeline.pass(300)
    await scene.regent()
    await expectLed(scene, ['s2'], 2)
    scene.universe.restart('s1')
    await scene.timeline.pass(10_000)
    await expectLed(scene, ['s2'], 2)
  })

  test.each(SHAPES)('of %o goes forward though the old primary falls silent and Regent dies', async (shape) => {
    const scene = await minted({ flavour, ...shape })
    scene.processes[0]?.life.kill()
    scene.universe.freeze('s1')
    await scene.timeline.pass(300)
    await scene.regent()
    await expectLed(scene, ['s2'], 2)
    scene.universe.thaw('s1')
    await scene.timeline.pass(10_000)
    await expectLed(scene, ['s2'], 2)
  })

  test('whose winner dies before it opens is replaced, and the old primary stays closed', async () => {
    const scene = await minted({ flavour, servers: 4 })
    scene.universe.kill('s2')
    await expectLed(scene, ['s3', 's4'], 3)
    await scene.timeline.pass(10_000)
    expect(scene.universe.named('s1').channel?.source.host, scene.tell()).toBe(scene.primary()?.name)
    scene.universe.restart('s2')
    await scene.timeline.pass(10_000)
    await expectLed(scene, ['s3', 's4'], 3)
  })

  test('whose winner, old primary and Regent die before it opens is taken on by the next Regent', async () => {
    const scene = await minted({ flavour, servers: 4 })
    scene.processes[0]?.life.kill()
    scene.universe.kill('s2')
    scene.universe.kill('s1')
    await scene.timeline.pass(300)
    await scene.regent()
    await expectLed(scene, ['s3', 's4'], 3)
  })
})
