import { expect, test } from 'vitest'
import { A_SCENE, Scene } from '../src/lab/simulate/index.ts'
import { runCommand } from '../src/run/daemon/index.ts'

test.each(['mysql', 'mariadb'] as const)(
  'on %s, another process does not open a minted winner beside a server that somebody opened meanwhile, and says which',
  async (flavour) => {
    const scene = new Scene({ ...A_SCENE, flavour, servers: 4 })
    await scene.steady()
    const { universe, timeline } = scene
    const isOpen = (): boolean => scene.reign()?.state === 'open' && scene.led()
    universe.kill('s1')
    expect(await timeline.run(() => scene.reign()?.state === 'opening', 5000), scene.tell()).toBe(true)
    for (const { life } of scene.processes) life.kill('sent')
    const winner = scene.primary()?.name
    const other = universe.named(winner === 's3' ? 's4' : 's3')
    other.channel = undefined
    other.access = 'writable'
    await timeline.pass(300)
    const regent = scene.launch()
    await timeline.pass(20_000)
    expect([scene.reign()?.state, scene.primary()?.access === 'writable'], scene.tell()).toEqual(['opening', false])
    const told = JSON.stringify(regent.keeper.view()?.refusals)
    expect(told).toContain(`${other.name} takes writes`)
    expect(told).toContain('regent fence')
    const ends: string[] = []
    const order = { verb: 'fence', server: other.name, reason: 'test', by: 'ann' } as const
    void runCommand(regent.keeper, order).then((end) => ends.push(end.kind), String)
    expect(await timeline.run(isOpen, 60_000), scene.tell()).toBe(true)
    expect([ends, scene.primary()?.name, other.access === 'writable'], scene.tell()).toEqual([['done'], winner, false])
    scene.writer.stop()
  },
)

test('while somebody else takes writes, a winner that waits for its opening is tried again in peace: routes are not told without a pause', async () => {
  const scene = new Scene({ ...A_SCENE, servers: 4 })
  await scene.steady()
  const { universe, timeline } = scene
  universe.kill('s1')
  expect(await timeline.run(() => scene.reign()?.state === 'opening', 5000), scene.tell()).toBe(true)
  for (const { life } of scene.processes) life.kill('sent')
  const other = universe.named(scene.primary()?.name === 's3' ? 's4' : 's3')
  other.channel = undefined
  other.access = 'writable'
  await timeline.pass(300)
  const regent = scene.launch()
  await timeline.pass(3000)
  const told = (): number => regent.events.filter((e) => e.kind === 'step').length
  const before = told()
  await timeline.pass(10_000)
  // Two events for each of ten tries, and for one that was under way.
  expect([told() - before > 10, told() - before <= 22], `${told() - before}\n${scene.tell()}`).toEqual([true, true])
  scene.writer.stop()
})

test.each(['mysql', 'mariadb'] as const)(
  'on %s, another process opens a minted winner beside a frozen old primary however long a suspicion may take',
  async (flavour) => {
    const policy = { suspectAfterMs: 2500, silenceWindowMs: 6000 }
    const scene = new Scene({ ...A_SCENE, flavour, policy })
    await scene.steady()
    const { universe, timeline } = scene
    universe.freeze('s1')
    expect(await timeline.run(() => scene.reign()?.state === 'opening', 60_000), scene.tell()).toBe(true)
    for (const { life } of scene.processes) life.kill('sent')
    await timeline.pass(300)
    scene.launch()
    const isOpen = (): boolean => scene.reign()?.state === 'open' && scene.led()
    expect(await timeline.run(isOpen, 30_000), scene.tell()).toBe(true)
    expect(scene.promises.broken).toEqual([])
    scene.writer.stop()
  },
)
