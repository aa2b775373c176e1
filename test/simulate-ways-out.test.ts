import { describe, expect, test } from 'vitest'
import { A_SCENE, Scene, type SceneOptions } from '../src/lab/simulate/index.ts'
import { serverId } from '../src/model/ids.ts'
import type { Planned } from '../src/model/plan.ts'
import { type Command, planCommand, type RecoveryEnd, runCommand } from '../src/run/daemon/index.ts'

type Given = Omit<Command, 'reason' | 'by'> & { readonly reason?: string }

const MINUTE_MS = 60_000

async function settled<T>(scene: Scene, work: Promise<T>): Promise<T> {
  const ends: T[] = []
  const errors: unknown[] = []
  void work.then(
    (end) => ends.push(end),
    (error: unknown) => errors.push(error),
  )
  await scene.timeline.run(() => ends.length + errors.length > 0, 60_000)
  const [end] = ends
  if (end === undefined) throw errors[0] ?? new Error(`no end:\n${scene.tell()}`)
  return end
}

function keeperOf(scene: Scene) {
  const regent = scene.processes.at(-1)
  if (!regent) throw new Error('no Regent runs')
  return regent.keeper
}

const whole = (command: Given): Command => ({ reason: 'as the story goes', by: 'ann', ...command })
const given = (scene: Scene, command: Given): Promise<RecoveryEnd> =>
  settled(scene, runCommand(keeperOf(scene), whole(command)))
const shown = (scene: Scene, command: Given): Promise<Planned> =>
  settled(scene, planCommand(keeperOf(scene), whole(command)))

const reasonsOf = (answer: RecoveryEnd | Planned) =>
  answer.kind === 'refused' || answer.kind === 'refusal' ? answer.reasons : []
const codesOf = (answer: RecoveryEnd | Planned): readonly string[] => reasonsOf(answer).map((r) => r.code)
const waysOf = (answer: RecoveryEnd | Planned): string =>
  reasonsOf(answer)
    .map((r) => r.tryThis)
    .join()
const risksOf = (planned: Planned): readonly string[] =>
  planned.kind === 'plan' ? planned.plan.risks.map((r) => r.code) : []

const rowOf = (scene: Scene): string | undefined => keeperOf(scene).view()?.diagnosis.primary.row
const writable = (scene: Scene): readonly string[] =>
  scene.universe.servers.filter((s) => s.life === 'up' && s.access === 'writable').map((s) => s.name)

/** The most that were open at once since, seen at every opening. */
function watchOpen(scene: Scene): () => number {
  let most = writable(scene).length
  scene.universe.whenOpened(() => {
    most = Math.max(most, writable(scene).length)
  })
  return () => most
}

/** Another host name, data directory or server_id; a lost auto.cnf: the data stays. */
const renamed = (scene: Scene, name: string, identity: string): void => {
  Reflect.set(scene.universe.named(name), 'id', serverId(identity))
}

async function steady(options: Partial<SceneOptions>): Promise<Scene> {
  const scene = new Scene({ ...A_SCENE, ...options })
  await scene.steady()
  return scene
}

/** The primary restarts under another identity, closed, as servers start here. */
async function anew(scene: Scene): Promise<void> {
  scene.universe.kill('s1')
  renamed(scene, 's1', 's1-anew')
  scene.universe.restart('s1')
  expect(await scene.timeline.run(() => rowOf(scene) === 'reign_without_server', 20_000), scene.tell()).toBe(true)
  await scene.timeline.pass(3000)
}

function expectLed(scene: Scene, by: { readonly name: string; readonly epoch: number }): void {
  const { name, epoch } = by
  expect([scene.primary()?.name, scene.reign()?.epoch, scene.reign()?.state, writable(scene)], scene.tell()).toEqual([
    ...[name, epoch, 'open'],
    [name],
  ])
  const primary = scene.primary()
  expect(primary && scene.lostOn(primary), scene.tell()).toBe(0)
  expect(scene.promises.broken, scene.tell()).toEqual([])
}

describe.each(['mysql', 'mariadb'] as const)('a primary that comes back under a new identity, on %s', (flavour) => {
  const OVER = { verb: 'adopt', open: true, overReign: true } as const

  test('is refused by the name of the command that leads out, and that one records a new reign for good', async () => {
    const scene = await steady({ flavour })
    const most = watchOpen(scene)
    await anew(scene)
    expect(keeperOf(scene).view()?.diagnosis.primary.because).toContain('regent adopt --open --over-reign')
    const refused = await given(scene, { verb: 'adopt', open: true })
    expect(codesOf(refused), scene.tell()).toEqual(['already_adopted'])
    expect(waysOf(refused)).toContain('regent adopt shop --open --over-reign --reason')
    const planned = await shown(scene, OVER)
    expect(risksOf(planned), JSON.stringify(planned)).toContain('over_reign')
    expect(await given(scene, OVER), scene.tell()).toMatchObject({ kind: 'done' })
    expect(await scene.writable(5000), scene.tell()).toBe(true)
    await scene.timeline.pass(2 * MINUTE_MS)
    expectLed(scene, { name: 's1', epoch: 2 })
    expect([scene.reign()?.primary, rowOf(scene), most()]).toEqual(['s1-anew', 'healthy', 1])
    const records = [...scene.durable.recoveries.values()].map((r) => r.record)
    expect(records.findLast((r) => r.kind === 'adopt')?.because).toBe('ann: as the story goes')
    scene.universe.kill('s1')
    expect(await scene.timeline.run(() => scene.reign()?.epoch === 3 && scene.led(), 20_000), scene.tell()).toBe(true)
  })

  test('while it takes writes is recorded as it is: no client is cut, nothing is opened', async () => {
    const scene = await steady({ flavour })
    renamed(scene, 's1', 's1-anew')
    const found = (): boolean => rowOf(scene) === 'somebody_else_takes_writes'
    expect(await scene.timeline.run(found, 20_000), scene.tell()).toBe(true)
    expect(keeperOf(scene).view()?.diagnosis.primary.because).toContain('regent adopt --over-reign')
    expect(codesOf(await given(scene, { verb: 'adopt' }))).toEqual(['already_adopted'])
    expect(await given(scene, { verb: 'adopt', overReign: true }), scene.tell()).toMatchObject({ kind: 'done' })
    expect(await scene.writable(5000), scene.tell()).toBe(true)
    await scene.timeline.pass(MINUTE_MS)
    expectLed(scene, { name: 's1', epoch: 2 })
    expect(rowOf(scene)).toBe('healthy')
  })

  test('with an emptied data directory is not opened over what its replicas have', async () => {
    const scene = await steady({ flavour })
    scene.universe.kill('s1')
    scene.universe.named('s1').binlog = []
    await anew(scene)
    const refused = await given(scene, OVER)
    expect(codesOf(refused), scene.tell()).toEqual(['gtids_reused'])
    expect(waysOf(refused)).toContain('--over-reign --reason "…" --over-history')
    expect([writable(scene), scene.reign()?.epoch]).toEqual([[], 1])
  })

  test('is not opened while a server does not answer, nor beside one that follows somebody else', async () => {
    const scene = await steady({ flavour })
    await anew(scene)
    scene.universe.kill('s3')
    await scene.timeline.pass(3000)
    expect(codesOf(await given(scene, OVER)), scene.tell()).toEqual(['not_all_answer'])
    scene.universe.restart('s3')
    scene.universe.named('s3').channel = undefined
    await scene.timeline.pass(3000)
    const apart = await given(scene, { ...OVER, server: 's1:3306' })
    expect(codesOf(apart), scene.tell()).toEqual(['not_followed'])
    expect(waysOf(apart)).toContain('regent forget')
    expect([writable(scene), scene.reign()?.epoch]).toEqual([[], 1])
  })

  test('needs a reason; where the primary of the reign is known, alive or dead, it is no way at all', async () => {
    const scene = new Scene({ ...A_SCENE, flavour, policy: { recovery: 'ask' } })
    await scene.regent()
    await scene.timeline.pass(1000)
    expect(await given(scene, { verb: 'adopt' }), scene.tell()).toMatchObject({ kind: 'done' })
    await scene.timeline.pass(3000)
    await expect(given(scene, { ...OVER, reason: '' })).rejects.toThrow('needs a reason')
    expect(codesOf(await given(scene, OVER))).toEqual(['already_adopted'])
    scene.processes[0]?.life.kill()
    scene.universe.kill('s1')
    await scene.timeline.pass(10_000)
    await scene.regent()
    await scene.timeline.pass(5000)
    const dead = await given(scene, { ...OVER, server: 's2:3306' })
    expect(codesOf(dead), scene.tell()).toEqual(['already_adopted'])
    expect(waysOf(dead)).toContain('regent failover shop')
    expect([writable(scene), scene.reign()?.epoch]).toEqual([[], 1])
  })
})

describe.each(['mysql', 'mariadb'] as const)(
  'of two, the minted winner is gone and the old primary is back, on %s',
  (flavour) => {
    const BACK = { verb: 'adopt', open: true, server: 's1:3306', overReign: true, abandon: true } as const

    async function winnerGone(options: Partial<SceneOptions> = {}): Promise<Scene> {
      const scene = await steady({ flavour, servers: 2, ...options })
      scene.universe.kill('s1')
      expect(await scene.timeline.run(() => scene.reign()?.state === 'opening', 10_000), scene.tell()).toBe(true)
      scene.universe.kill('s2')
      const [route] = scene.universe.routes
      const { cluster, epoch } = scene.reign() ?? {}
      if (!route || !cluster || !epoch) throw new Error('nothing is minted')
      // By a Regent that ended before it could write that down: it is not known that nobody was led to the winner.
      route.message = { cluster, epoch, number: 0, kind: 'withdrawn' }
      scene.universe.restart('s1')
      await scene.timeline.pass(10_000)
      expect([scene.reign()?.epoch, writable(scene)], scene.tell()).toEqual([2, []])
      return scene
    }

    test('every refusal names the way out, and that one makes it the primary for good', async () => {
      const scene = await winnerGone()
      const most = watchOpen(scene)
      const waits = await given(scene, { verb: 'unfence', server: 's1:3306', overReign: true })
      expect(codesOf(waits), scene.tell()).toEqual(['waits_for_winner'])
      expect(waysOf(waits)).toContain('regent adopt shop --server s1 --open --over-reign --abandon --reason')
      const unnamed = { verb: 'adopt', open: true, server: 's1:3306', overReign: true } as const
      expect(codesOf(await shown(scene, unnamed))).toEqual(['waits_for_winner'])
      expect(waysOf(await shown(scene, unnamed))).toContain('--open --over-reign --abandon --reason')
      expect(codesOf(await given(scene, { verb: 'adopt', open: true, abandon: true }))).toEqual(['already_adopted'])
      expect(risksOf(await shown(scene, BACK))).toContain('winner_unseen')
      expect(await given(scene, BACK), scene.tell()).toMatchObject({ kind: 'done' })
      expect(await scene.writable(5000), scene.tell()).toBe(true)
      await scene.timeline.pass(2 * MINUTE_MS)
      expectLed(scene, { name: 's1', epoch: 3 })
      scene.universe.restart('s2')
      const follows = (): boolean => scene.universe.named('s2').channel?.source.host === 's1'
      expect(await scene.timeline.run(follows, 30_000), scene.tell()).toBe(true)
      await scene.timeline.pass(MINUTE_MS)
      expectLed(scene, { name: 's1', epoch: 3 })
      expect(most()).toBe(1)
    })

    test('it can be fenced meanwhile, and the winner is still waited for', async () => {
      const scene = await winnerGone()
      expect(await given(scene, { verb: 'fence', server: 's1:3306' }), scene.tell()).toMatchObject({ kind: 'done' })
      await scene.timeline.pass(5000)
      expect([scene.reign()?.epoch, scene.reign()?.state, writable(scene)], scene.tell()).toEqual([2, 'opening', []])
      scene.universe.restart('s2')
      const leads = (): boolean => scene.reign()?.state === 'open' && scene.led()
      expect(await scene.timeline.run(leads, 30_000), scene.tell()).toBe(true)
      await scene.timeline.pass(5000)
      expectLed(scene, { name: 's2', epoch: 2 })
    })

    test('it is opened for a time by name; when the winner is back instead, it is closed before that one opens', async () => {
      const scene = await winnerGone()
      const most = watchOpen(scene)
      const open = { verb: 'unfence', server: 's1:3306', overReign: true, abandon: true, forMs: MINUTE_MS } as const
      expect(await given(scene, open), scene.tell()).toMatchObject({ kind: 'done' })
      await scene.timeline.pass(5000)
      expect(writable(scene), scene.tell()).toEqual(['s1'])
      scene.universe.restart('s2')
      await scene.timeline.pass(3 * MINUTE_MS)
      expect(writable(scene).length, scene.tell()).toBe(1)
      expect(most()).toBe(1)
    })

    test('by a Regent that ends half-way: the winner that comes back open meanwhile is closed before the old primary opens', async () => {
      const scene = await winnerGone({ startsReadOnly: false })
      const most = watchOpen(scene)
      void runCommand(keeperOf(scene), whole(BACK)).catch(() => undefined)
      expect(await scene.timeline.run(() => scene.reign()?.epoch === 3, 20_000), scene.tell()).toBe(true)
      scene.processes[0]?.life.kill()
      expect(writable(scene), scene.tell()).toEqual([])
      scene.universe.restart('s2')
      await scene.timeline.pass(6000)
      await scene.regent()
      const leads = (): boolean => scene.reign()?.state === 'open' && scene.led()
      expect(await scene.timeline.run(leads, 60_000), scene.tell()).toBe(true)
      expect(most(), scene.tell()).toBe(1)
      await scene.timeline.pass(MINUTE_MS)
      expectLed(scene, { name: 's1', epoch: 3 })
    })

    test('a winner that answers is not given up for it', async () => {
      const scene = await winnerGone()
      scene.universe.restart('s2')
      expect(codesOf(await given(scene, BACK)), scene.tell()).toEqual(['already_adopted'])
      expect(writable(scene), scene.tell()).not.toContain('s1')
    })
  },
)
