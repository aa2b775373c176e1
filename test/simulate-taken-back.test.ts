import { expect, test } from 'vitest'
import { A_SCENE, Scene } from '../src/lab/simulate/index.ts'

test.each(['mysql', 'mariadb'] as const)(
  'on %s an old primary that comes back follows again, though the only other replica does not replicate',
  async (flavour) => {
    const scene = new Scene({ ...A_SCENE, flavour, waitCount: 0 })
    await scene.steady()
    const { universe, timeline } = scene
    // Nobody writes when it dies: it has nothing that the others lack.
    scene.writer.stop()
    await timeline.pass(500)
    universe.kill('s1')
    await timeline.run(() => scene.primary()?.name !== 's1' && scene.led() && !scene.openRecovery(), 10_000)
    await timeline.pass(2000)
    const primary = scene.primary()?.name ?? ''
    const other = universe.named(primary === 's2' ? 's3' : 's2')
    if (other.channel) other.channel.receiver = 'stopped'
    await timeline.pass(3000)
    universe.restart('s1')
    await timeline.run(() => universe.named('s1').channel?.receiver === 'running', 30_000)
    expect(universe.named('s1').channel?.source.host, scene.tell()).toBe(primary)
    expect(other.channel?.receiver, 'what somebody stopped stays stopped').toBe('stopped')
  },
)
