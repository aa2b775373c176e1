import { describe, expect, test } from 'vitest'
import { A_SCENE, Scene } from '../src/lab/simulate/index.ts'
import { type RecoveryEnd, runCommand } from '../src/run/daemon/index.ts'

/** The primary is dead, the epoch is minted, and its winner dies before it is known to be open. */
async function winnerDies(flavour: 'mysql' | 'mariadb'): Promise<{ readonly scene: Scene; readonly winner: string }> {
  const scene = new Scene({ ...A_SCENE, flavour })
  await scene.steady()
  scene.universe.kill('s1')
  expect(await scene.timeline.run(() => scene.reign()?.state === 'opening', 5000), scene.tell()).toBe(true)
  const winner = scene.primary()?.name ?? ''
  scene.universe.kill(winner)
  await scene.timeline.pass(30_000)
  return { scene, winner }
}

const refusals = (scene: Scene) =>
  scene.processes.flatMap((p) =>
    p.events.flatMap((e) => (e.kind === 'refused' ? e.reasons.map((r) => ({ ...r, what: e.what })) : [])),
  )
const writable = (scene: Scene): readonly string[] =>
  scene.universe.servers.filter((s) => s.life === 'up' && s.access === 'writable').map((s) => s.name)

describe.each(['mysql', 'mariadb'] as const)('a minted winner that dies before it opens, on %s', (flavour) => {
  test('is waited for by name, nobody else is opened in its epoch; when it is back it leads', async () => {
    const { scene, winner } = await winnerDies(flavour)
    expect(refusals(scene), scene.tell()).toContainEqual(
      expect.objectContaining({
        code: 'waits_for_winner',
        what: 'failover',
        says: expect.stringContaining(`minted for ${winner}`),
        tryThis: expect.stringContaining('regent failover shop --abandon'),
      }),
    )
    expect(writable(scene)).toEqual([])
    scene.universe.restart(winner)
    expect(await scene.timeline.run(() => scene.reign()?.state === 'open' && scene.led(), 30_000), scene.tell()).toBe(
      true,
    )
    expect([scene.primary()?.name, writable(scene)], scene.tell()).toEqual([winner, [winner]])
    await scene.timeline.pass(2000)
    expect(scene.promises.broken, scene.tell()).toEqual([])
  })

  test('is given up by name: the other one leads in a new epoch, and the old winner never opens', async () => {
    const { scene, winner } = await winnerDies(flavour)
    let end: RecoveryEnd | undefined
    const regent = scene.processes[0]
    if (regent) {
      const order = {
        verb: 'failover',
        abandon: true,
        loss: { kind: 'at_most', seconds: Number.POSITIVE_INFINITY },
      } as const
      void runCommand(regent.keeper, { ...order, reason: 'nobody wrote to it', by: 'ann' }).then((e) => {
        end = e
      })
    }
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
    expect(scene.promises.broken, scene.tell()).toEqual([])
  })
})

describe.each(['mysql', 'mariadb'] as const)('a minted winner that is restarted while it drains, on %s', (flavour) => {
  test('trap 55: does not open without what it had received, which others still hold', async () => {
    const scene = new Scene({ ...A_SCENE, flavour, writeEveryMs: 20 })
    await scene.steady()
    for (const server of scene.universe.servers) if (server.name !== 's1') server.applyMs = 60
    await scene.timeline.pass(4000)
    scene.universe.kill('s1')
    expect(await scene.timeline.run(() => scene.reign()?.state === 'opening', 5000), scene.tell()).toBe(true)
    await scene.timeline.pass(300)
    const winner = scene.primary()?.name ?? ''
    expect(scene.universe.named(winner).channel?.relay.length).toBeGreaterThan(0)
    scene.universe.kill(winner)
    await scene.timeline.pass(1000)
    scene.universe.restart(winner)
    await scene.timeline.pass(30_000)
    expect(writable(scene), scene.tell()).toEqual([])

    const [regent] = scene.processes
    const ends: RecoveryEnd[] = []
    if (regent)
      void runCommand(regent.keeper, {
        verb: 'failover',
        abandon: true,
        loss: { kind: 'at_most', seconds: Number.POSITIVE_INFINITY },
        reason: 'the other one has it all',
        by: 'ann',
      }).then((end) => ends.push(end))
    await scene.timeline.run(() => ends.length > 0, 60_000)
    expect(ends[0], scene.tell()).toMatchObject({ kind: 'done' })
    const primary = scene.primary()
    expect(primary?.name).not.toBe(winner)
    expect(primary && scene.lostOn(primary), scene.tell()).toBe(0)
  })
})
