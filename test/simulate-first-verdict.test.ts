import { expect, test } from 'vitest'
import { A_SCENE, type RegentProcess, Scene } from '../src/lab/simulate/index.ts'

const firstVerdict = (regent: RegentProcess) => {
  const [first] = regent.events.flatMap((e) => (e.kind === 'verdict' ? [e] : []))
  return first && { row: first.diagnosis.primary.row, at: first.at }
}

/** Started, and watched until it has said something. */
async function begun(scene: Scene): Promise<{ readonly row: string; readonly afterMs: number }> {
  const before = scene.timeline.now
  const regent = await scene.regent()
  expect(await scene.timeline.run(() => firstVerdict(regent) !== undefined, 10_000), scene.tell()).toBe(true)
  return { row: firstVerdict(regent)?.row ?? '', afterMs: scene.timeline.now - before }
}

const beganAgain = async (happen: (scene: Scene) => void) => {
  const scene = new Scene(A_SCENE)
  const first = await scene.steady()
  first.life.kill()
  await scene.timeline.pass(6000)
  happen(scene)
  await scene.timeline.pass(3000)
  return begun(scene)
}

test('the first verdict of a new cluster is about the servers that were met', async () => {
  const { row, afterMs } = await begun(new Scene(A_SCENE))
  expect(row).not.toBe('unrecorded_no_primary')
  expect(afterMs).toBeLessThan(500)
})

test('a Regent that is started beside a sound cluster calls it sound at once', async () => {
  expect((await beganAgain(() => undefined)).row).toBe('healthy')
})

test('one that waits for a server that says nothing speaks when that look has ended', async () => {
  const { row, afterMs } = await beganAgain((scene) => scene.universe.freeze('s3'))
  expect(row).not.toBe('reign_without_server')
  expect(afterMs).toBeLessThan(2500)
})

test('where nobody is left it says so: silence has an end', async () => {
  const { row, afterMs } = await beganAgain((scene) => {
    for (const name of ['s1', 's2', 's3']) scene.universe.freeze(name)
  })
  expect(row).toBe('reign_without_server')
  expect(afterMs).toBeGreaterThan(900)
  expect(afterMs).toBeLessThan(2500)
})

test('a dead primary does not wait for another server that says nothing', async () => {
  const { row } = await beganAgain((scene) => {
    scene.universe.kill('s1')
    scene.universe.freeze('s3')
  })
  expect(row).not.toBe('reign_without_server')
})
