import { expect, test } from 'vitest'
import { clusterId, epoch, instant, recoveryId, serverId, wallTime } from '../../model/ids.ts'
import type { Step } from '../../model/step.ts'
import type { Clock } from '../../ports/clock.ts'
import { Ledger } from './ledger.ts'
import { perform } from './run.ts'
import type { World } from './world.ts'

/** A hundred times as fast. A deadline that was disposed never fires. */
const hasty: Clock = {
  now: () => instant(performance.now()),
  wall: () => wallTime(Date.now()),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms / 100)),
  deadline: (ms) => {
    const control = new AbortController()
    const timer = setTimeout(() => control.abort(new Error('late')), ms / 100)
    return { signal: control.signal, [Symbol.dispose]: () => clearTimeout(timer) }
  },
}

test('a step whose doer never ends is given up soon after its deadline, its outcome unknown', async () => {
  const heard: string[] = []
  const never = new Promise<never>(() => undefined)
  const world = {
    cluster: clusterId('c'),
    recovery: recoveryId('r'),
    epoch: epoch(2),
    clock: hasty,
    ledger: new Ledger(),
    lease: { token: 1 },
    store: { crown: () => never },
    journal: { stepStarted: () => heard.push('started'), stepEnded: () => heard.push('ended') },
  } as unknown as World
  const step: Step = {
    kind: 'crown',
    id: 'crown',
    server: serverId('s'),
    after: [],
    deadlineMs: 1000,
    ifItFails: 'stop',
  }
  expect(await perform(step, '2/crown', 2, world)).toMatchObject({ kind: 'unknown' })
  expect(heard).toEqual(['started', 'ended'])
})
