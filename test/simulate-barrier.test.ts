import { describe, expect, test } from 'vitest'
import { A_SCENE, Scene } from '../src/lab/simulate/index.ts'
import { type RecoveryEnd, runCommand } from '../src/run/daemon/index.ts'

describe.each(['mysql', 'mariadb'] as const)('the barrier on %s', (flavour) => {
  test('looks when all else is ready: a primary that was started again during the drain is seen', async () => {
    const scene = new Scene({
      ...A_SCENE,
      flavour,
      servers: 3,
      routes: [],
      startsReadOnly: false,
      writeEveryMs: 20,
      policy: { fence: { kind: 'at_least', level: 'stopped' } },
    })
    await scene.regent()
    await scene.timeline.run(() => scene.reign()?.state === 'open', 10_000)
    await scene.timeline.pass(1200)
    for (const server of scene.universe.servers) if (server.name !== 's1') server.applyMs = 60
    await scene.timeline.pass(4000)
    scene.universe.kill('s1')
    expect(await scene.timeline.run(() => scene.reign()?.epoch === 2, 5000), scene.tell()).toBe(true)
    await scene.timeline.pass(200)
    expect(scene.reign()?.state, scene.tell()).toBe('opening')
    scene.universe.restart('s1')
    await scene.timeline.run(() => scene.reign()?.state === 'open' && scene.reign()?.epoch === 2, 60_000)
    expect(scene.promises.broken, scene.tell()).toEqual([])
  })

  test('of a winner that is given up demands its routes: that it refuses us nobody else need have seen', async () => {
    const scene = new Scene({ ...A_SCENE, flavour, servers: 3 })
    const regent = await scene.steady()
    scene.universe.kill('s1')
    expect(await scene.timeline.run(() => scene.reign()?.epoch === 2, 5000)).toBe(true)
    const winner = scene.primary()?.name ?? ''
    scene.universe.kill(winner)
    const [route] = scene.universe.routes
    const { cluster, epoch } = scene.reign() ?? {}
    if (!route || !cluster || !epoch) throw new Error('nothing is minted')
    // Told of it before, and not to be reached now.
    route.message = { cluster, epoch, number: 0, kind: 'open', primary: scene.universe.named(winner).address }
    route.reachable = false
    await scene.timeline.pass(5000)
    let end: RecoveryEnd | undefined
    void runCommand(regent.keeper, { verb: 'failover', abandon: true, reason: 'it is gone', by: 'ann' }).then((e) => {
      end = e
    })
    await scene.timeline.run(() => end !== undefined, 60_000)
    expect(end?.kind, scene.tell()).toBe('refused')
    expect(JSON.stringify(end)).toContain('not_fenced')
  })
})
