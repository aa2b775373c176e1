import { describe, expect, test } from 'vitest'
import { A_SCENE, Scene } from '../src/lab/simulate/index.ts'
import { type Command, type RecoveryEnd, runCommand } from '../src/run/daemon/index.ts'

const isMinted = (scene: Scene): boolean => scene.reign()?.state === 'opening'
const isOpen = (scene: Scene): boolean => scene.reign()?.state === 'open' && scene.led()

function killRegent(scene: Scene): void {
  for (const { life } of scene.processes) life.kill('sent')
}

async function given(scene: Scene, command: Omit<Command, 'reason' | 'by'>): Promise<RecoveryEnd | undefined> {
  const keeper = scene.processes.at(-1)?.keeper
  const ends: RecoveryEnd[] = []
  if (keeper) void runCommand(keeper, { ...command, reason: 'test', by: 'ann' }).then((end) => ends.push(end), String)
  await scene.timeline.run(() => ends.length > 0, 60_000)
  return ends[0]
}

describe.each(['mysql', 'mariadb'] as const)('a recovery that another process goes on with on %s', (flavour) => {
  test('demands nothing of a route that was taken out of the configuration', async () => {
    const scene = new Scene({ ...A_SCENE, flavour, startsReadOnly: false, routes: ['proxy', 'dns'] })
    await scene.steady()
    const { universe, timeline } = scene
    universe.kill('s1')
    expect(await timeline.run(() => isMinted(scene), 5000), scene.tell()).toBe(true)
    killRegent(scene)
    universe.routes.pop()
    await timeline.pass(300)
    scene.launch()
    expect(await timeline.run(() => isOpen(scene), 60_000), scene.tell()).toBe(true)
    expect(scene.promises.broken, scene.tell()).toEqual([])
    scene.writer.stop()
  })

  test('of two servers, and cannot prove what is demanded, names a way to go on with its winner that works', async () => {
    const scene = new Scene({ ...A_SCENE, flavour, servers: 2, startsReadOnly: false })
    await scene.steady()
    const { universe, timeline } = scene
    universe.kill('s1')
    expect(await timeline.run(() => isMinted(scene), 5000), scene.tell()).toBe(true)
    killRegent(scene)
    const [proxy] = universe.routes
    if (proxy) proxy.reachable = false
    await timeline.pass(300)
    scene.launch()
    await timeline.pass(20_000)
    const plain = await given(scene, { verb: 'failover' })
    const way = /regent unfence s2 --abandon/
    expect(JSON.stringify(plain), scene.tell()).toMatch(way)
    expect(JSON.stringify(await given(scene, { verb: 'failover', abandon: true })), scene.tell()).toMatch(way)
    expect(await given(scene, { verb: 'unfence', server: 's2', abandon: true }), scene.tell()).toMatchObject({
      kind: 'done',
    })
    if (proxy) proxy.reachable = true
    expect(await scene.writable(20_000), scene.tell()).toBe(true)
    expect([isOpen(scene), scene.primary()?.name, scene.reign()?.epoch], scene.tell()).toEqual([true, 's2', 2])
    expect(scene.promises.broken, scene.tell()).toEqual([])
    scene.writer.stop()
  })

  test('and that is an adoption beside a rival says so, and names whom to fence', async () => {
    const scene = new Scene({ ...A_SCENE, flavour, closed: true, startsReadOnly: false })
    const regent = await scene.regent()
    const { universe, timeline } = scene
    await timeline.pass(2000)
    void runCommand(regent.keeper, { verb: 'adopt', open: true, reason: 'test', by: 'ann' }).catch(() => undefined)
    expect(await timeline.run(() => scene.reign() !== undefined, 5000), scene.tell()).toBe(true)
    killRegent(scene)
    universe.kill('s2')
    universe.restart('s2')
    await timeline.pass(300)
    scene.launch()
    await timeline.pass(15_000)
    const refusals = JSON.stringify(scene.processes.at(-1)?.keeper.view()?.refusals)
    expect(refusals, scene.tell()).not.toContain('does not answer')
    expect(refusals).toContain('regent fence s2')
    expect(await given(scene, { verb: 'fence', server: 's2' }), scene.tell()).toMatchObject({ kind: 'done' })
    expect(await timeline.run(() => isOpen(scene), 30_000), scene.tell()).toBe(true)
    expect(scene.promises.broken, scene.tell()).toEqual([])
    scene.writer.stop()
  })
})
