import { describe, expect, test } from 'vitest'
import { A_SCENE, RegentProcess, Scene, type SceneOptions } from '../src/lab/simulate/index.ts'
import { wallTime } from '../src/model/ids.ts'
import type { RouteMessage } from '../src/model/route.ts'
import { type RecoveryEnd, runCommand } from '../src/run/daemon/index.ts'

interface Dying {
  readonly scene: Scene
  readonly winner: string
}

const ANY_LOSS = { kind: 'at_most', seconds: Number.POSITIVE_INFINITY } as const

const isMinted = (scene: Scene): boolean => scene.reign()?.state === 'opening'

/** The primary dies, the epoch is minted, and something befalls its winner before it is known to be open. */
async function winnerFalls(
  options: Partial<SceneOptions>,
  befalls: (scene: Scene, winner: string) => void,
): Promise<Dying> {
  const scene = new Scene({ ...A_SCENE, ...options })
  await scene.steady()
  scene.universe.kill('s1')
  return fallsWhenMinted(scene, befalls)
}

async function fallsWhenMinted(scene: Scene, befalls: (scene: Scene, winner: string) => void): Promise<Dying> {
  expect(await scene.timeline.run(() => isMinted(scene), 5000), scene.tell()).toBe(true)
  const winner = scene.primary()?.name ?? ''
  befalls(scene, winner)
  return { scene, winner }
}

const dies = (scene: Scene, name: string): void => scene.universe.kill(name)

/** A route that was told something in the minted epoch, be it by a Regent that ended before it could write that down. */
const told =
  (kind: RouteMessage['kind']) =>
  (scene: Scene, winner: string): void => {
    dies(scene, winner)
    tellRoute(scene, winner, kind)
  }

function tellRoute(scene: Scene, winner: string, kind: RouteMessage['kind']): void {
  const [route] = scene.universe.routes
  const { cluster, epoch } = scene.reign() ?? {}
  if (!route || !cluster || !epoch) throw new Error('nothing is minted')
  const primary = scene.universe.named(winner).address
  route.message = kind === 'open' ? { cluster, epoch, number: 0, kind, primary } : { cluster, epoch, number: 0, kind }
}

/** Another process takes over, which acts only when it is told to. */
async function askingRegent(scene: Scene): Promise<void> {
  for (const { life } of scene.processes) life.kill()
  const { universe, durable } = scene
  const config = { ...scene.config, policy: { ...scene.config.policy, recovery: 'ask' as const } }
  const asking = new RegentProcess({ name: 'asking', universe, durable, config })
  scene.processes.push(asking)
  void asking.start()
  await scene.timeline.run(() => asking.state !== 'starting', 2000)
}

/** To be asked as virtual time passes. */
function settles(work: Promise<unknown> | undefined): () => boolean {
  let settled = false
  void work?.then(() => {
    settled = true
  })
  return () => settled
}

const refusals = (scene: Scene) =>
  scene.processes.flatMap((p) =>
    p.events.flatMap((e) => (e.kind === 'refused' ? e.reasons.map((r) => ({ ...r, what: e.what })) : [])),
  )
const writable = (scene: Scene): readonly string[] =>
  scene.universe.servers.filter((s) => s.life === 'up' && s.access === 'writable').map((s) => s.name)
const opened = (scene: Scene): readonly string[] =>
  scene.universe.effects.filter((e) => e.what.startsWith('open')).map((e) => e.server)
const leads = (scene: Scene): boolean => scene.reign()?.state === 'open' && scene.led()
const failovers = (scene: Scene) =>
  [...scene.durable.recoveries.values()].filter((r) => r.record.kind === 'failover').map((r) => r.record.state)
const follow = (scene: Scene, names: readonly string[]): boolean =>
  names.every((name) => {
    const { channel, access } = scene.universe.named(name)
    return access !== 'writable' && channel?.receiver === 'running' && channel.source.host === scene.primary()?.name
  })
function expectNothingLost(scene: Scene): void {
  const primary = scene.primary()
  expect(primary && scene.lostOn(primary), scene.tell()).toBe(0)
  expect(scene.promises.broken, scene.tell()).toEqual([])
}

describe.each(['mysql', 'mariadb'] as const)('a minted winner that dies before it opens, on %s', (flavour) => {
  test('is replaced by another one in a new epoch; when they return, both follow it', async () => {
    const { scene, winner } = await winnerFalls({ flavour }, dies)
    const other = winner === 's2' ? 's3' : 's2'
    expect(await scene.timeline.run(() => leads(scene), 5000), scene.tell()).toBe(true)
    expect([scene.primary()?.name, scene.reign()?.epoch, writable(scene)], scene.tell()).toEqual([other, 3, [other]])
    expect(await scene.writable(3000), scene.tell()).toBe(true)
    scene.universe.restart(winner)
    scene.universe.restart('s1')
    expect(await scene.timeline.run(() => follow(scene, ['s1', winner]), 20_000), scene.tell()).toBe(true)
    expect(failovers(scene), scene.tell()).toEqual(['failed', 'done'])
    expect(opened(scene)).not.toContain(winner)
    expectNothingLost(scene)
  })

  test('is replaced by a Regent that never saw it alive, nor the primary before it', async () => {
    const { scene } = await winnerFalls({ flavour, servers: 4, waitCount: 2 }, (at, winner) => {
      at.processes[0]?.life.kill()
      dies(at, winner)
    })
    await scene.timeline.pass(1000)
    await scene.regent()
    expect(await scene.timeline.run(() => leads(scene), 20_000), scene.tell()).toBe(true)
    expect(scene.reign()?.epoch).toBe(3)
    expectNothingLost(scene)
  })

  test('is replaced also where another Regent had gone on with it in between', async () => {
    const scene = new Scene({ ...A_SCENE, flavour, writeEveryMs: 20 })
    await scene.steady()
    for (const server of scene.universe.servers) if (server.name !== 's1') server.applyMs = 60
    await scene.timeline.pass(4000)
    scene.universe.kill('s1')
    await fallsWhenMinted(scene, (at) => at.processes[0]?.life.kill())
    const next = await scene.regent()
    const goesOn = () => next.events.some((e) => e.kind === 'step' && e.event.step.kind === 'drain')
    expect(await scene.timeline.run(goesOn, 5000), scene.tell()).toBe(true)
    expect(scene.reign()?.state, scene.tell()).toBe('opening')
    dies(scene, scene.primary()?.name ?? '')
    expect(await scene.timeline.run(() => leads(scene), 20_000), scene.tell()).toBe(true)
    expect(scene.reign()?.epoch).toBe(3)
    expectNothingLost(scene)
  })

  test('and whose replacement dies before it opens as well, leaves the third to lead', async () => {
    const { scene, winner } = await winnerFalls({ flavour, servers: 4 }, dies)
    expect(await scene.timeline.run(() => scene.reign()?.epoch === 3, 10_000), scene.tell()).toBe(true)
    const second = scene.primary()?.name ?? ''
    dies(scene, second)
    expect(await scene.timeline.run(() => leads(scene), 20_000), scene.tell()).toBe(true)
    expect(scene.reign()?.epoch).toBe(4)
    for (const name of ['s1', winner, second]) scene.universe.restart(name)
    expect(await scene.timeline.run(() => follow(scene, ['s1', winner, second]), 20_000), scene.tell()).toBe(true)
    expectNothingLost(scene)
  })

  test('after an earlier failover: what counts is the last primary that was open, not the first', async () => {
    const scene = new Scene({ ...A_SCENE, flavour, servers: 4 })
    await scene.steady()
    scene.universe.kill('s1')
    expect(await scene.timeline.run(() => leads(scene) && scene.reign()?.epoch === 2, 5000), scene.tell()).toBe(true)
    scene.universe.restart('s1')
    expect(await scene.timeline.run(() => follow(scene, ['s1']), 20_000), scene.tell()).toBe(true)
    await scene.timeline.pass(3000)
    scene.universe.kill(scene.primary()?.name ?? '')
    await fallsWhenMinted(scene, dies)
    expect(await scene.timeline.run(() => leads(scene), 10_000), scene.tell()).toBe(true)
    expect(scene.reign()?.epoch).toBe(4)
    expectNothingLost(scene)
  })

  test('is waited for where the others lack what only it had received; when it is back it leads', async () => {
    const scene = new Scene({ ...A_SCENE, flavour, servers: 4, writeEveryMs: 20 })
    await scene.steady()
    for (const name of ['s3', 's4']) scene.universe.cutLink('s1', name)
    await scene.timeline.pass(300)
    scene.universe.kill('s1')
    const { winner } = await fallsWhenMinted(scene, dies)
    expect(winner).toBe('s2')
    await scene.timeline.pass(20_000)
    expect(
      refusals(scene).map((r) => r.code),
      scene.tell(),
    ).toEqual(expect.arrayContaining(['waits_for_winner', 'loss_not_provable']))
    expect([scene.reign()?.epoch, writable(scene)], scene.tell()).toEqual([2, []])
    scene.universe.heal()
    scene.universe.restart(winner)
    expect(await scene.timeline.run(() => leads(scene), 20_000), scene.tell()).toBe(true)
    expect([scene.primary()?.name, scene.reign()?.epoch]).toEqual([winner, 2])
    await scene.timeline.pass(2000)
    expectNothingLost(scene)
  })

  test.each([
    ['a route was told to lead to it', told('open'), 'led to it by proxy'],
    ['a route was told anything in its epoch', told('withdrawn'), 'led to it by proxy'],
    ['it is merely silent', (scene: Scene, name: string) => scene.universe.freeze(name), 'not shown to be stopped'],
  ] as const)('is waited for where %s; when it is back it leads', async (_, befalls, says) => {
    const { scene, winner } = await winnerFalls({ flavour }, befalls)
    await scene.timeline.run(() => refusals(scene).length > 0, 120_000)
    await scene.timeline.pass(10_000)
    expect(refusals(scene), scene.tell()).toContainEqual(
      expect.objectContaining({
        code: 'waits_for_winner',
        what: 'failover',
        says: expect.stringMatching(new RegExp(`minted for ${winner}.*${says}`)),
        tryThis: expect.stringContaining('regent failover shop --abandon'),
      }),
    )
    expect([scene.reign()?.epoch, writable(scene)], scene.tell()).toEqual([2, []])
    scene.universe.thaw(winner)
    scene.universe.restart(winner)
    expect(await scene.timeline.run(() => leads(scene), 30_000), scene.tell()).toBe(true)
    expect([scene.primary()?.name, writable(scene)], scene.tell()).toEqual([winner, [winner]])
    await scene.timeline.pass(2000)
    expectNothingLost(scene)
  })

  test('is waited for where clients may have another way than the routes', async () => {
    const { scene } = await winnerFalls({ flavour, policy: { routesAreComplete: false } }, dies)
    await scene.timeline.pass(20_000)
    expect(
      refusals(scene)
        .map((r) => r.says)
        .join(),
      scene.tell(),
    ).toContain('clients_only_by_routes')
    expect([scene.reign()?.epoch, writable(scene)], scene.tell()).toEqual([2, []])
  })

  test('is waited for while Regent is paused, and is replaced when the pause is over', async () => {
    const { scene } = await winnerFalls({ flavour }, dies)
    const now = wallTime(scene.processes[0]?.keeper.office.clock.wall() ?? 0)
    const order = { kind: 'pause', reason: 'test', by: 'ann', from: now, until: wallTime(now + 20_000) } as const
    const { store, cluster } = scene.processes[0]?.keeper.office ?? {}
    if (cluster) await scene.timeline.run(settles(store?.giveOrder({ ...order, cluster })), 1000)
    await scene.timeline.pass(15_000)
    expect(
      refusals(scene).map((r) => r.code),
      scene.tell(),
    ).toContain('paused')
    expect([scene.reign()?.epoch, writable(scene)], scene.tell()).toEqual([2, []])
    expect(await scene.timeline.run(() => leads(scene), 20_000), scene.tell()).toBe(true)
    expect(scene.reign()?.epoch).toBe(3)
    expectNothingLost(scene)
  })

  test('an old primary that comes back open meanwhile is closed before another opens', async () => {
    const { scene } = await winnerFalls({ flavour, startsReadOnly: false }, (at, winner) => {
      dies(at, winner)
      at.timeline.after(1, () => at.universe.restart('s1'))
    })
    expect(await scene.timeline.run(() => leads(scene), 30_000), scene.tell()).toBe(true)
    expect(writable(scene), scene.tell()).toEqual([scene.primary()?.name])
    expectNothingLost(scene)
  })

  test('an old primary that comes back open is closed also while the winner has to be waited for', async () => {
    const { scene, winner } = await winnerFalls({ flavour, startsReadOnly: false }, told('withdrawn'))
    await scene.timeline.pass(5000)
    scene.universe.restart('s1')
    expect(await scene.timeline.run(() => writable(scene).length === 0, 10_000), scene.tell()).toBe(true)
    scene.universe.restart(winner)
    expect(await scene.timeline.run(() => leads(scene), 30_000), scene.tell()).toBe(true)
    expect(writable(scene), scene.tell()).toEqual([winner])
    expectNothingLost(scene)
  })

  test('is not set aside under `recovery: ask` for an old primary that takes writes, which nobody fences', async () => {
    const { scene } = await winnerFalls({ flavour, startsReadOnly: false }, told('withdrawn'))
    await askingRegent(scene)
    scene.universe.restart('s1')
    await scene.timeline.pass(10_000)
    expect(writable(scene), scene.tell()).toEqual(['s1'])
    expect(failovers(scene), scene.tell()).toEqual(['act2'])
    expect(
      refusals(scene).map((r) => r.code),
      scene.tell(),
    ).toContain('waits_for_winner')
  })

  test('is given up by name: the other one leads in a new epoch, and the old winner never opens', async () => {
    const { scene, winner } = await winnerFalls({ flavour }, told('withdrawn'))
    await scene.timeline.pass(5000)
    let end: RecoveryEnd | undefined
    const regent = scene.processes[0]
    if (regent)
      void runCommand(regent.keeper, {
        ...{ verb: 'failover', abandon: true, reason: 'nobody wrote to it', by: 'ann' },
      }).then((e) => {
        end = e
      })
    expect(await scene.timeline.run(() => end !== undefined, 30_000), scene.tell()).toBe(true)
    expect(end, scene.tell()).toMatchObject({ kind: 'done' })
    const plans = regent?.events.flatMap((e) => (e.kind === 'plan' ? [e.plan] : [])) ?? []
    const risks = plans.findLast((p) => p.kind === 'failover' && p.act === 1)?.risks.map((r) => r.code)
    expect(risks).toEqual(expect.arrayContaining(['opening_unknown', 'predecessor_unseen']))
    const other = ['s2', 's3'].find((name) => name !== winner)
    expect([scene.primary()?.name, scene.reign()?.epoch]).toEqual([other, 3])
    scene.universe.restart(winner)
    await scene.timeline.pass(10_000)
    expect(writable(scene), scene.tell()).toEqual([other])
    expectNothingLost(scene)
  })
})

/** Its relay log is dropped by the restart; it answers again at once. */
async function droppedRelayLog(
  options: Partial<SceneOptions>,
  befalls: (scene: Scene, winner: string) => void = () => undefined,
): Promise<Dying> {
  const scene = new Scene({ ...A_SCENE, writeEveryMs: 20, ...options })
  await scene.steady()
  for (const server of scene.universe.servers) if (server.name !== 's1') server.applyMs = 60
  await scene.timeline.pass(4000)
  scene.universe.kill('s1')
  const { winner } = await fallsWhenMinted(scene, befalls)
  await scene.timeline.pass(300)
  expect(scene.universe.named(winner).channel?.relay.length).toBeGreaterThan(0)
  scene.universe.kill(winner)
  scene.universe.restart(winner)
  return { scene, winner }
}

const attachments = (scene: Scene): readonly string[] =>
  scene.universe.effects.filter((e) => e.what.startsWith('attach')).map((e) => e.server)

describe.each(['mysql', 'mariadb'] as const)('a minted winner that is restarted while it drains, on %s', (flavour) => {
  test.each([true, false])(
    'trap 55: is replaced by the other, which still holds it all, and follows it (starts read-only: %s)',
    async (startsReadOnly) => {
      const { scene, winner } = await droppedRelayLog({ flavour, startsReadOnly })
      const other = winner === 's2' ? 's3' : 's2'
      expect(await scene.timeline.run(() => leads(scene), 30_000), scene.tell()).toBe(true)
      expect([scene.primary()?.name, scene.reign()?.epoch], scene.tell()).toEqual([other, 3])
      expect(writable(scene), scene.tell()).toEqual([other])
      expect(await scene.timeline.run(() => follow(scene, [winner]), 20_000), scene.tell()).toBe(true)
      expect(failovers(scene), scene.tell()).toEqual(['failed', 'done'])
      expect(opened(scene)).not.toContain(winner)
      expect(await scene.writable(3000), scene.tell()).toBe(true)
      expectNothingLost(scene)
    },
  )

  test('trap 55: is replaced also where the Regent that minted it ended with it', async () => {
    const { scene, winner } = await droppedRelayLog({ flavour, servers: 4 }, (at) => at.processes[0]?.life.kill())
    await scene.regent()
    expect(await scene.timeline.run(() => leads(scene), 30_000), scene.tell()).toBe(true)
    expect([scene.primary()?.name === winner, scene.reign()?.epoch], scene.tell()).toEqual([false, 3])
    expect(attachments(scene).filter((name) => name === winner).length, scene.tell()).toBe(0)
    expectNothingLost(scene)
  })

  test('trap 55: is neither opened nor led to again where a route may have been told of it; it is given up by name', async () => {
    const { scene, winner } = await droppedRelayLog({ flavour }, (at, name) => tellRoute(at, name, 'withdrawn'))
    await scene.timeline.pass(5000)
    const sent = scene.universe.effects.length
    await scene.timeline.pass(30_000)
    expect(scene.universe.effects.slice(sent), scene.tell()).toEqual([])
    expect(writable(scene), scene.tell()).toEqual([])
    expect(refusals(scene), scene.tell()).toContainEqual(
      expect.objectContaining({
        code: 'waits_for_winner',
        says: expect.stringMatching(new RegExp(`minted for ${winner}, .*no longer has.*led to it by proxy`)),
        tryThis: expect.stringContaining('regent failover shop --abandon'),
      }),
    )

    const [regent] = scene.processes
    const ends: RecoveryEnd[] = []
    if (regent)
      void runCommand(regent.keeper, {
        verb: 'failover',
        abandon: true,
        loss: ANY_LOSS,
        reason: 'the other one has it all',
        by: 'ann',
      }).then((end) => ends.push(end))
    await scene.timeline.run(() => ends.length > 0, 60_000)
    expect(ends[0], scene.tell()).toMatchObject({ kind: 'done' })
    const primary = scene.primary()
    expect(primary?.name).not.toBe(winner)
    expect(primary && scene.lostOn(primary), scene.tell()).toBe(0)
  })

  test('trap 55: is left as it is under `recovery: ask`', async () => {
    const { scene } = await droppedRelayLog({ flavour }, (at) => at.processes[0]?.life.kill())
    await askingRegent(scene)
    await scene.timeline.pass(20_000)
    expect([scene.reign()?.epoch, writable(scene)], scene.tell()).toEqual([2, []])
    expect(
      refusals(scene).map((r) => r.code),
      scene.tell(),
    ).toEqual(expect.arrayContaining(['waits_for_winner', 'manual']))
  })
})

describe.each(['mysql', 'mariadb'] as const)(
  'a winner that dies when it is open, and its Regent with it, on %s',
  (flavour) => {
    async function crownedAndLost(options: Partial<SceneOptions>): Promise<Dying> {
      const scene = new Scene({ ...A_SCENE, flavour, servers: 4, ...options })
      await scene.steady()
      scene.universe.kill('s1')
      const crowned = () => scene.reign()?.epoch === 2 && scene.reign()?.state === 'open'
      expect(await scene.timeline.run(crowned, 5000), scene.tell()).toBe(true)
      expect(scene.openRecovery(), scene.tell()).toBeDefined()
      const winner = scene.primary()?.name ?? ''
      for (const { life } of scene.processes) life.kill()
      dies(scene, winner)
      return { scene, winner }
    }

    test('is replaced like any other, though the recovery that opened it had not ended', async () => {
      // Nobody ever read it as the primary: what it took since it was opened is not known.
      const { scene, winner } = await crownedAndLost({ policy: { loss: ANY_LOSS } })
      await scene.timeline.pass(1000)
      await scene.regent()
      expect(await scene.timeline.run(() => leads(scene) && scene.reign()?.epoch === 3, 20_000), scene.tell()).toBe(
        true,
      )
      expect(scene.primary()?.name).not.toBe(winner)
      expect(
        refusals(scene).map((r) => r.code),
        scene.tell(),
      ).not.toContain('waits_for_winner')
      for (const name of ['s1', winner]) scene.universe.restart(name)
      expect(await scene.timeline.run(() => follow(scene, ['s1', winner]), 20_000), scene.tell()).toBe(true)
      expect(failovers(scene), scene.tell()).toEqual(['done', 'done'])
      expectNothingLost(scene)
    })

    test('is replaced by a command as well, under `recovery: ask`', async () => {
      const { scene, winner } = await crownedAndLost({})
      await askingRegent(scene)
      await scene.timeline.pass(5000)
      expect(failovers(scene), scene.tell()).toEqual(['act2'])
      const asking = scene.processes.at(-1)
      const ends: RecoveryEnd[] = []
      const given = { verb: 'failover', loss: ANY_LOSS, reason: 'it is dead', by: 'ann' } as const
      if (asking) void runCommand(asking.keeper, given).then((end) => ends.push(end))
      await scene.timeline.run(() => ends.length > 0, 30_000)
      expect(ends[0], scene.tell()).toMatchObject({ kind: 'done' })
      expect([scene.primary()?.name === winner, scene.reign()?.epoch], scene.tell()).toEqual([false, 3])
      expect(failovers(scene), scene.tell()).toEqual(['done', 'done'])
      expectNothingLost(scene)
    })

    test('and that comes back first leads on, and what follows its opening is done', async () => {
      const { scene, winner } = await crownedAndLost({})
      scene.universe.restart(winner)
      await scene.regent()
      expect(await scene.timeline.run(() => leads(scene) && writable(scene).length > 0, 20_000), scene.tell()).toBe(
        true,
      )
      expect(await scene.timeline.run(() => scene.openRecovery() === undefined, 20_000), scene.tell()).toBe(true)
      await scene.timeline.pass(3000)
      expect([scene.primary()?.name, scene.reign()?.epoch, failovers(scene)], scene.tell()).toEqual([
        winner,
        2,
        ['done'],
      ])
      expect(scene.universe.named(winner).channel, scene.tell()).toBeUndefined()
      expectNothingLost(scene)
    })

    test('does not keep an older primary that takes writes from being fenced', async () => {
      const { scene, winner } = await crownedAndLost({ startsReadOnly: false })
      for (const { name, life } of scene.universe.servers) if (life === 'up') scene.universe.freeze(name)
      scene.universe.restart('s1')
      await scene.regent()
      const closed = () => scene.universe.named('s1').access !== 'writable'
      expect(await scene.timeline.run(closed, 20_000), scene.tell()).toBe(true)
      expect([scene.universe.named(winner).life, scene.reign()?.epoch], scene.tell()).toEqual(['down', 2])
      expectNothingLost(scene)
    })
  },
)
