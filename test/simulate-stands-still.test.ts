/** Whatever stands still says why to whoever looks later, and names a way on that works. */
import { describe, expect, test } from 'vitest'
import { A_SCENE, Scene, type SceneOptions } from '../src/lab/simulate/index.ts'
import { Writer } from '../src/lab/simulate/writer.ts'
import type { Planned } from '../src/model/plan.ts'
import { type Command, giveOrders, planCommand, type RecoveryEnd, runCommand } from '../src/run/daemon/index.ts'

const isMinted = (scene: Scene): boolean => scene.reign()?.state === 'opening'
const isOpen = (scene: Scene): boolean =>
  scene.reign()?.state === 'open' && scene.led() && scene.primary()?.access === 'writable'
const killRegent = (scene: Scene): void => scene.processes.at(-1)?.life.kill('sent')

async function steady(options: Partial<SceneOptions>): Promise<Scene> {
  const scene = new Scene({ ...A_SCENE, ...options })
  await scene.steady()
  return scene
}

async function given(scene: Scene, command: Omit<Command, 'reason' | 'by'>): Promise<RecoveryEnd> {
  const ends: RecoveryEnd[] = []
  const keeper = scene.processes.at(-1)?.keeper
  if (!keeper) throw new Error('no Regent runs')
  void runCommand(keeper, { reason: 'a test', by: 'ann', ...command }).then((end) => ends.push(end))
  await scene.timeline.run(() => ends.length > 0, 120_000)
  const [end] = ends
  if (!end) throw new Error(`no end:\n${scene.tell()}`)
  return end
}

async function planned(scene: Scene, command: Omit<Command, 'reason' | 'by'>): Promise<Planned> {
  const plans: Planned[] = []
  const keeper = scene.processes.at(-1)?.keeper
  if (!keeper) throw new Error('no Regent runs')
  void planCommand(keeper, { reason: 'a test', by: 'ann', ...command }).then((plan) => plans.push(plan))
  await scene.timeline.run(() => plans.length > 0, 20_000)
  const [plan] = plans
  if (!plan) throw new Error(`no plan:\n${scene.tell()}`)
  return plan
}

const standing = (scene: Scene) => scene.processes.at(-1)?.keeper.view()?.refusals ?? []
const codes = (scene: Scene): readonly string[] => standing(scene).map((r) => r.code)
const words = (scene: Scene): string =>
  standing(scene)
    .map((r) => `${r.says} ${r.tryThis}`)
    .join()

describe.each(['mysql', 'mariadb'] as const)('on %s', (flavour) => {
  test.each([2, 3])(
    'of %d, the winner of a minted switchover that lost its channel follows the old primary once more, and has all of it',
    async (servers) => {
      const scene = await steady({ flavour, servers, startsReadOnly: false, policy: { routesAreComplete: false } })
      const { universe, timeline } = scene
      const winner = universe.named(`s${servers}`)
      const direct = new Writer(universe, undefined, 5)
      const order = {
        verb: 'switchover',
        server: `${winner.name}:3306`,
        yes: true,
        reason: 'a test',
        by: 'ann',
      } as const
      const keeper = scene.processes.at(-1)?.keeper
      if (keeper) void runCommand(keeper, order).catch(() => undefined)
      expect(await timeline.run(() => isMinted(scene), 5000), scene.tell()).toBe(true)
      killRegent(scene)
      await timeline.pass(20)
      winner.channel = undefined
      universe.kill('s1')
      universe.restart('s1')
      await timeline.pass(300)
      direct.stop()
      const lacking = () => direct.acknowledged.filter((a) => !winner.has(a.transaction)).length
      expect(lacking()).toBeGreaterThan(0)
      scene.launch()
      expect(await timeline.run(() => isOpen(scene), 30_000), scene.tell()).toBe(true)
      expect([scene.primary()?.name, lacking()], scene.tell()).toEqual([winner.name, 0])
      expect(scene.promises.broken, scene.tell()).toEqual([])
      scene.writer.stop()
    },
  )

  /** `stopped` is demanded, and the old primary is back alive before the winner opened. */
  async function backAlive(servers: number, startsReadOnly: boolean): Promise<Scene> {
    const policy = { fence: { kind: 'at_least', level: 'stopped' } } as const
    const scene = await steady({ flavour, servers, startsReadOnly, policy })
    scene.universe.kill('s1')
    expect(await scene.timeline.run(() => isMinted(scene), 5000), scene.tell()).toBe(true)
    scene.universe.restart('s1')
    await scene.timeline.pass(60_000)
    expect([isMinted(scene), codes(scene)], scene.tell()).toEqual([true, ['winner_not_opened']])
    return scene
  }

  test.each([
    [2, true],
    [3, false],
  ] as const)(
    'of %d (starting read-only: %s), fence stopped: who looks later finds that the old primary is to be stopped, and that works',
    async (servers, startsReadOnly) => {
      const scene = await backAlive(servers, startsReadOnly)
      expect(words(scene)).toContain('top the server process of the old primary')
      scene.universe.kill('s1')
      expect(await scene.timeline.run(() => isOpen(scene), 20_000), scene.tell()).toBe(true)
      await scene.timeline.pass(10_000)
      expect([scene.reign()?.epoch, codes(scene), scene.promises.broken], scene.tell()).toEqual([2, [], []])
      const primary = scene.primary()
      expect(primary && scene.lostOn(primary), scene.tell()).toBe(0)
    },
  )

  test('of three, fence stopped: less is accepted by the name that is told, and another server leads without loss', async () => {
    const scene = await backAlive(3, false)
    expect(words(scene)).toContain('--abandon --fence readonly')
    const less = { kind: 'at_least', level: 'readonly' } as const
    expect(await given(scene, { verb: 'failover', abandon: true, fence: less }), scene.tell()).toMatchObject({
      kind: 'done',
    })
    expect(await scene.timeline.run(() => isOpen(scene), 20_000), scene.tell()).toBe(true)
    const primary = scene.primary()
    expect([primary && scene.lostOn(primary), scene.promises.broken], scene.tell()).toEqual([0, []])
  })

  test('while a winner cannot be opened, a primary of an older reign that comes back open is closed all the same', async () => {
    const scene = await steady({ flavour, servers: 4, startsReadOnly: false, routes: ['proxy', 'dns'] })
    const { universe, timeline } = scene
    const [, dns] = universe.routes
    universe.kill('s1')
    expect(await timeline.run(() => scene.reign()?.epoch === 2 && isOpen(scene), 20_000), scene.tell()).toBe(true)
    await timeline.pass(5000)
    universe.kill(scene.primary()?.name ?? '')
    expect(await timeline.run(() => isMinted(scene), 20_000), scene.tell()).toBe(true)
    killRegent(scene)
    if (dns) dns.reachable = false
    await scene.regent()
    await timeline.pass(20_000)
    expect([isMinted(scene), codes(scene)], scene.tell()).toEqual([true, ['winner_not_opened']])
    universe.restart('s1')
    const closed = () => universe.named('s1').life === 'up' && universe.named('s1').access === 'closed_to_all'
    expect(await timeline.run(closed, 60_000), scene.tell()).toBe(true)
    expect(isMinted(scene)).toBe(true)
    if (dns) dns.reachable = true
    expect(await timeline.run(() => isOpen(scene), 30_000), scene.tell()).toBe(true)
    expect([scene.reign()?.epoch, scene.promises.broken], scene.tell()).toEqual([3, []])
  })

  test('where a person is to act, a primary that came back closed is told of with the command that opens it', async () => {
    const scene = new Scene({ ...A_SCENE, flavour, policy: { recovery: 'ask' } })
    await scene.regent()
    await scene.timeline.pass(1000)
    await given(scene, { verb: 'adopt' })
    await scene.timeline.pass(3000)
    scene.universe.kill('s1')
    scene.universe.restart('s1')
    await scene.timeline.pass(30_000)
    expect([codes(scene), words(scene)]).toEqual([['manual'], expect.stringContaining('regent unfence s1 --reason')])
    expect(await given(scene, { verb: 'unfence', server: 's1:3306' }), scene.tell()).toMatchObject({ kind: 'done' })
    expect(await scene.writable(10_000), scene.tell()).toBe(true)
    await scene.timeline.pass(3000)
    expect(codes(scene)).toEqual([])
  })

  test('where a person is to act, an older primary that takes writes is told of with the command that closes it', async () => {
    const scene = new Scene({ ...A_SCENE, flavour, startsReadOnly: false, policy: { recovery: 'ask' } })
    await scene.regent()
    await scene.timeline.pass(1000)
    await given(scene, { verb: 'adopt' })
    await scene.timeline.pass(3000)
    scene.universe.kill('s1')
    await scene.timeline.pass(3000)
    expect(await given(scene, { verb: 'failover' }), scene.tell()).toMatchObject({ kind: 'done' })
    scene.universe.restart('s1')
    await scene.timeline.pass(5000)
    expect([codes(scene), words(scene)]).toEqual([['manual'], expect.stringContaining('regent fence s1 --reason')])
    expect(await given(scene, { verb: 'fence', server: 's1:3306' }), scene.tell()).toMatchObject({ kind: 'done' })
    expect(scene.universe.named('s1').access).not.toBe('writable')
  })

  test('where a person is to act, a primary whose history went backwards is closed, and replaced, by the commands that are told', async () => {
    const scene = new Scene({ ...A_SCENE, flavour, startsReadOnly: false, policy: { recovery: 'ask' } })
    await scene.regent()
    await scene.timeline.pass(1000)
    await given(scene, { verb: 'adopt' })
    await scene.timeline.pass(5000)
    scene.writer.stop()
    const old = scene.universe.named('s1')
    scene.universe.kill('s1')
    old.binlog = old.binlog.slice(0, 3)
    scene.universe.restart('s1')
    await scene.timeline.pass(5000)
    expect([codes(scene), words(scene)]).toEqual([['manual'], expect.stringContaining('regent fence s1 --reason')])
    expect(await given(scene, { verb: 'fence', server: 's1:3306' }), scene.tell()).toMatchObject({ kind: 'done' })
    await scene.timeline.pass(3000)
    expect([old.access, codes(scene)], scene.tell()).toEqual(['closed_to_all', []])
    expect(scene.processes[0]?.keeper.view()?.sentence).toContain('regent failover')
    expect(await given(scene, { verb: 'failover' }), scene.tell()).toMatchObject({ kind: 'done' })
    expect(await scene.timeline.run(() => isOpen(scene), 20_000), scene.tell()).toBe(true)
  })

  test('a primary that is sound is not closed by a person who names it', async () => {
    const scene = await steady({ flavour })
    expect(await given(scene, { verb: 'fence', server: 's1:3306' })).toMatchObject({ kind: 'refused' })
    expect(scene.universe.named('s1').access).toBe('writable')
  })

  test('giving a winner up names what an older primary that answers has and the others lack, and how less is accepted', async () => {
    const scene = await steady({ flavour, startsReadOnly: false, policy: { routesAreComplete: false } })
    const { universe, timeline } = scene
    const order = { verb: 'switchover', server: 's3:3306', yes: true, reason: 'a test', by: 'ann' } as const
    const keeper = scene.processes.at(-1)?.keeper
    if (keeper) void runCommand(keeper, order).catch(() => undefined)
    expect(await timeline.run(() => isMinted(scene), 5000), scene.tell()).toBe(true)
    killRegent(scene)
    universe.kill('s3')
    universe.kill('s1')
    universe.restart('s1')
    const direct = new Writer(universe, undefined, 5)
    await timeline.pass(500)
    direct.stop()
    expect(direct.acknowledged.length).toBeGreaterThan(0)
    await scene.regent()
    await timeline.pass(8000)
    const refused = JSON.stringify(await planned(scene, { verb: 'failover', abandon: true }))
    expect(refused).toContain('--abandon --fence none')
    const none = { kind: 'at_least', level: 'none' } as const
    const plan = await planned(scene, { verb: 'failover', abandon: true, fence: none })
    expect(plan.kind === 'plan' && plan.plan.risks.map((r) => r.code), scene.tell()).toContain('predecessor_ahead')
    scene.writer.stop()
  })

  test('a pause that keeps a primary closed names the command that ends it', async () => {
    const scene = await steady({ flavour })
    await pausedFor(scene, 600_000)
    scene.universe.kill('s1')
    scene.universe.restart('s1')
    await scene.timeline.pass(30_000)
    expect([codes(scene), words(scene)]).toEqual([['paused'], expect.stringContaining('regent resume shop')])
  })
})

async function pausedFor(scene: Scene, ms: number): Promise<void> {
  const keeper = scene.processes.at(-1)?.keeper
  let done = false
  if (keeper)
    void giveOrders.pause(keeper, { reason: 'a test', by: 'ann', forMs: ms }).then(() => {
      done = true
    })
  await scene.timeline.run(() => done, 5000)
}
