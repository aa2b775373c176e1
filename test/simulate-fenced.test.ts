import { describe, expect, test } from 'vitest'
import { A_SCENE, Scene } from '../src/lab/simulate/index.ts'
import { Writer } from '../src/lab/simulate/writer.ts'
import { runCommand } from '../src/run/daemon/index.ts'

const BY_ANN = { reason: 'a test', by: 'ann' }

describe.each(['mysql', 'mariadb'] as const)('on %s', (flavour) => {
  test.each([undefined, 'routes', 'readonly'] as const)(
    'fence %s: nobody opens while a route still leads to a dead primary that may start writable',
    async (level) => {
      const policy = level ? { fence: { kind: 'at_least', level } as const } : {}
      const scene = new Scene({ ...A_SCENE, flavour, routes: ['proxy', 'dns'], startsReadOnly: false, policy })
      await scene.steady()
      const [, dns] = scene.universe.routes
      if (dns) dns.reachable = false
      scene.universe.kill('s1')
      await scene.timeline.pass(8000)
      scene.universe.restart('s1')
      await scene.timeline.pass(5000)
      expect(scene.promises.broken, scene.tell()).toEqual([])
    },
  )

  test('an old primary that restarts writable between its closing and the opening is seen by the barrier', async () => {
    const scene = new Scene({ ...A_SCENE, flavour, startsReadOnly: false })
    const regent = await scene.steady()
    void runCommand(regent.keeper, { verb: 'switchover', server: 's3:3306', yes: true, ...BY_ANN }).catch(() => 0)
    expect(await scene.timeline.run(() => scene.universe.named('s1').access !== 'writable', 5000)).toBe(true)
    await scene.timeline.run(() => scene.universe.named('s3').source.enabled, 5000)
    scene.universe.kill('s1')
    scene.universe.restart('s1')
    await scene.timeline.pass(20_000)
    expect(scene.promises.broken, scene.tell()).toEqual([])
    expect(await scene.writable(5000), scene.tell()).toBe(true)
  })

  test('replacing a living primary whose clients have ways beside the routes names what they may lose, before act 1', async () => {
    const scene = new Scene({ ...A_SCENE, flavour, routes: [], policy: { routesAreComplete: false } })
    const regent = await scene.steady()
    const clients = Array.from({ length: 6 }, () => new Writer(scene.universe, undefined, 0.3))
    let ended = false
    const done = () => {
      ended = true
    }
    void runCommand(regent.keeper, { verb: 'failover', ...BY_ANN }).then(done, done)
    await scene.timeline.run(() => ended, 10_000)
    for (const client of clients) client.stop()
    const failover = [...scene.durable.recoveries.values()].find((r) => r.record.kind === 'failover')
    const [act1] = failover?.plans ?? []
    expect(act1?.risks.map((risk) => risk.code)).toContain('unproven_loss')
  })
})
