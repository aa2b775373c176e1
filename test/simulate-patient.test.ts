import { expect, test, vi } from 'vitest'
import { A_SCENE, Scene } from '../src/lab/simulate/index.ts'
import type { Planned } from '../src/model/plan.ts'
import { planCommand } from '../src/run/daemon/index.ts'

test('a server that is busy when a person gives a command has as long to answer as in any round, not as in a suspicion', async () => {
  const scene = new Scene({ ...A_SCENE, servers: 2 })
  const { keeper } = await scene.steady()
  const { observer, config } = keeper.office
  expect(config.policy.lookDeadlineMs).toBeGreaterThan(config.policy.suspectAfterMs)
  const looks = vi.spyOn(observer, 'lookAtAll')
  const plans: Planned[] = []
  void planCommand(keeper, { verb: 'failover', reason: 'test', by: 'ann' }).then((planned) => plans.push(planned))
  expect(await scene.timeline.run(() => plans.length > 0, 10_000), scene.tell()).toBe(true)
  expect(looks).toHaveBeenCalledWith('live', config.policy.lookDeadlineMs)
  scene.writer.stop()
})
