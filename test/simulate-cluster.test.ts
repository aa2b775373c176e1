import { describe, expect, test } from 'vitest'
import { A_SCENE, Scene, type SceneOptions } from '../src/lab/simulate/index.ts'
import { runCommand } from '../src/run/daemon/index.ts'
import { inOrder } from './simulate-stories.ts'

const FLAVOURS = ['mysql', 'mariadb'] as const

async function aScene(options: Partial<SceneOptions>): Promise<Scene> {
  const scene = new Scene({ ...A_SCENE, ...options })
  await scene.steady()
  return scene
}

const moved = (scene: Scene) => (): boolean => scene.primary()?.name !== 's1' && scene.led()

async function expectWhole(scene: Scene): Promise<void> {
  expect(await scene.writable(5000), scene.tell()).toBe(true)
  await scene.timeline.pass(2000)
  const primary = scene.primary()
  expect(scene.promises.broken, scene.tell()).toEqual([])
  expect(primary && scene.lostOn(primary), scene.tell()).toBe(0)
}

async function expectMoved(scene: Scene, withinMs: number): Promise<void> {
  expect(await scene.timeline.run(moved(scene), withinMs), scene.tell()).toBe(true)
  await expectWhole(scene)
}

const verdictsOf = (scene: Scene): readonly string[] =>
  scene.processes.flatMap((p) => p.events.flatMap((e) => (e.kind === 'verdict' ? [e.diagnosis.primary.row] : [])))
const refusalsOf = (scene: Scene): readonly string[] =>
  scene.processes.flatMap((p) => p.events.flatMap((e) => (e.kind === 'refused' ? e.reasons.map((r) => r.code) : [])))

describe.each(FLAVOURS)('on %s', (flavour) => {
  test('a killed primary is replaced at once, and no acknowledged write is lost', async () => {
    const scene = await aScene({ flavour })
    scene.universe.kill('s1')
    await expectMoved(scene, 500)
  })

  test('killed at any moment of a commit, nothing acknowledged is lost', async () => {
    for (let offset = 0; offset < 3; offset += 0.3) {
      const scene = await aScene({ flavour, writeEveryMs: 3 })
      await scene.timeline.pass(offset)
      scene.universe.kill('s1')
      await expectMoved(scene, 500)
    }
  })

  test('one replica alone leads, without waiting for acknowledgements; the old primary comes back as its acker', async () => {
    const scene = await aScene({ flavour, servers: 2 })
    scene.universe.kill('s1')
    await expectMoved(scene, 3000)
    expect(scene.primary()?.source.enabled).toBe(false)
    scene.universe.restart('s1')
    expect(await scene.timeline.run(() => scene.universe.named('s1').channel?.receiver === 'running', 15_000)).toBe(
      true,
    )
    await expectWhole(scene)
  })

  test('trap 2: a replica with a stopped applier and a backlog is drained, not passed over and not emptied', async () => {
    const scene = await aScene({ flavour })
    for (const name of ['s2', 's3']) {
      const { channel } = scene.universe.named(name)
      if (channel) channel.applier = 'stopped'
    }
    await scene.timeline.pass(2000)
    expect(scene.universe.named('s2').channel?.relay.length).toBeGreaterThan(10)
    scene.universe.kill('s1')
    await expectMoved(scene, 3000)
  })

  test('a replica that has been dead for a minute does not stand in the way', async () => {
    const scene = await aScene({ flavour })
    scene.universe.kill('s3')
    await scene.timeline.pass(60_000)
    scene.universe.kill('s1')
    await expectMoved(scene, 3000)
    expect(scene.primary()?.name).toBe('s2')
  })

  test('primary and replica dead in the same instant: nothing is proven, so it is refused and said', async () => {
    const scene = await aScene({ flavour })
    scene.universe.kill('s1')
    scene.universe.kill('s3')
    await scene.timeline.pass(5000)
    expect(scene.primary()?.name).toBe('s1')
    expect(refusalsOf(scene)).toContain('loss_not_provable')
    expect(scene.promises.broken).toEqual([])
  })

  test('a frozen primary is replaced once its routes are withdrawn; thawed, it is fenced and takes nothing', async () => {
    const scene = await aScene({ flavour, startsReadOnly: false })
    scene.universe.freeze('s1')
    await expectMoved(scene, 6000)
    scene.universe.thaw('s1')
    await scene.timeline.pass(5000)
    expect(scene.universe.named('s1').access, scene.tell()).toBe('closed_to_all')
    await expectWhole(scene)
  })

  test('a frozen primary whose route cannot be shown closed is not replaced', async () => {
    const scene = await aScene({ flavour })
    scene.universe.freeze('s1')
    for (const route of scene.universe.routes) route.reachable = false
    await scene.timeline.pass(10_000)
    expect(scene.primary()?.name).toBe('s1')
    expect(refusalsOf(scene), scene.tell()).toContain('not_fenced')
    expect(scene.promises.broken).toEqual([])
  })

  test('Regent alone cut off from the primary: the replicas hear it, nothing is changed', async () => {
    const scene = await aScene({ flavour })
    const before = scene.universe.effects.length
    scene.universe.cutLink('regent', 's1')
    await scene.timeline.pass(10_000)
    expect(scene.universe.effects.slice(before)).toEqual([])
    expect(verdictsOf(scene)).toContain('replicas_hear_a_silent_one')
    scene.universe.heal()
    await expectWhole(scene)
  })

  test('Regent cut off from everybody changes nothing', async () => {
    const scene = await aScene({ flavour })
    const before = scene.universe.effects.length
    scene.universe.isolate('regent')
    await scene.timeline.pass(10_000)
    expect(scene.universe.effects.slice(before)).toEqual([])
    scene.universe.heal()
    await expectWhole(scene)
  })

  test('an old primary that comes back, born writable, is closed and follows again', async () => {
    const scene = await aScene({ flavour, startsReadOnly: false })
    scene.universe.kill('s1')
    await expectMoved(scene, 3000)
    scene.universe.restart('s1')
    await scene.timeline.pass(15_000)
    expect(scene.universe.named('s1').access, scene.tell()).toBe('closed_to_all')
    await expectWhole(scene)
  })

  test('a primary that died while no Regent ran is replaced by the next one', async () => {
    const scene = await aScene({ flavour })
    scene.processes[0]?.life.kill()
    scene.universe.kill('s1')
    await scene.timeline.pass(3000)
    await scene.regent()
    await expectMoved(scene, 10_000)
  })

  test('a refusal is repeated at the pace of the looks, never in a busy loop', async () => {
    const scene = await aScene({ flavour })
    scene.universe.kill('s1')
    scene.universe.kill('s3')
    await scene.timeline.pass(2000)
    const before = refusalsOf(scene).length
    await scene.timeline.pass(5000)
    expect(refusalsOf(scene).length - before).toBeLessThan(120)
  })

  test('a switchover moves the primary, loses nothing, and the old one follows', async () => {
    const scene = await aScene({ flavour })
    const regent = scene.processes[0]
    if (regent) void runCommand(regent.keeper, { verb: 'switchover', server: 's3:3306', reason: 'test', by: 'ann' })
    expect(await scene.timeline.run(() => inOrder(scene) && scene.primary()?.name === 's3', 10_000), scene.tell()).toBe(
      true,
    )
    await expectWhole(scene)
  })

  test('the check itself: an old primary that a stranger opens while its plan wants it closed is seen, though no route leads there', async () => {
    const scene = await aScene({ flavour })
    const [s1, s2] = [scene.universe.named('s1'), scene.universe.named('s2')]
    const regent = scene.processes[0]
    if (regent) void runCommand(regent.keeper, { verb: 'switchover', server: 's2:3306', reason: 'test', by: 'ann' })
    const opened = (): boolean => {
      if (scene.reign()?.state === 'opening') s1.access = 'writable'
      return s2.access === 'writable'
    }
    expect(await scene.timeline.run(opened, 5000), scene.tell()).toBe(true)
    expect(scene.promises.broken, scene.tell()).toContainEqual(
      expect.stringContaining('s2 was opened while s1, which its plan demanded to be read-only, takes writes'),
    )
  })

  test('a switchover whose winner dies before it opens is taken back', async () => {
    const scene = await aScene({ flavour })
    const regent = scene.processes[0]
    if (regent) void runCommand(regent.keeper, { verb: 'switchover', server: 's2:3306', reason: 'test', by: 'ann' })
    const closed = (): boolean => scene.universe.named('s1').access !== 'writable'
    expect(await scene.timeline.run(closed, 5000), scene.tell()).toBe(true)
    scene.universe.kill('s2')
    expect(
      await scene.timeline.run(() => scene.universe.named('s1').access === 'writable' && scene.led(), 20_000),
      scene.tell(),
    ).toBe(true)
    expect(scene.primary()?.name).toBe('s1')
    await expectWhole(scene)
    const refused = scene.processes.flatMap((p) => p.events.flatMap((e) => (e.kind === 'refused' ? [e.what] : [])))
    expect(refused).toEqual(['switchover'])
  })
})
