import { describe, expect, test } from 'vitest'
import { planFailoverAct1 } from '../src/decide/recover/failover-act1.ts'
import { planFailoverAct2 } from '../src/decide/recover/failover-act2.ts'
import { planFence, planRejoin } from '../src/decide/recover/returning.ts'
import { followers, type Situation } from '../src/decide/recover/situation.ts'
import { planUnfence } from '../src/decide/recover/unfence.ts'
import { A_SCENE, RegentProcess, Scene, type SceneOptions } from '../src/lab/simulate/index.ts'
import { recoveryId, serverId } from '../src/model/ids.ts'
import type { Plan, Planned } from '../src/model/plan.ts'
import type { ServerStatus } from '../src/model/server.ts'
import { type Command, planCommand, runCommand } from '../src/run/daemon/index.ts'
import { A_REPLICA, A_SETTING, type Setting, situationOf } from './simulate-situations.ts'

const FLAVOURS = ['mysql', 'mariadb'] as const

const codes = (planned: ReturnType<typeof planUnfence>): readonly string[] =>
  planned.kind === 'refusal' ? planned.reasons.map((r) => r.code) : []

describe.each(FLAVOURS)('opening a primary by name on %s', (flavour) => {
  const living: Setting = { ...A_SETTING, flavour, subjectState: 'answers', stopped: false }

  test('W27: one that is behind its replicas is refused by name; accepted by name, the risk is named', () => {
    const situation = situationOf({
      ...living,
      primaryWrote: 8,
      replicas: [A_REPLICA, { ...A_REPLICA, received: 8, applied: 8 }],
    })
    const refused = planUnfence(situation)
    expect(codes(refused)).toEqual(['gtids_reused'])
    expect(JSON.stringify(refused)).toMatch(/s2 may have received.*skip these silently.*--over-history/)
    expect(JSON.stringify(refused)).not.toContain('s3 may')
    const accepted = planUnfence({ ...situation, overHistory: true })
    expect(accepted).toMatchObject({ kind: 'plan', plan: { risks: [{ code: 'gtids_reused' }] } })
    expect(codes(planUnfence({ ...situation, overReign: true }))).toEqual(['gtids_reused'])
  })

  test('one that has all that they received is opened, and nothing is risked', () => {
    expect(planUnfence(situationOf(living))).toMatchObject({ kind: 'plan', plan: { risks: [] } })
  })

  test('a server of another reign is opened over that reign alone, and two primaries are the named risk', () => {
    const other: Situation = { ...situationOf(living), subject: serverId('s2') }
    expect(codes(planUnfence(other))).toEqual(['another_reign'])
    expect(planUnfence({ ...other, overReign: true })).toMatchObject({
      kind: 'plan',
      plan: { risks: [{ code: 'another_reign' }] },
    })
  })
})

function withStatus(situation: Situation, id: string, more: Partial<ServerStatus>): Situation {
  const members = situation.topology.members.map((m) => {
    const { latest } = m.sighting
    if (m.id !== id || latest.kind !== 'answered') return m
    return { ...m, sighting: { ...m.sighting, latest: { ...latest, status: { ...latest.status, ...more } } } }
  })
  return { ...situation, topology: { ...situation.topology, members } }
}

test('a server that takes writes is closed before it is compared: the plan to rejoin only closes it', () => {
  const living = situationOf({ ...A_SETTING, subjectState: 'answers', stopped: false })
  const subject = serverId('s2')
  const kinds = (situation: Situation): readonly string[] => {
    const planned = planRejoin(situation)
    return planned.kind === 'plan' ? planned.plan.steps.map((s) => s.kind) : codes(planned)
  }
  expect(kinds({ ...withStatus(living, 's2', { access: 'writable' }), subject })).toEqual([
    'close_server',
    'cut_clients',
  ])
  expect(kinds({ ...living, subject })).toEqual(['attach'])
})

test('a server with the server_id of the primary is refused before it is changed, whether it takes writes or not', () => {
  const living = situationOf({ ...A_SETTING, subjectState: 'answers', stopped: false })
  const subject = serverId('s2')
  for (const access of ['writable', 'closed_to_all'] as const) {
    const planned = planRejoin({ ...withStatus(living, 's2', { access, numericId: 1 }), subject })
    expect(planned).toMatchObject({
      kind: 'refusal',
      reasons: [{ code: 'same_server_id', tryThis: expect.stringContaining('regent rejoin s2') }],
    })
  }
})

test('what it has of its own is kept by a command that is whole: it opens over the reign that stands, for a reason', () => {
  const replicas = [{ ...A_REPLICA, received: 12, applied: 12 }]
  const ahead = situationOf({ ...A_SETTING, subjectState: 'answers', stopped: false, replicas })
  const planned = planRejoin({ ...ahead, subject: serverId('s2') })
  expect(codes(planned)).toEqual(['errant_transactions'])
  expect(JSON.stringify(planned)).toMatch(/regent unfence s2 --over-reign --reason/)
})

test('trap 35: closing proves nothing before whom read-only does not hold is gone: on mariadb that is looked for last, on mysql never', () => {
  for (const flavour of FLAVOURS) {
    const living = situationOf({ ...A_SETTING, flavour, subjectState: 'answers', stopped: false })
    const bars = flavour === 'mariadb' ? [['bar:s2', 'stop']] : []
    const barred = (situation: Situation, planner: typeof planRejoin) => {
      const planned = planner(situation)
      if (planned.kind === 'refusal') throw new Error(JSON.stringify(planned))
      const { steps } = planned.plan
      const found = steps.filter((s) => s.kind === 'cut_clients' && s.whom === 'privileged')
      return { steps, found: found.map((s) => [s.id, s.ifItFails]) }
    }
    const writing = { ...withStatus(living, 's2', { access: 'writable' }), subject: serverId('s2') }
    for (const planner of [planFence, planRejoin]) {
      const { steps, found } = barred(writing, planner)
      expect(found).toEqual(bars)
      if (flavour === 'mariadb') expect(steps.at(-1)).toMatchObject({ id: 'bar:s2', after: ['cut:s2'] })
    }
    const { steps, found } = barred({ ...living, subject: serverId('s2') }, planRejoin)
    expect(found).toEqual(bars)
    expect(steps.find((s) => s.kind === 'attach')?.after).toEqual(bars.map(([id]) => id))
    const act1 = barred(living, planFailoverAct1)
    expect(act1.found).toEqual(flavour === 'mariadb' ? [['bar:s1', 'go_on']] : [])
    const act2 = planFailoverAct2(living, new Map(followers(living).map((f) => [f.id, f.status])))
    const barrier = act2.kind === 'plan' ? act2.plan.steps.find((s) => s.kind === 'barrier') : undefined
    const closing = flavour === 'mariadb' ? ['close:s1', 'bar:s1'] : ['close:s1']
    expect(barrier).toMatchObject({ closeSteps: closing })
  }
})

async function aScene(options: Partial<SceneOptions>): Promise<Scene> {
  const scene = new Scene({ ...A_SCENE, ...options })
  await scene.steady()
  return scene
}

async function given(scene: Scene, command: Partial<Command> & Pick<Command, 'verb'>) {
  let end: Awaited<ReturnType<typeof runCommand>> | undefined
  const process = scene.processes.findLast((p) => !p.life.dead)
  if (process)
    void runCommand(process.keeper, { reason: 'test', by: 'ann', ...command }).then((e) => {
      end = e
    })
  expect(await scene.timeline.run(() => end !== undefined, 30_000), scene.tell()).toBe(true)
  return end
}

async function settledPlan(scene: Scene, command: Command): Promise<Planned> {
  const process = scene.processes.findLast((p) => !p.life.dead)
  if (!process) throw new Error('nobody plans')
  let planned: Planned | undefined
  void planCommand(process.keeper, command).then((p) => {
    planned = p
  })
  await scene.timeline.run(() => planned !== undefined, 10_000)
  if (!planned) throw new Error(scene.tell())
  return planned
}

const replaced = async (scene: Scene): Promise<void> => {
  scene.universe.kill('s1')
  expect(await scene.timeline.run(() => scene.primary()?.name !== 's1' && scene.led(), 5000), scene.tell()).toBe(true)
  await scene.timeline.pass(2000)
}

describe.each(FLAVOURS)('a server that returns on %s', (flavour) => {
  test('a write that it takes until it is closed is found: nothing of its own is carried into the present reign', async () => {
    const scene = await aScene({ flavour })
    const stray = scene.universe.named('s3')
    stray.access = 'writable'
    await scene.timeline.pass(1000)
    const writing = (): boolean => {
      if (stray.access !== 'writable') return true
      stray.append(stray.nextTransaction(100_000 + stray.binlog.length))
      return false
    }
    const end = given(scene, { verb: 'rejoin', server: 's3:3306' })
    expect(await scene.timeline.run(writing, 10_000), scene.tell()).toBe(true)
    expect(await end, scene.tell()).toMatchObject({ kind: 'refused', reasons: [{ code: 'errant_transactions' }] })
    expect(stray.access).toBe('closed_to_all')
    const attached = scene.processes[0]?.events.some((e) => e.kind === 'step' && e.event.step.kind === 'attach')
    expect(attached, scene.tell()).toBe(false)
  })

  test('one that has written nothing is closed, compared, and follows again, by one command whose plan shows both parts', async () => {
    const scene = await aScene({ flavour })
    const stray = scene.universe.named('s3')
    stray.access = 'writable'
    await scene.timeline.pass(1000)
    const planned = await settledPlan(scene, { verb: 'rejoin', server: 's3:3306', reason: '', by: 'ann' })
    const kindsOf = (plan: Plan) => plan.steps.map((s) => s.kind)
    if (planned.kind !== 'plan' || !planned.expected || 'reasons' in planned.expected)
      throw new Error(JSON.stringify(planned))
    expect(kindsOf(planned.plan)).not.toContain('attach')
    expect(kindsOf(planned.expected).at(-1)).toBe('attach')
    expect(planned.expected.steps.some((s) => s.kind === 'close_server')).toBe(false)
    expect(await given(scene, { verb: 'rejoin', server: 's3:3306' }), scene.tell()).toMatchObject({ kind: 'done' })
    expect(stray.access).toBe('closed_to_all')
    const kinds = [...scene.durable.recoveries.values()].map((r) => r.record.kind)
    expect(kinds.filter((k) => k === 'rejoin')).toHaveLength(2)
    await scene.timeline.pass(2000)
    expect(stray.channel?.receiver, scene.tell()).toBe('running')
  })

  test('what the replaced primary has alone is recorded with the failover that replaced it, however many recoveries there were since', async () => {
    const scene = await aScene({ flavour })
    const old = scene.universe.named('s1')
    scene.universe.kill('s1')
    old.append(old.nextTransaction(100_000))
    expect(await scene.timeline.run(() => scene.primary()?.name !== 's1' && scene.led(), 5000), scene.tell()).toBe(true)
    await scene.timeline.pass(2000)
    const failover = [...scene.durable.recoveries.values()].find((r) => r.record.kind === 'failover')?.record
    if (failover?.endedAt === undefined) throw new Error(scene.tell())
    for (let n = 0; n < 30; n++) {
      const record = { ...failover, id: recoveryId(`repair-${n}`), kind: 'rejoin', state: 'failed' } as const
      scene.durable.recoveries.set(record.id, { record, plans: [], steps: new Map(), events: [] })
    }
    scene.universe.restart('s1')
    const lost = (): string | undefined => scene.durable.recoveries.get(failover.id)?.record.lost
    expect(await scene.timeline.run(() => lost() !== undefined, 20_000), scene.tell()).toBe(true)
    expect(lost()).toMatch(/\d/)
  })

  test('an older reign that takes writes is closed also on a version that no test ran on, and that is said', async () => {
    const scene = await aScene({ flavour, startsReadOnly: false })
    await replaced(scene)
    scene.processes[0]?.life.kill()
    await scene.timeline.pass(6000)
    const { universe, durable, config } = scene
    const unproven = new RegentProcess({ name: 'unproven', universe, durable, config, isProven: () => false })
    scene.processes.push(unproven)
    void unproven.start()
    await scene.timeline.pass(3000)
    universe.restart('s1')
    expect(await scene.timeline.run(() => universe.named('s1').access === 'closed_to_all', 10_000), scene.tell()).toBe(
      true,
    )
    const fence = unproven.events.find((e) => e.kind === 'recovery_began' && e.what === 'fence')
    expect(fence?.kind === 'recovery_began' && fence.because).toContain('no test of Regent ran on')
    await scene.timeline.pass(10_000)
    expect(universe.named('s1').channel, scene.tell()).toBeUndefined()
  })
})

describe('trap 35: a client that read-only does not hold goes on writing to a server that returns, on mariadb', () => {
  const BOSS = 'boss@10.0.0.9'
  const MINUTE_MS = 60_000

  /** s1 comes back, and from then on that client writes there, whoever cuts it, or only stays. */
  async function returned(options: Partial<SceneOptions>, everyMs?: number): Promise<Scene> {
    const scene = await aScene({ flavour: 'mariadb', writeEveryMs: 2000, ...options })
    await replaced(scene)
    const { universe, timeline } = scene
    const old = universe.named('s1')
    old.bypasser = BOSS
    universe.restart('s1')
    const write = (): void => {
      if (everyMs === undefined) return
      old.append(old.nextTransaction(100_000 + old.binlog.length))
      timeline.after(everyMs, write)
    }
    write()
    return scene
  }

  const eventsOf = (scene: Scene) => scene.processes.flatMap((p) => p.events)
  const records = (scene: Scene, kind: string) =>
    [...scene.durable.recoveries.values()].map((r) => r.record).filter((r) => r.kind === kind)
  const view = (scene: Scene) => JSON.stringify(scene.processes[0]?.keeper.view()?.refusals)

  test('one that came back writable is closed, its fence names the account, and is not told as done', async () => {
    const scene = await returned({ startsReadOnly: false }, 500)
    const old = scene.universe.named('s1')
    expect(await scene.timeline.run(() => old.access === 'closed_to_all', 10_000), scene.tell()).toBe(true)
    await scene.timeline.pass(3000)
    expect(records(scene, 'fence').map((r) => r.state)).toEqual(['failed'])
    const ended = eventsOf(scene).find((e) => e.kind === 'recovery_ended' && e.state === 'failed')
    expect(ended?.kind === 'recovery_ended' && ended.says, scene.tell()).toContain(BOSS)
    expect(old.channel, scene.tell()).toBeUndefined()
  })

  test('one that came back read-only is fenced once, which names the account, and is told of once', async () => {
    const scene = await returned({}, 500)
    await scene.timeline.pass(20_000)
    expect(view(scene), scene.tell()).toContain(BOSS)
    expect(view(scene)).toContain('errant_transactions')
    expect(records(scene, 'fence')).toHaveLength(1)
    const told = (): number => eventsOf(scene).filter((e) => e.kind === 'refused').length
    const before = told()
    expect(before).toBeLessThanOrEqual(3)
    await scene.timeline.pass(4 * MINUTE_MS)
    expect(told()).toBe(before)
    expect(records(scene, 'fence')).toHaveLength(1)
    expect(scene.universe.named('s1').channel, scene.tell()).toBeUndefined()
    expect(scene.promises.broken, scene.tell()).toEqual([])
  })

  test('one that has written nothing yet follows nobody while it is there: named, and tried ever more seldom', async () => {
    const scene = await returned({})
    await scene.timeline.pass(8 * MINUTE_MS)
    expect(view(scene), scene.tell()).toContain(BOSS)
    const tried = records(scene, 'rejoin').length
    expect(tried).toBeGreaterThanOrEqual(5)
    expect(tried).toBeLessThanOrEqual(9)
    expect(eventsOf(scene).filter((e) => e.kind === 'refused').length).toBe(1)
    expect(scene.universe.named('s1').channel, scene.tell()).toBeUndefined()
    scene.universe.named('s1').bypasser = undefined
    expect(await given(scene, { verb: 'rejoin', server: 's1:3306' }), scene.tell()).toMatchObject({ kind: 'done' })
    await scene.timeline.pass(2000)
    expect(scene.universe.named('s1').channel?.receiver, scene.tell()).toBe('running')
  })

  test('a fence that a person gives ends as failed and names the account; with it gone it is done', async () => {
    const scene = await aScene({ flavour: 'mariadb' })
    const stray = scene.universe.named('s3')
    stray.access = 'writable'
    stray.bypasser = BOSS
    await scene.timeline.pass(1000)
    const failed = await given(scene, { verb: 'fence', server: 's3:3306' })
    expect(failed, scene.tell()).toMatchObject({ kind: 'failed' })
    expect(JSON.stringify(failed)).toContain(`cut the clients of s3 that write in spite of read-only: ${BOSS}`)
    expect(stray.access).toBe('closed_to_all')
    stray.bypasser = undefined
    expect(await given(scene, { verb: 'fence', server: 's3:3306' }), scene.tell()).toMatchObject({ kind: 'done' })
  })
})
