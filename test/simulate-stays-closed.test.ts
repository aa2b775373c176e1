import { expect, test } from 'vitest'
import { A_SCENE, Scene } from '../src/lab/simulate/index.ts'
import { runCommand } from '../src/run/daemon/index.ts'

const ANY_LOSS = { kind: 'at_most', seconds: Number.POSITIVE_INFINITY } as const

test.each(['mysql', 'mariadb'] as const)(
  'on %s, a primary that a refused failover closed, and could not open again beside a writable one, is opened once that one is gone',
  async (flavour) => {
    const scene = new Scene({ ...A_SCENE, flavour, startsReadOnly: false, policy: { ackers: 'refuse' } })
    const regent = await scene.steady()
    const { universe, timeline } = scene
    universe.kill('s3')
    // It starts writable: it follows the primary, and is no rival of it.
    universe.kill('s2')
    universe.restart('s2')
    await timeline.pass(3000)
    const ends: string[] = []
    const asked = { verb: 'failover', abandon: true, loss: ANY_LOSS, reason: 'test', by: 'ann' } as const
    void runCommand(regent.keeper, asked).then((end) => ends.push(end.kind), String)
    expect(await timeline.run(() => ends.length > 0, 30_000), scene.tell()).toBe(true)
    expect(ends, scene.tell()).toEqual(['refused'])
    universe.restart('s3')
    expect(
      await timeline.run(() => universe.named('s1').access === 'writable' && scene.led(), 60_000),
      scene.tell(),
    ).toBe(true)
    expect(await scene.writable(10_000), scene.tell()).toBe(true)
    expect(scene.promises.broken, scene.tell()).toEqual([])
    scene.writer.stop()
  },
)
