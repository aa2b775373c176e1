import { describe, expect, test } from 'vitest'
import { A_SCENE, Scene } from '../src/lab/simulate/index.ts'
import type { Planned } from '../src/model/plan.ts'
import { planCommand, type RecoveryEnd, runCommand } from '../src/run/daemon/index.ts'

const ANY_LOSS = { kind: 'at_most', seconds: Number.POSITIVE_INFINITY } as const

describe.each(['mysql', 'mariadb'] as const)('a replica that was young when it was sealed, on %s', (flavour) => {
  test('trap 55: and is started again while a person is asked, is not chosen for what it held then', async () => {
    const scene = new Scene({
      ...A_SCENE,
      flavour,
      servers: 4,
      waitCount: 2,
      writeEveryMs: 20,
      policy: { loss: ANY_LOSS },
    })
    const regent = await scene.steady()
    const { universe, timeline } = scene
    // Whoever will have received most has just been started.
    universe.kill('s3')
    universe.restart('s3')
    await timeline.pass(1500)
    const given = { verb: 'failover', reason: 'the host must go', by: 'ann' } as const
    const plans: Planned[] = []
    void planCommand(regent.keeper, given).then((p) => plans.push(p))
    await timeline.run(() => plans.length > 0, 5000)
    const [planned] = plans
    if (planned?.kind !== 'plan' || !planned.expected || 'reasons' in planned.expected) throw new Error(scene.tell())
    for (const server of universe.servers) if (server.name !== 's1') server.applyMs = 400
    regent.daemon.listen((event) => void (event.kind === 'recovery_began' && universe.freeze('s4')))
    universe.cutLink('s1', 's2')
    await timeline.pass(1500)
    const ends: RecoveryEnd[] = []
    const shown = { plan: planned.plan, expected: planned.expected }
    void runCommand(regent.keeper, given, shown).then((end) => ends.push(end))
    const asked = () => regent.keeper.office.questions.open()
    expect(await timeline.run(() => asked() !== undefined, 10_000), scene.tell()).toBe(true)
    expect(asked()?.plan.mints?.winner).toBe('s3')
    expect(universe.named('s3').channel?.relay.length).toBeGreaterThan(0)
    universe.kill('s3')
    universe.restart('s3')
    await timeline.pass(15_000)
    for (const server of universe.servers) server.applyMs = 1
    const agreed = () => {
      const question = asked()
      if (question) regent.keeper.office.questions.answer(question.id, true)
      return ends.length > 0
    }
    expect(await timeline.run(agreed, 60_000), scene.tell()).toBe(true)
    await timeline.pass(4000)
    const minted = [...scene.durable.recoveries.values()].flatMap((r) => r.plans.flatMap((p) => p.mints ?? []))
    expect(
      minted.map((m) => m.winner),
      scene.tell(),
    ).not.toContain('s3')
  })
})
