import { expect, test } from 'vitest'
import { A_SCENE, Scene } from '../src/lab/simulate/index.ts'

test.each(['mysql', 'mariadb'] as const)(
  'on %s, a primary that came back closed is not opened beside a server that a person opened while it waited for its ackers',
  async (flavour) => {
    const scene = new Scene({ ...A_SCENE, flavour })
    await scene.steady()
    const { universe, timeline } = scene
    const other = universe.named('s3')
    universe.kill('s1')
    universe.cutLink('s1', 's2')
    universe.cutLink('s1', 's3')
    universe.restart('s1')
    const waits = () => scene.openRecovery()?.record.kind === 'reopen' && universe.named('s1').source.enabled
    expect(await timeline.run(waits, 30_000), scene.tell()).toBe(true)
    other.channel = undefined
    other.access = 'writable'
    await timeline.pass(200)
    universe.heal()
    await timeline.pass(15_000)
    expect(universe.named('s1').access, scene.tell()).toBe('closed_to_all')
    universe.kill('s3')
    universe.restart('s3')
    expect(await timeline.run(() => universe.named('s1').access === 'writable', 60_000), scene.tell()).toBe(true)
    scene.writer.stop()
  },
)
