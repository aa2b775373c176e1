import { expect, test } from 'vitest'
import { A_SCENE, Scene } from '../src/lab/simulate/index.ts'
import { runCommand } from '../src/run/daemon/index.ts'

const ANY_LOSS = { kind: 'at_most', seconds: Number.POSITIVE_INFINITY } as const

test.each(['mysql', 'mariadb'] as const)(
  'on %s, a primary that was closed by hand is not opened by what takes a refused failover back',
  async (flavour) => {
    const scene = new Scene({ ...A_SCENE, flavour, policy: { ackers: 'refuse' } })
    const regent = await scene.steady()
    const { universe, timeline } = scene
    universe.named('s1').access = 'closed_to_all'
    universe.kill('s3')
    await timeline.pass(3000)
    const ends: unknown[] = []
    const asked = { verb: 'failover', loss: ANY_LOSS, reason: 'a test', by: 'ann' } as const
    void runCommand(regent.keeper, asked).then((end) => ends.push(end))
    expect(await timeline.run(() => ends.length > 0, 30_000), scene.tell()).toBe(true)
    expect(ends, scene.tell()).toEqual([expect.objectContaining({ kind: 'refused', undone: true })])
    await timeline.pass(5000)
    expect(universe.named('s1').access, scene.tell()).toBe('closed_to_all')
    scene.writer.stop()
  },
)
