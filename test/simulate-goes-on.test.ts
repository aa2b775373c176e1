import { describe, expect, test } from 'vitest'
import { A_SCENE, Scene } from '../src/lab/simulate/index.ts'
import { runCommand } from '../src/run/daemon/index.ts'

const leads = (scene: Scene): boolean =>
  scene.reign()?.state === 'open' && scene.led() && scene.primary()?.access === 'writable'

async function expectLed(scene: Scene): Promise<void> {
  expect(await scene.timeline.run(() => leads(scene), 120_000), scene.tell()).toBe(true)
  expect(await scene.writable(5000), scene.tell()).toBe(true)
}

describe.each(['mysql', 'mariadb'] as const)('on %s, a minted switchover', (flavour) => {
  async function minted(servers: number) {
    const scene = new Scene({ ...A_SCENE, flavour, servers })
    const regent = await scene.steady()
    const command = { verb: 'switchover', server: 's3:3306', reason: 'a test', by: 'ann' } as const
    void runCommand(regent.keeper, command).catch(() => 0)
    expect(await scene.timeline.run(() => scene.reign()?.state === 'opening', 5000), scene.tell()).toBe(true)
    return { scene, regent }
  }

  test('goes on when its winner is back, though a replacement was begun and taken back meanwhile', async () => {
    const { scene, regent } = await minted(3)
    scene.universe.kill('s3')
    const sealed = () =>
      scene.openRecovery()?.record.kind === 'failover' && scene.universe.named('s2').channel?.receiver === 'stopped'
    expect(await scene.timeline.run(sealed, 20_000), scene.tell()).toBe(true)
    regent.life.kill()
    scene.universe.restart('s3')
    await scene.timeline.pass(500)
    await scene.regent()
    await expectLed(scene)
  })

  test.each([3, 4])('of %d servers is gone on with by the next Regent, though its acker has died', async (servers) => {
    const { scene, regent } = await minted(servers)
    regent.life.kill()
    scene.universe.kill('s2')
    await scene.timeline.pass(300)
    await scene.regent()
    await expectLed(scene)
    await scene.timeline.pass(10_000)
    expect(scene.primary()?.source.enabled, 'it waits for acknowledgements again').toBe(true)
  })
})

describe.each(['mysql', 'mariadb'] as const)('on %s, a Regent that dies after the opening', (flavour) => {
  test.each([0, 1, 2, 3, 4, 5, 6, 8])(
    '(%d calls later), before the journal has it: its successor does not wait for a channel that was forgotten',
    async (points) => {
      const scene = new Scene({ ...A_SCENE, flavour, servers: 4, routes: [], policy: { routesAreComplete: false } })
      const regent = await scene.steady()
      scene.universe.kill('s1')
      const opened = () => scene.reign()?.epoch === 2 && scene.primary()?.access === 'writable'
      await scene.timeline.run(opened, 5000)
      regent.life.count({ at: points, how: 'lost' })
      await scene.timeline.run(() => regent.life.dead, 3000)
      if (!regent.life.dead) regent.life.kill()
      scene.universe.restart('s1')
      await scene.timeline.pass(300)
      await scene.regent()
      const over = () =>
        scene.reign()?.state === 'open' && !scene.openRecovery() && scene.primary()?.access === 'writable'
      expect(await scene.timeline.run(over, 60_000), scene.tell()).toBe(true)
      expect(await scene.writable(5000), scene.tell()).toBe(true)
    },
  )
})
