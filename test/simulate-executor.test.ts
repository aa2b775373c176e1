import { describe, expect, test } from 'vitest'
import { virtualClock } from '../src/lab/simulate/clock.ts'
import { Durable } from '../src/lab/simulate/durable.ts'
import { modelJournal } from '../src/lab/simulate/journal.ts'
import { Life } from '../src/lab/simulate/life.ts'
import { modelStore } from '../src/lab/simulate/store.ts'
import { Timeline } from '../src/lab/simulate/timeline.ts'
import type { Address } from '../src/model/address.ts'
import { clusterId, epoch, recoveryId, serverId, wallTime } from '../src/model/ids.ts'
import { done, failed, type Outcome } from '../src/model/outcome.ts'
import type { Plan } from '../src/model/plan.ts'
import { DEFAULT_POLICY } from '../src/model/policy.ts'
import type { Step, StepBody } from '../src/model/step.ts'
import type { HeldLease } from '../src/ports/lease.ts'
import type { ChangeContext, Place, Servers } from '../src/ports/servers.ts'
import { Ledger } from '../src/run/execute/ledger.ts'
import { type ActEnd, runAct } from '../src/run/execute/run.ts'
import { undoAct1 } from '../src/run/execute/undo.ts'
import type { World } from '../src/run/execute/world.ts'

interface Scripted {
  readonly outcome?: Outcome
  readonly takesMs?: number
  /** Never answers, whatever its signal says. */
  readonly deaf?: boolean
}

/** One virtual world in which every server answers as it is told to, and what was sent is on record. */
class Stage {
  readonly timeline = new Timeline()
  readonly sent: string[] = []
  readonly ended: string[] = []
  leftMs = 5000
  /** Why an old primary is not opened again. */
  against: string | undefined
  readonly ledger = new Ledger()
  readonly world: World
  readonly durable = new Durable()
  readonly #script: Readonly<Record<string, Scripted>>

  constructor(script: Readonly<Record<string, Scripted>> = {}) {
    this.#script = script
    const life = new Life('test')
    const clock = virtualClock(this.timeline, life)
    Object.assign(this.durable.lease, { token: 1, held: true })
    this.world = {
      cluster: clusterId('c1'),
      recovery: recoveryId('r1'),
      policy: DEFAULT_POLICY,
      epoch: epoch(1),
      servers: this.#servers(),
      announcers: new Map(),
      store: modelStore(this.durable, life),
      journal: modelJournal({ durable: this.durable, life, clock }),
      lease: this.#lease(),
      clock,
      ledger: this.ledger,
      mayReopen: async () => this.against,
      addressOf: async (id) => ({ host: id, port: 1 }),
      onStep: ({ state, step }) => void (state === 'ended' && this.ended.push(step.id)),
    }
  }

  #lease(): HeldLease {
    const left = (): number => this.leftMs
    return {
      token: 1,
      ttlMs: 5000,
      leftMs: left,
      warrant: (cluster) => ({ cluster, token: 1, leftMs: left }),
      lost: new AbortController().signal,
      [Symbol.asyncDispose]: async () => undefined,
    }
  }

  #servers(): Servers {
    const answer =
      (what: string) =>
      async (where: Place | Address, ...rest: readonly unknown[]): Promise<Outcome> => {
        const context = rest.at(-1) as ChangeContext
        const key = `${what} ${'address' in where ? where.address.host : where.host}`
        this.sent.push(key)
        const { outcome = done('done'), takesMs = 1, deaf } = this.#script[key] ?? {}
        if (deaf) return new Promise<Outcome>(() => undefined)
        const woke = await this.world.clock.sleep(takesMs, context.signal).then(
          () => true,
          () => false,
        )
        return woke ? outcome : { kind: 'unknown', says: 'the signal fired' }
      }
    const names = ['seal', 'startReceiver', 'startApplier', 'stopApplier', 'attach', 'open'] as const
    return Object.fromEntries(names.map((name) => [name, answer(name)])) as unknown as Servers
  }

  async run(steps: readonly Step[], skip?: ReadonlySet<string>): Promise<ActEnd> {
    const plan: Plan = {
      version: 1,
      recovery: recoveryId('r1'),
      cluster: clusterId('c1'),
      kind: 'failover',
      act: 1,
      subject: serverId('old'),
      steps,
      ranking: [],
      risks: [],
      fence: { demand: { atLeast: 'none', alsoRoutes: false }, because: '' },
      because: '',
    }
    const head = { id: plan.recovery, cluster: plan.cluster, kind: plan.kind, subject: plan.subject }
    await this.world.journal.begin({ ...head, automatic: true, startedAt: wallTime(0), because: '' }, plan, 1)
    return this.finish(runAct(plan, this.world, skip).end)
  }

  async finish<T>(promise: Promise<T>): Promise<T> {
    let ended = false
    void promise.then(() => {
      ended = true
    })
    expect(await this.timeline.run(() => ended, 60_000), 'it ends').toBe(true)
    return promise
  }

  outcome(id: string): Outcome | undefined {
    return this.ledger.get(id)?.outcome
  }
}

interface How extends Partial<Pick<Step, 'after' | 'deadlineMs' | 'ifItFails'>> {
  readonly undo?: StepBody
}

const step = (kind: 'start_applier' | 'seal', name: string, how: How = {}): Step => {
  const common = {
    server: serverId(name),
    channel: '',
    id: name,
    after: [],
    deadlineMs: 1000,
    ifItFails: 'stop',
    ...how,
  } as const
  return kind === 'seal' ? { kind, killAfterMs: 100, ...common } : { kind, ...common }
}

const start = (name: string, how?: How): Step => step('start_applier', name, how)
const broken = { outcome: failed('broken', 'it broke') }

describe('the executor', () => {
  test('runs whatever is ready beside each other, and nothing before what it waits for', async () => {
    const stage = new Stage({ 'startApplier a': { takesMs: 50 }, 'startApplier b': { takesMs: 10 } })
    const end = await stage.run([
      start('c', { after: ['a', 'b'] }),
      start('a'),
      start('b'),
      start('d', { after: ['b'] }),
    ])
    expect(end).toEqual({ kind: 'completed' })
    expect(stage.ended).toEqual(['b', 'd', 'a', 'c'])
  })

  test('a failure that stops: nothing new is started, what ran is waited for', async () => {
    const stage = new Stage({ 'startApplier a': broken, 'startApplier b': { takesMs: 500 } })
    const end = await stage.run([start('a'), start('b'), start('c', { after: ['b'] })])
    expect(end).toMatchObject({ kind: 'stopped', by: { id: 'a' }, outcome: { code: 'broken' } })
    expect(stage.ended).toEqual(['a', 'b'])
    expect(stage.outcome('c')).toMatchObject({ kind: 'failed', code: 'not_started' })
  })

  test.each(['go_on', 'count_missing'] as const)('a failure with %s keeps nobody waiting', async (ifItFails) => {
    const stage = new Stage({ 'startApplier a': broken })
    expect(await stage.run([start('a', { ifItFails }), start('b', { after: ['a'] })])).toEqual({ kind: 'completed' })
    expect(stage.ended).toEqual(['a', 'b'])
  })

  test('past its deadline a step is of unknown outcome, be it deaf or not, and the next goes on', async () => {
    const stage = new Stage({ 'startApplier a': { deaf: true }, 'startApplier b': { takesMs: 10_000 } })
    const from = stage.timeline.now
    await stage.run([
      start('a', { ifItFails: 'go_on' }),
      start('b', { ifItFails: 'go_on' }),
      start('c', { after: ['a', 'b'] }),
    ])
    expect(stage.outcome('a')?.kind).toBe('unknown')
    expect(stage.outcome('b')?.kind).toBe('unknown')
    expect(stage.outcome('c')?.kind).toBe('done')
    expect(stage.timeline.now - from).toBeLessThan(2000)
  })

  test('once the lease is lost nothing that changes is sent', async () => {
    const stage = new Stage()
    stage.timeline.after(5, () => {
      stage.leftMs = 0
    })
    await stage.run([start('a', {}), start('b', { after: ['a'] }), start('c', { after: ['b'] })].map((s) => ({ ...s })))
    expect(stage.sent).toEqual(['startApplier a', 'startApplier b', 'startApplier c'])
    const late = new Stage({ 'startApplier a': { takesMs: 20 } })
    late.timeline.after(5, () => {
      late.leftMs = 0
    })
    const end = await late.run([start('a'), start('b', { after: ['a'] })])
    expect(late.sent).toEqual(['startApplier a'])
    expect(end).toMatchObject({ kind: 'stopped', outcome: { code: 'lease_lost' } })
  })

  test('what the journal knows as done is not sent again', async () => {
    const stage = new Stage()
    await stage.run([start('a'), start('b', { after: ['a'] })], new Set(['a']))
    expect(stage.sent).toEqual(['startApplier b'])
  })

  test('every step that was started is on record with its outcome', async () => {
    const stage = new Stage({ 'startApplier a': broken })
    await stage.run([start('a', { ifItFails: 'go_on' }), start('b', { after: ['a'] })])
    await stage.finish(stage.world.journal.flush())
    const steps = stage.durable.recoveries.get('r1')?.steps
    expect([...(steps ?? [])].map(([key, row]) => [key, row.record?.outcome.kind])).toEqual([
      ['1/a', 'failed'],
      ['1/b', 'done'],
    ])
  })

  test('a ring is a defect of the planner, and is said at once', async () => {
    await expect(new Stage().run([start('a', { after: ['b'] }), start('b', { after: ['a'] })])).rejects.toThrow(/a, b/)
  })
})

describe('the undo of act 1', () => {
  const unseal = (name: string): StepBody => ({ kind: 'unseal', server: serverId(name), channel: '' })
  const back = (name: string): StepBody => ({
    kind: 'attach',
    server: serverId(name),
    channel: '',
    to: serverId('old'),
    keepRelayLog: false,
  })
  const resume = (name: string): StepBody => ({ kind: 'start_applier', server: serverId(name), channel: '' })

  test('reverses what took effect or may have, a failure included, and leaves alone what never began', async () => {
    const stage = new Stage({ 'seal b': broken, 'seal c': { deaf: true }, 'seal d': broken })
    await stage.run([
      step('seal', 'a', { undo: unseal('a') }),
      step('seal', 'b', { ifItFails: 'go_on', undo: unseal('b') }),
      step('seal', 'c', { ifItFails: 'go_on', undo: unseal('c') }),
      step('seal', 'd', { after: ['c'], undo: unseal('d') }),
      step('seal', 'e', { after: ['d'], undo: unseal('e') }),
    ])
    stage.sent.length = 0
    const undone = await stage.finish(undoAct1(stage.world))
    expect(undone.every((u) => u.outcome.kind === 'done')).toBe(true)
    expect(stage.sent).toEqual(['startReceiver d', 'startReceiver c', 'startReceiver b', 'startReceiver a'])
  })

  test('appliers first, then receivers, then replicas are led back; within a turn the latest first', async () => {
    const stage = new Stage()
    await stage.run([
      step('seal', 'a', { undo: back('a') }),
      step('seal', 'b', { after: ['a'], undo: unseal('b') }),
      step('seal', 'c', { after: ['b'], undo: unseal('c') }),
      step('seal', 'd', { after: ['c'], undo: resume('d') }),
    ])
    stage.sent.length = 0
    await stage.finish(undoAct1(stage.world))
    expect(stage.sent).toEqual(['startApplier d', 'startReceiver c', 'startReceiver b', 'attach a'])
  })

  test('an old primary against which something speaks stays closed, and that is reported', async () => {
    const reopen: StepBody = { kind: 'open_server', server: serverId('old') }
    const stage = new Stage()
    await stage.run([step('seal', 'a', { undo: reopen })])
    stage.against = 'a replica received what it lacks'
    const refused = await stage.finish(undoAct1(stage.world))
    expect(refused).toMatchObject([{ outcome: { kind: 'failed', code: 'not_reopened' } }])
    expect(stage.sent).not.toContain('open old')
    stage.against = undefined
    await stage.finish(undoAct1(stage.world))
    expect(stage.sent).toContain('open old')
  })

  test('one that fails keeps no other from being reversed, and is reported', async () => {
    const stage = new Stage({ 'startReceiver b': broken })
    await stage.run([step('seal', 'a', { undo: unseal('a') }), step('seal', 'b', { after: ['a'], undo: unseal('b') })])
    stage.sent.length = 0
    const undone = await stage.finish(undoAct1(stage.world))
    expect(stage.sent).toEqual(['startReceiver b', 'startReceiver a'])
    expect(undone.map((u) => [u.step.id, u.outcome.kind])).toEqual([
      ['undo:b', 'failed'],
      ['undo:a', 'done'],
    ])
  })
})
