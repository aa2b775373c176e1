import { describe, expect, test } from 'vitest'
import type { QuestionJson } from '../src/faces/api/contract.ts'
import { LocalClient } from '../src/faces/api/local.ts'
import { A_SCENE, RegentProcess, Scene, type SceneOptions } from '../src/lab/simulate/index.ts'
import { type Command, planCommand, type RecoveryEnd, runCommand, type Shown } from '../src/run/daemon/index.ts'
import { inOrder } from './simulate-stories.ts'

const FLAVOURS = ['mysql', 'mariadb'] as const
const FAILOVER: Command = { verb: 'failover', reason: 'the host must go', by: 'ann' }

/** Virtual time goes on until it is settled. */
async function settled<T>(scene: Scene, work: Promise<T>, limitMs = 60_000): Promise<T> {
  const ends: T[] = []
  void work.then((end) => ends.push(end))
  await scene.timeline.run(() => ends.length > 0, limitMs)
  const [end] = ends
  if (end === undefined) throw new Error(`not settled:\n${scene.tell()}`)
  return end
}

interface Commanded {
  readonly scene: Scene
  readonly regent: RegentProcess
  readonly running: Promise<RecoveryEnd>
  /** All that a person could find changed afterwards. */
  readonly before: string
}

const stateOf = (scene: Scene): string =>
  JSON.stringify([
    scene.universe.routes.map((r) => r.message?.kind === 'open' && r.message.primary),
    scene.universe.servers.map((s) => [
      s.name,
      s.access,
      s.source,
      s.channel && [s.channel.source.host, s.channel.receiver, s.channel.applier],
    ]),
    scene.reign()?.primary,
    scene.reign()?.epoch,
  ])

/** A person is shown a plan and says yes; before its seal is read the cluster becomes another one. */
async function commanded(
  options: Partial<SceneOptions>,
  upset: (scene: Scene, regent: RegentProcess) => void | Promise<void>,
  command: Partial<Command> = {},
): Promise<Commanded> {
  const scene = new Scene({ ...A_SCENE, ...options })
  const regent = await scene.steady()
  const before = stateOf(scene)
  const given = { ...FAILOVER, ...command }
  const planned = await settled(scene, planCommand(regent.keeper, given))
  if (planned.kind !== 'plan' || !planned.expected || 'reasons' in planned.expected) throw new Error('no whole plan')
  const shown: Shown = { plan: planned.plan, expected: planned.expected }
  await upset(scene, regent)
  return { scene, regent, running: runCommand(regent.keeper, given, shown), before }
}

/** s2 was to win; it receives nothing any more, and s3 has what s2 lacks. */
async function leaveBehind(scene: Scene): Promise<void> {
  scene.universe.cutLink('s1', 's2')
  await scene.timeline.pass(300)
}

/** Frozen as act 1 begins: it misses the seal, and may hold the only acknowledgement. */
function loseOne(scene: Scene, regent: RegentProcess): void {
  regent.daemon.listen((event) => {
    if (event.kind === 'recovery_began') scene.universe.freeze('s3')
  })
}

const ANY_LOSS = { loss: { kind: 'at_most', seconds: Number.POSITIVE_INFINITY } } as const

const question = (regent: RegentProcess) => regent.keeper.office.questions.open()
const told = (regent: RegentProcess, kind: 'question' | 'answered') => regent.events.filter((e) => e.kind === kind)

async function untilAsked({ scene, regent }: Commanded): Promise<NonNullable<ReturnType<typeof question>>> {
  expect(await scene.timeline.run(() => question(regent) !== undefined, 10_000), scene.tell()).toBe(true)
  const asked = question(regent)
  if (!asked) throw new Error('nothing is asked')
  return asked
}

/** Nothing that act 1 did is left, and clients write to whom they wrote before. */
async function expectTakenBack({ scene, before }: Commanded): Promise<void> {
  scene.universe.heal()
  for (const { name } of scene.universe.servers) scene.universe.thaw(name)
  expect(
    await scene.timeline.run(() => stateOf(scene) === before, 15_000),
    `${before}\n${stateOf(scene)}\n${scene.tell()}`,
  ).toBe(true)
  expect(await scene.writable(5000), scene.tell()).toBe(true)
  expect(scene.primary()?.name).toBe('s1')
  expect(scene.openRecovery()).toBeUndefined()
  expect(scene.promises.broken, scene.tell()).toEqual([])
}

async function expectMoved({ scene, regent }: Commanded, winner: string): Promise<void> {
  const { keeper } = regent
  await settled(
    scene,
    keeper.exclusively(async () => true),
  )
  expect(await scene.timeline.run(() => scene.led() && scene.primary()?.name === winner, 10_000), scene.tell()).toBe(
    true,
  )
  expect(await scene.writable(5000), scene.tell()).toBe(true)
  expect(scene.promises.broken, scene.tell()).toEqual([])
  const primary = scene.primary()
  expect(primary && scene.lostOn(primary), scene.tell()).toBe(0)
}

describe.each(FLAVOURS)('act 2 is not the one that was shown, on %s', (flavour) => {
  test('no: act 1 is taken back and nothing stays changed', async () => {
    const run = await commanded({ flavour }, leaveBehind)
    const { id, differs, plan } = await untilAsked(run)
    expect(differs.map((d) => [d.kind, d.says])).toEqual([['other_winner', 's3 becomes the primary, not s2']])
    expect(plan).toMatchObject({ act: 2, mints: { winner: 's3' } })
    expect(run.regent.keeper.office.questions.answer(id, false)).toBe(true)
    const end = await settled(run.scene, run.running)
    expect(end).toMatchObject({ kind: 'refused', undone: true, reasons: [{ code: 'answered_no' }] })
    await expectTakenBack(run)
    expect(run.regent.keeper.office.questions.answer(id, true)).toBe(false)
  })

  test('silence for 30 s is a no', async () => {
    const run = await commanded({ flavour }, leaveBehind)
    const { until } = await untilAsked(run)
    const askedAt = run.regent.keeper.office.clock.wall()
    expect(until - askedAt).toBe(30_000)
    await run.scene.timeline.pass(29_000)
    expect(question(run.regent)).toBeDefined()
    const end = await settled(run.scene, run.running, 5000)
    expect(end).toMatchObject({ kind: 'refused', undone: true, reasons: [{ code: 'not_answered' }] })
    expect(told(run.regent, 'answered')).toMatchObject([{ answer: 'silence' }])
    await expectTakenBack(run)
  })

  test('yes: it goes on with the plan that was asked about', async () => {
    const run = await commanded({ flavour }, leaveBehind)
    const { id } = await untilAsked(run)
    await run.scene.timeline.pass(8000)
    run.regent.keeper.office.questions.answer(id, true)
    expect(await settled(run.scene, run.running)).toMatchObject({ kind: 'done', newPrimary: 's3' })
    run.scene.universe.heal()
    await expectMoved(run, 's3')
    expect(told(run.regent, 'question')).toHaveLength(1)
    const { journal, cluster } = run.regent.keeper.office
    const records = await settled(run.scene, journal.list(cluster, 9))
    const record = records.find((r) => r.kind === 'failover')
    expect(record?.events.map((e) => e.says).join('\n')).toMatch(/asked again: s3 becomes.*\n.*the answer was yes/)
  })

  test('the winner dies while it is thought about: yes is not enough, and what is proven then decides', async () => {
    const run = await commanded({ flavour }, leaveBehind)
    const { id } = await untilAsked(run)
    run.scene.universe.kill('s3')
    await run.scene.timeline.pass(1000)
    run.regent.keeper.office.questions.answer(id, true)
    const end = await settled(run.scene, run.running)
    expect(end).toMatchObject({ kind: 'refused', undone: true, reasons: [{ code: 'loss_not_provable' }] })
    run.scene.universe.restart('s3')
    await expectTakenBack(run)
  })

  test('a plan that changed once more by the time of a yes is asked again, within the same deadline', async () => {
    const run = await commanded({ flavour, policy: ANY_LOSS }, leaveBehind)
    const first = await untilAsked(run)
    run.scene.universe.kill('s3')
    await run.scene.timeline.pass(20_000)
    run.regent.keeper.office.questions.answer(first.id, true)
    await run.scene.timeline.pass(3000)
    const second = await untilAsked(run)
    expect(second.differs.map((d) => d.kind)).toEqual(['other_winner', 'left_out', 'more_loss', 'fewer_acks'])
    expect(second.until - first.until).toBeLessThan(50)
    const end = await settled(run.scene, run.running, 10_000)
    expect(end).toMatchObject({ kind: 'refused', undone: true, reasons: [{ code: 'not_answered' }] })
    run.scene.universe.restart('s3')
    await expectTakenBack(run)
  })

  test('--yes covers another winner: nobody is asked, and the record says why', async () => {
    const run = await commanded({ flavour }, leaveBehind, { yes: true })
    expect(await settled(run.scene, run.running)).toMatchObject({ kind: 'done', newPrimary: 's3' })
    run.scene.universe.heal()
    await expectMoved(run, 's3')
    expect(told(run.regent, 'question')).toEqual([])
  })

  test('--yes never covers more loss than was shown: refused, and act 1 is taken back', async () => {
    const run = await commanded({ flavour, policy: ANY_LOSS }, loseOne, { yes: true })
    const end = await settled(run.scene, run.running)
    expect(end).toMatchObject({ kind: 'refused', undone: true, reasons: [{ code: 'more_than_shown' }] })
    expect(JSON.stringify(end)).toContain('how much may be lost is not known')
    expect(told(run.regent, 'question')).toEqual([])
    await expectTakenBack(run)
  })

  test('a person may accept more loss than was shown', async () => {
    const run = await commanded({ flavour, policy: ANY_LOSS }, loseOne)
    const { id, differs } = await untilAsked(run)
    expect(differs.map((d) => d.kind)).toEqual(['left_out', 'more_loss', 'fewer_acks'])
    run.regent.keeper.office.questions.answer(id, true)
    expect(await settled(run.scene, run.running)).toMatchObject({ kind: 'done', newPrimary: 's2' })
    run.scene.universe.thaw('s3')
    await expectMoved(run, 's2')
  })

  test('Regent is told to end while it asks: no, and act 1 is taken back before it is gone', async () => {
    const run = await commanded({ flavour }, leaveBehind)
    await untilAsked(run)
    run.regent.keeper.office.questions.end()
    const end = await settled(run.scene, run.running, 5000)
    expect(end).toMatchObject({ kind: 'refused', undone: true, reasons: [{ code: 'answered_no' }] })
    await expectTakenBack(run)
  })

  test('Regent is killed while it asks: the next one takes act 1 back', async () => {
    const run = await commanded({ flavour }, leaveBehind)
    await untilAsked(run)
    run.regent.life.kill()
    await run.scene.timeline.pass(2000)
    await run.scene.regent()
    await expectTakenBack(run)
  })

  test.each(['failover', 'switchover'] as const)('a %s that is as shown asks nothing', async (verb) => {
    const run = await commanded({ flavour, servers: 4 }, () => undefined, { verb })
    expect(await settled(run.scene, run.running), run.scene.tell()).toMatchObject({ kind: 'done', left: [] })
    expect(told(run.regent, 'question')).toEqual([])
    expect(await run.scene.timeline.run(() => inOrder(run.scene), 30_000), run.scene.tell()).toBe(true)
  })

  test('more loss before the first change is refused before it: nothing was touched', async () => {
    const run = await commanded({ flavour, policy: ANY_LOSS, servers: 4 }, async (scene) => {
      scene.universe.freeze('s4')
      await scene.timeline.pass(2000)
    })
    const end = await settled(run.scene, run.running)
    expect(end).toMatchObject({ kind: 'refused', undone: false, reasons: [{ code: 'plan_changed' }] })
  })

  test('a recovery that was left open and is taken back first is named where the plan is not as shown any more', async () => {
    const run = await commanded({ flavour }, leaveBehind)
    const { scene, regent } = run
    const { id } = await untilAsked(run)
    regent.life.kill()
    await scene.timeline.pass(8000)
    const { universe, durable, config } = scene
    const next = new RegentProcess({ name: 'next', universe, durable, config })
    await settled(
      scene,
      next.daemon.startOnce('next').then(() => true),
    )
    const planned = await settled(scene, planCommand(next.keeper, FAILOVER))
    if (planned.kind !== 'plan') throw new Error(JSON.stringify(planned))
    const end = await settled(scene, runCommand(next.keeper, FAILOVER, { plan: planned.plan }))
    expect(end, scene.tell()).toMatchObject({ kind: 'refused', undone: false, reasons: [{ code: 'plan_changed' }] })
    expect(JSON.stringify(end)).toContain(`shown: recovery ${id}, which was left open, was taken back first`)
  })

  test('through the API: the plan as answered is given back, the question is read by the id of that plan, in names', async () => {
    const scene = new Scene({ ...A_SCENE, flavour })
    const regent = await scene.steady()
    const client = new LocalClient(regent.daemon)
    const command = { verb: 'failover', reason: 'the host must go', by: 'ann' } as const
    const planned = await settled(scene, client.plan('shop', command))
    if (planned.kind !== 'plan' || !planned.expected || 'reasons' in planned.expected) throw new Error('no whole plan')
    await leaveBehind(scene)
    const id = planned.plan.recovery
    expect(await client.question(id)).toBeUndefined()
    const shown = JSON.parse(JSON.stringify({ plan: planned.plan, expected: planned.expected.plan }))
    const running = client.run('shop', { ...command, shown })
    expect(await scene.timeline.run(() => question(regent) !== undefined, 10_000), scene.tell()).toBe(true)
    const asked = await client.question(id)
    expect(asked).toMatchObject({ id, differs: [{ says: 's3:3306 becomes the primary, not s2:3306' }] })
    expect(asked && asked.until - asked.at).toBe(30_000)
    expect((await settled(scene, client.cluster('shop'))).question).toMatchObject({
      id,
    } satisfies Partial<QuestionJson>)
    await expect(client.answer('r-other', true)).rejects.toThrow('asks nothing')
    await client.answer(id, false)
    const end = await settled(scene, running)
    expect(end).toMatchObject({ kind: 'refused', id, undone: true })
    expect(JSON.stringify(end)).toContain('s3:3306 becomes the primary')
    await expect(client.answer(id, true)).rejects.toThrow('asks nothing')
    expect((await settled(scene, client.cluster('shop'))).question).toBeUndefined()
    const record = await settled(scene, client.recovery(id))
    expect(record).toMatchObject({ state: 'undone' })
    expect(record.events.map((e) => e.says).join()).toContain('s3:3306 becomes the primary')
  })
})

describe.each(FLAVOURS)('what was proven before a question holds no more after it, on %s', (flavour) => {
  test('a replica that was restarted meanwhile is not chosen for what it held when it was sealed', async () => {
    const run = await commanded({ flavour, servers: 4, waitCount: 2, writeEveryMs: 20 }, async (scene, regent) => {
      for (const server of scene.universe.servers) if (server.name !== 's1') server.applyMs = 400
      regent.daemon.listen((event) => void (event.kind === 'recovery_began' && scene.universe.freeze('s4')))
      scene.universe.cutLink('s1', 's2')
      await scene.timeline.pass(1500)
    })
    const { id, plan } = await untilAsked(run)
    const { universe, timeline } = run.scene
    const chosen = universe.servers.find((s) => s.id === plan.mints?.winner)?.name ?? ''
    expect(universe.named(chosen).channel?.relay.length).toBeGreaterThan(0)
    universe.kill(chosen)
    await timeline.pass(1500)
    universe.restart(chosen)
    await timeline.pass(1500)
    for (const server of universe.servers) server.applyMs = 1
    run.regent.keeper.office.questions.answer(id, true)
    await settled(run.scene, run.running)
    await timeline.pass(4000)
    const primary = run.scene.primary()
    expect(primary && run.scene.lostOn(primary), run.scene.tell()).toBe(0)
  })
})

test('an old primary that was closed and takes writes again is not replaced beside itself', async () => {
  const run = await commanded(
    { flavour: 'mariadb', servers: 4, startsReadOnly: false },
    ({ universe }, regent) =>
      void regent.daemon.listen((event) => {
        const counted =
          event.kind === 'step' && event.event.step.kind === 'count_ackers' && event.event.state === 'ended'
        if (counted) universe.kill('s4')
      }),
    { verb: 'switchover', server: 's2:3306' },
  )
  const { id } = await untilAsked(run)
  run.scene.universe.kill('s1')
  await run.scene.timeline.pass(1000)
  run.scene.universe.restart('s1')
  await run.scene.timeline.pass(1000)
  run.regent.keeper.office.questions.answer(id, true)
  const end = await settled(run.scene, run.running)
  expect(end).toMatchObject({ kind: 'refused', reasons: [{ code: 'primary_is_open' }] })
  const open = run.scene.universe.servers.filter((s) => s.life === 'up' && s.access === 'writable')
  expect(open.length, run.scene.tell()).toBeLessThanOrEqual(1)
})

describe('trap 35: what was seen before a question is looked at once more after it, on mariadb', () => {
  const BOSS = 'boss@10.0.0.9'

  /** A switchover whose second act leaves s4 out: the person is asked, with the old primary closed. */
  async function switchoverThatAsks(): Promise<{ run: Commanded; yes: () => Promise<RecoveryEnd> }> {
    const run = await commanded(
      { flavour: 'mariadb', servers: 4 },
      ({ universe }, regent) =>
        void regent.daemon.listen((event) => {
          const counted =
            event.kind === 'step' && event.event.step.kind === 'count_ackers' && event.event.state === 'ended'
          if (counted) universe.kill('s4')
        }),
      { verb: 'switchover', server: 's2:3306' },
    )
    const { id } = await untilAsked(run)
    return {
      run,
      yes: async () => {
        await run.scene.timeline.pass(2000)
        run.regent.keeper.office.questions.answer(id, true)
        return settled(run.scene, run.running)
      },
    }
  }

  test('a write that slipped in while it was thought about takes the switchover back', async () => {
    const { run, yes } = await switchoverThatAsks()
    const old = run.scene.universe.named('s1')
    expect(old.access).toBe('closed_to_all')
    const slipped = old.nextTransaction(100_000)
    old.append(slipped)
    const end = await yes()
    expect(end).toMatchObject({ kind: 'refused', undone: true, reasons: [{ code: 'act1_stopped' }] })
    expect(JSON.stringify(end)).toContain('wait until s2 has applied all of s1')
    run.scene.universe.restart('s4')
    expect(await run.scene.timeline.run(() => inOrder(run.scene), 30_000), run.scene.tell()).toBe(true)
    expect(run.scene.primary()?.name).toBe('s1')
    const everywhere = (): boolean => run.scene.universe.servers.every((s) => s.has(slipped))
    expect(await run.scene.timeline.run(everywhere, 5000), run.scene.tell()).toBe(true)
    expect(run.scene.promises.broken, run.scene.tell()).toEqual([])
  })

  test('a client that came back meanwhile, and that read-only does not hold, takes the switchover back by its name', async () => {
    const { run, yes } = await switchoverThatAsks()
    run.scene.universe.named('s1').bypasser = BOSS
    const end = await yes()
    expect(end).toMatchObject({ kind: 'refused', undone: true, reasons: [{ code: 'act1_stopped' }] })
    expect(JSON.stringify(end)).toContain(BOSS)
    run.scene.universe.restart('s4')
    await expectTakenBack(run)
  })

  test('where nobody wrote, the yes is enough', async () => {
    const { run, yes } = await switchoverThatAsks()
    expect(await yes(), run.scene.tell()).toMatchObject({ kind: 'done', newPrimary: 's2' })
    const looked = run.regent.events.flatMap((e) =>
      e.kind === 'step' && e.event.state === 'ended' ? [e.event.step.id] : [],
    )
    expect(looked.filter((id) => id === 'still:s2' || id === 'bar:s1')).toEqual([
      'bar:s1',
      'still:s2',
      'bar:s1',
      'still:s2',
    ])
    run.scene.universe.restart('s4')
    await expectMoved(run, 's2')
  })

  test('a living primary is not replaced while somebody writes there whom read-only does not hold: it is named', async () => {
    const run = await commanded({ flavour: 'mariadb' }, ({ universe }) => {
      universe.named('s1').bypasser = BOSS
    })
    const end = await settled(run.scene, run.running)
    expect(end).toMatchObject({ kind: 'refused', undone: true, reasons: [{ code: 'not_fenced' }] })
    expect(JSON.stringify(end)).toContain(`cut the clients of s1 that write in spite of read-only: ${BOSS}`)
    await expectTakenBack(run)
  })

  test('who came back while a failover of a living primary was thought about is named after the answer', async () => {
    const run = await commanded({ flavour: 'mariadb' }, leaveBehind)
    const { id } = await untilAsked(run)
    run.scene.universe.named('s1').bypasser = BOSS
    run.regent.keeper.office.questions.answer(id, true)
    const end = await settled(run.scene, run.running)
    expect(end).toMatchObject({ kind: 'refused', undone: true, reasons: [{ code: 'act1_stopped' }] })
    expect(JSON.stringify(end)).toContain(BOSS)
    await expectTakenBack(run)
  })
})
