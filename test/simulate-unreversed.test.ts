import { describe, expect, test } from 'vitest'
import { A_SCENE, Scene, type SceneOptions } from '../src/lab/simulate/index.ts'
import { runCommand } from '../src/run/daemon/index.ts'

/** A failover of a living primary, refused after act 1 because one route does not answer; and s2 is cut off once it is sealed. */
async function refusedBeside(flavour: SceneOptions['flavour']): Promise<Scene> {
  const scene = new Scene({ ...A_SCENE, flavour, servers: 2, routes: ['proxy', 'dns'] })
  const regent = await scene.steady()
  const { universe, timeline } = scene
  const [, dns] = universe.routes
  if (dns) dns.reachable = false
  const ends: string[] = []
  void runCommand(regent.keeper, { verb: 'failover', reason: 'test', by: 'ann' }).then((e) => ends.push(e.kind), String)
  const sealed = () => universe.named('s2').channel?.receiver === 'stopped'
  expect(await timeline.run(sealed, 5000), scene.tell()).toBe(true)
  universe.cutLink('regent', 's2')
  expect(await timeline.run(() => ends.length > 0, 60_000), scene.tell()).toBe(true)
  expect([ends, sealed()], scene.tell()).toEqual([['refused'], true])
  universe.heal()
  if (dns) dns.reachable = true
  return scene
}

describe.each(['mysql', 'mariadb'] as const)('a recovery that was taken back on %s', (flavour) => {
  test('starts the receiver that it stopped and could not reach as soon as its server answers: commits wait for it', async () => {
    const scene = await refusedBeside(flavour)
    expect(await scene.writable(20_000), scene.tell()).toBe(true)
    expect(scene.universe.named('s2').channel?.receiver, scene.tell()).toBe('running')
    expect(scene.promises.broken, scene.tell()).toEqual([])
    scene.writer.stop()
  })

  test('leaves a receiver alone that somebody stops after it ran again', async () => {
    const scene = await refusedBeside(flavour)
    expect(await scene.writable(20_000), scene.tell()).toBe(true)
    await scene.timeline.pass(3000)
    const { channel } = scene.universe.named('s2')
    if (channel) channel.receiver = 'stopped'
    await scene.timeline.pass(30_000)
    expect(scene.universe.named('s2').channel?.receiver, scene.tell()).toBe('stopped')
    scene.writer.stop()
  })
})
