import { describe, expect, test } from 'vitest'
import { A_SCENE, Scene, type SceneOptions } from '../src/lab/simulate/index.ts'
import type { ModelServer } from '../src/lab/simulate/server.ts'
import { Writer } from '../src/lab/simulate/writer.ts'
import type { Declared } from '../src/model/topology.ts'
import { runCommand } from '../src/run/daemon/index.ts'

const FLAVOURS = ['mysql', 'mariadb'] as const
const NEVER: Declared = { site: '', preference: 'never', downtimed: false }
const isMinted = (scene: Scene): boolean => scene.reign()?.state === 'opening'
const isOpen = (scene: Scene): boolean =>
  scene.reign()?.state === 'open' && scene.led() && scene.primary()?.access === 'writable'

const receiversOf = (scene: Scene, source: string): number =>
  scene.universe.servers.filter((s) => s.channel?.source.host === source && s.channel.receiver === 'running').length

/** s2 may lead and lacks the newest acknowledged writes, s3 and s4 hold them and may not lead: the winner has to catch up. */
async function behindWinner(flavour: SceneOptions['flavour']): Promise<{ scene: Scene; winner: ModelServer }> {
  const scene = new Scene({ ...A_SCENE, flavour, servers: 4, waitCount: 2 })
  Object.assign(scene.config, { servers: new Map(['s3:3306', 's4:3306'].map((name) => [name, NEVER])) })
  await scene.steady()
  scene.universe.cutLink('s1', 's2')
  await scene.timeline.pass(400)
  scene.universe.kill('s1')
  expect(await scene.timeline.run(() => isMinted(scene), 5000), scene.tell()).toBe(true)
  return { scene, winner: scene.universe.named('s2') }
}

function killRegent(scene: Scene): void {
  for (const { life } of scene.processes) life.kill('sent')
}

describe('a recovery that another process goes on with', () => {
  test.each(FLAVOURS)(
    'on %s catches its winner up although its channel was forgotten by hand before that',
    async (flavour) => {
      const { scene, winner } = await behindWinner(flavour)
      killRegent(scene)
      await scene.timeline.pass(50)
      expect(winner.channel?.relay).toEqual([])
      winner.channel = undefined
      expect(scene.lostOn(winner)).toBeGreaterThan(0)
      await scene.timeline.pass(300)
      scene.launch()
      expect(await scene.timeline.run(() => isOpen(scene), 30_000), scene.tell()).toBe(true)
      expect(scene.lostOn(winner), scene.tell()).toBe(0)
      scene.writer.stop()
    },
  )

  test.each(FLAVOURS)(
    'on %s never opens the winner of a switchover without what its old primary wrote since',
    async (flavour) => {
      const scene = new Scene({ ...A_SCENE, flavour, startsReadOnly: false, policy: { routesAreComplete: false } })
      const regent = await scene.steady()
      const { universe, timeline } = scene
      const direct = new Writer(universe, undefined, 5)
      const order = { verb: 'switchover', server: 's3:3306', reason: 'test', by: 'ann', yes: true } as const
      void runCommand(regent.keeper, order).catch(() => undefined)
      expect(await timeline.run(() => isMinted(scene), 5000), scene.tell()).toBe(true)
      killRegent(scene)
      await timeline.pass(20)
      universe.named('s3').channel = undefined
      universe.kill('s1')
      universe.restart('s1')
      await timeline.pass(300)
      direct.stop()
      const lacking = () => direct.acknowledged.filter((a) => !universe.named('s3').has(a.transaction)).length
      expect(lacking()).toBeGreaterThan(0)
      scene.launch()
      await timeline.run(() => isOpen(scene), 20_000)
      expect(isOpen(scene) && lacking() > 0, scene.tell()).toBe(false)
      scene.writer.stop()
    },
  )

  test.each(FLAVOURS)(
    'on %s keeps the ackers that are attached already when one of them is left out',
    async (flavour) => {
      const scene = new Scene({ ...A_SCENE, flavour, servers: 4, waitCount: 2 })
      await scene.steady()
      const { universe, timeline } = scene
      universe.kill('s1')
      expect(await timeline.run(() => receiversOf(scene, 's2') >= 2, 5000), scene.tell()).toBe(true)
      killRegent(scene)
      universe.kill('s4')
      await timeline.pass(200)
      scene.launch()
      expect(await timeline.run(() => isOpen(scene), 30_000), scene.tell()).toBe(true)
      expect(universe.named('s2').source, scene.tell()).toEqual({ enabled: true, waitCount: 1 })
      scene.writer.stop()
    },
  )

  test.each(FLAVOURS)(
    'on %s leaves out an acker that died although its winner follows the one that it caught up from',
    async (flavour) => {
      const { scene } = await behindWinner(flavour)
      const { universe, timeline } = scene
      expect(await timeline.run(() => receiversOf(scene, 's2') >= 2 && universe.named('s2').source.enabled, 5000)).toBe(
        true,
      )
      killRegent(scene)
      universe.kill('s4')
      await timeline.pass(300)
      scene.launch()
      expect(await timeline.run(() => isOpen(scene), 60_000), scene.tell()).toBe(true)
      expect(scene.lostOn(universe.named('s2')), scene.tell()).toBe(0)
      scene.writer.stop()
    },
  )
})
