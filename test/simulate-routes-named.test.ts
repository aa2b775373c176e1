import { expect, test } from 'vitest'
import { A_SCENE, Scene } from '../src/lab/simulate/index.ts'
import { runCommand } from '../src/run/daemon/index.ts'

test.each(['mysql', 'mariadb'] as const)(
  'on %s, a living primary is not replaced under fence: routes while a route still leads to it: its commits would be answered and lost',
  async (flavour) => {
    const policy = { fence: { kind: 'at_least', level: 'routes' } } as const
    const scene = new Scene({ ...A_SCENE, flavour, startsReadOnly: true, policy })
    const regent = await scene.steady()
    const { universe, timeline } = scene
    const [route] = universe.routes
    if (route) route.reachable = false
    const ends: string[] = []
    const order = { verb: 'failover', reason: 'test', by: 'ann' } as const
    void runCommand(regent.keeper, order).then((end) => ends.push(end.kind), String)
    expect(await timeline.run(() => ends.length > 0, 60_000), scene.tell()).toBe(true)
    expect([ends, scene.reign()?.epoch], scene.tell()).toEqual([['refused'], 1])
    if (route) route.reachable = true
    expect(await scene.writable(20_000), scene.tell()).toBe(true)
    expect(scene.promises.broken, scene.tell()).toEqual([])
    scene.writer.stop()
  },
)
