import { expect, test } from 'vitest'
import { A_SCENE, Scene } from '../src/lab/simulate/index.ts'
import type { Announcer } from '../src/ports/announcers.ts'
import { runCommand } from '../src/run/daemon/index.ts'

test('a route that cannot be read back, withdrawn by a switchover that was taken back and not led back then, is told again, and once', async () => {
  const scene = new Scene({ ...A_SCENE, routes: ['proxy', 'vip'] })
  const regent = await scene.steady()
  const { universe, timeline } = scene
  const [, vip] = universe.routes
  const { announcers } = regent.keeper.office
  const seeing = announcers.get('vip')
  if (!vip || !seeing || !(announcers instanceof Map)) throw new Error('there is no such route')
  const blind: Announcer = { ...seeing, read: async () => ({ kind: 'unknown', why: 'it has no read command' }) }
  announcers.set('vip', blind)
  await timeline.pass(5000)
  universe.named('s1').locks += 1
  const ends: string[] = []
  const order = { verb: 'switchover', server: 's2:3306', reason: 'test', by: 'ann' } as const
  void runCommand(regent.keeper, order).then((end) => ends.push(end.kind), String)
  expect(await timeline.run(() => vip.message?.kind === 'withdrawn', 30_000), scene.tell()).toBe(true)
  vip.reachable = false
  expect(await timeline.run(() => ends.length > 0, 60_000), scene.tell()).toBe(true)
  expect(ends, scene.tell()).toEqual(['refused'])
  vip.reachable = true
  universe.named('s1').locks = 0
  expect(await timeline.run(() => scene.led(), 30_000), scene.tell()).toBe(true)
  const { message } = vip
  await timeline.pass(30_000)
  expect(vip.message, scene.tell()).toEqual(message)
  expect(scene.promises.broken, scene.tell()).toEqual([])
  scene.writer.stop()
})
