/** The routes of the configuration are others when a recovery is gone on with. */
import { describe, expect, test } from 'vitest'
import { A_SCENE, Scene } from '../src/lab/simulate/index.ts'

const isOpen = (scene: Scene): boolean =>
  scene.reign()?.state === 'open' && scene.led() && scene.primary()?.access === 'writable'

describe.each(['mysql', 'mariadb'] as const)('on %s, of a primary that fell silent', (flavour) => {
  /** Its epoch is minted, nobody is open yet, and Regent has ended. */
  async function minted(routes: readonly string[]): Promise<Scene> {
    const scene = new Scene({ ...A_SCENE, flavour, routes })
    const regent = await scene.steady()
    scene.universe.freeze('s1')
    expect(await scene.timeline.run(() => scene.reign()?.state === 'opening', 10_000), scene.tell()).toBe(true)
    regent.life.kill('sent')
    await scene.timeline.pass(50)
    expect(scene.primary()?.access).not.toBe('writable')
    return scene
  }

  test('a route that is configured since, and cannot be shown closed, keeps the winner shut until it can', async () => {
    const scene = await minted(['proxy'])
    const { universe, timeline } = scene
    const late = { name: 'late', reachable: false }
    universe.routes.push(late)
    await scene.regent()
    await timeline.pass(20_000)
    expect(scene.primary()?.access, scene.tell()).not.toBe('writable')
    late.reachable = true
    expect(await timeline.run(() => isOpen(scene), 30_000), scene.tell()).toBe(true)
    scene.writer.stop()
  })

  test('a route that is not configured any more is not waited for', async () => {
    const scene = await minted(['proxy', 'gone'])
    scene.universe.routes.splice(1)
    await scene.regent()
    expect(await scene.timeline.run(() => isOpen(scene), 30_000), scene.tell()).toBe(true)
    expect(scene.promises.broken, scene.tell()).toEqual([])
    scene.writer.stop()
  })

  test('a winner that died is not replaced by itself where a route that was to lead to it is not configured any more', async () => {
    const scene = await minted(['proxy', 'gone'])
    scene.universe.kill(scene.primary()?.name ?? '')
    scene.universe.routes.splice(1)
    const regent = await scene.regent()
    await scene.timeline.pass(20_000)
    expect([scene.reign()?.epoch, scene.reign()?.state], scene.tell()).toEqual([2, 'opening'])
    const told = JSON.stringify(regent.keeper.view()?.refusals)
    expect(told).toContain('led to it by gone')
    expect(told).toContain('--abandon')
    scene.writer.stop()
  })
})
