import { expect, test } from 'vitest'
import { A_SCENE, Scene } from '../src/lab/simulate/index.ts'
import { Writer } from '../src/lab/simulate/writer.ts'
import { runCommand } from '../src/run/daemon/index.ts'

test.each(['mysql', 'mariadb'] as const)(
  'on %s, a living primary is not replaced under a proof of no loss while a route still leads clients to it',
  async (flavour) => {
    const scene = new Scene({ ...A_SCENE, flavour, routes: ['proxy', 'dns'] })
    const regent = await scene.steady()
    const { universe, timeline } = scene
    const [proxy] = universe.routes
    if (proxy) proxy.reachable = false
    const clients = Array.from({ length: 8 }, () => new Writer(universe, proxy, 2))
    const ends: string[] = []
    void runCommand(regent.keeper, { verb: 'failover', reason: 'test', by: 'ann' }).then(
      (e) => ends.push(e.kind),
      String,
    )
    await timeline.run(() => universe.named('s1').access !== 'writable' || ends.length > 0, 20_000)
    for (const client of clients) client.stop()
    expect(await timeline.run(() => ends.length > 0, 20_000), scene.tell()).toBe(true)
    const risks = [...scene.durable.recoveries.values()].flatMap((r) =>
      r.plans.flatMap((p) => p.risks.map((x) => x.code)),
    )
    const primary = scene.primary()
    const lost = clients.flatMap((c) => c.acknowledged).filter((a) => !primary?.has(a.transaction)).length
    expect(risks.includes('unproven_loss') ? 0 : lost, scene.tell()).toBe(0)
    scene.writer.stop()
  },
)

test.each(['mysql', 'mariadb'] as const)(
  'on %s, a living primary that may start writable is not replaced while a route still leads clients to it',
  async (flavour) => {
    const options = { flavour, waitCount: 0, startsReadOnly: false, routes: ['proxy', 'dns'] } as const
    const scene = new Scene({ ...A_SCENE, ...options })
    const regent = await scene.steady()
    const { universe, timeline } = scene
    const [, dns] = universe.routes
    if (dns) dns.reachable = false
    const client = new Writer(universe, dns, 10)
    const ends: string[] = []
    void runCommand(regent.keeper, { verb: 'failover', reason: 'test', by: 'ann' }).then(
      (e) => ends.push(e.kind),
      String,
    )
    expect(await timeline.run(() => ends.length > 0, 30_000), scene.tell()).toBe(true)
    universe.kill('s1')
    universe.restart('s1')
    await timeline.pass(3000)
    client.stop()
    expect(scene.promises.broken, scene.tell()).toEqual([])
    expect(
      client.acknowledged.filter((a) => !scene.primary()?.has(a.transaction)),
      scene.tell(),
    ).toEqual([])
    scene.writer.stop()
  },
)
