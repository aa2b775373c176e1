import { describe, expect, test } from 'vitest'
import { A_SCENE, Scene } from '../src/lab/simulate/index.ts'
import type { Planned } from '../src/model/plan.ts'
import { type Command, planCommand, runCommand } from '../src/run/daemon/index.ts'

describe.each(['mysql', 'mariadb'] as const)(
  'a minted winner of which too few acknowledge, with ackers: refuse, on %s',
  (flavour) => {
    test('answers its clients once it is opened by name, waits for as many as are attached, and for all when these are back', async () => {
      const scene = new Scene({ ...A_SCENE, flavour, servers: 4, waitCount: 2, policy: { ackers: 'refuse' } })
      await scene.steady()
      const { universe, timeline } = scene
      universe.kill('s1')
      expect(await timeline.run(() => scene.reign()?.state === 'opening', 10_000), scene.tell()).toBe(true)
      for (const { life } of scene.processes) life.kill('sent')
      const winner = scene.primary()
      if (!winner) throw new Error('nobody is minted')
      universe.kill(winner.name === 's3' ? 's4' : 's3')
      await timeline.pass(300)
      const regent = scene.launch()
      await timeline.pass(60_000)
      expect([scene.reign()?.state, winner.access === 'writable'], scene.tell()).toEqual(['opening', false])
      const order: Command = {
        verb: 'unfence',
        server: `${winner.name}:3306`,
        abandon: true,
        forMs: 600_000,
        reason: 'test',
        by: 'ann',
      }
      const shown: Planned[] = []
      void planCommand(regent.keeper, order).then((planned) => shown.push(planned))
      expect(await timeline.run(() => shown.length > 0, 60_000), scene.tell()).toBe(true)
      const ends: string[] = []
      void runCommand(regent.keeper, order).then((end) => ends.push(end.kind), String)
      expect(await timeline.run(() => ends.length > 0, 60_000), scene.tell()).toBe(true)
      expect(ends, scene.tell()).toEqual(['done'])
      expect(shown.flatMap((p) => (p.kind === 'plan' ? p.plan.risks.map((r) => r.code) : []))).toContain('fewer_ackers')
      expect(await scene.writable(5000), scene.tell()).toBe(true)
      expect([winner.source.waitCount, winner.channel], scene.tell()).toEqual([1, undefined])
      for (const { name } of universe.servers) universe.restart(name)
      expect(await timeline.run(() => winner.source.waitCount === 2, 60_000), scene.tell()).toBe(true)
      expect(await scene.writable(5000), scene.tell()).toBe(true)
      expect(scene.promises.broken, scene.tell()).toEqual([])
      scene.writer.stop()
    })
  },
)
