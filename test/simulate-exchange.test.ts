/** An address is an alias of a server, never the server: what happens when two of them exchange theirs, or when only the store knows it. */
import { describe, expect, test } from 'vitest'
import { A_SCENE, type RegentProcess, Scene } from '../src/lab/simulate/index.ts'
import { epoch, recoveryId, type ServerId } from '../src/model/ids.ts'
import type { HeldLease } from '../src/ports/lease.ts'
import { giveOrders } from '../src/run/daemon/index.ts'
import { worldFor } from '../src/run/daemon/world.ts'

/** Without semi-sync nothing but the identity stands between the opening and the wrong server. */
const EXCHANGES = [
  { one: 's2', other: 's3', ms: 0 },
  { one: 's2', other: 's3', ms: 1 },
  { one: 's2', other: 's3', ms: 2 },
  { one: 's1', other: 's2', ms: 2 },
] as const

describe.each(['mysql', 'mariadb'] as const)('on %s', (flavour) => {
  test.each(EXCHANGES)(
    '$one and $other exchange their addresses $ms ms after the winner is chosen: nobody else is opened in its place',
    async ({ one, other, ms }) => {
      const scene = new Scene({ ...A_SCENE, flavour, waitCount: 0 })
      await scene.steady()
      scene.universe.kill('s1')
      expect(await scene.timeline.run(() => scene.openRecovery()?.plans.length === 2, 3000)).toBe(true)
      await scene.timeline.pass(ms)
      const before = scene.universe.effects.length
      scene.universe.exchange(one, other)
      await scene.timeline.pass(5000)
      const winner = scene.universe.servers.find((s) => s.id === scene.reign()?.primary)?.name
      const opened = scene.universe.effects.slice(before).filter((e) => e.what === 'open' && e.server !== winner)
      expect(opened, scene.tell()).toEqual([])
      const others = scene.universe.servers.filter(
        (s) => s.name !== winner && s.life === 'up' && s.access === 'writable',
      )
      expect(
        others.map((s) => s.name),
        scene.tell(),
      ).toEqual([])
      expect(scene.promises.broken, scene.tell()).toEqual([])
    },
  )
})

/** As the steps of a recovery find a server. */
async function addressFor(scene: Scene, regent: RegentProcess, id: ServerId) {
  const leftMs = (): number => 5000
  const lease: HeldLease = {
    ...{ token: 1, ttlMs: 5000, leftMs, lost: new AbortController().signal },
    warrant: (cluster) => ({ cluster, token: 1, leftMs }),
    [Symbol.asyncDispose]: async () => undefined,
  }
  const world = worldFor(regent.keeper.office, { recovery: recoveryId('r'), lease, epoch: epoch(1) })
  let found: { readonly address: Awaited<ReturnType<typeof world.addressOf>> } | undefined
  void world.addressOf(id).then((address) => {
    found = { address }
  })
  expect(await scene.timeline.run(() => found !== undefined, 1000)).toBe(true)
  return found?.address
}

test('a server that this process has never met is sought where an earlier one saw it last; a forgotten one is not', async () => {
  const scene = new Scene(A_SCENE)
  const first = await scene.steady()
  const { id, address } = scene.universe.named('s3')
  first.life.kill()
  scene.universe.kill('s3')
  await scene.timeline.pass(6000)
  const second = await scene.regent()
  await scene.timeline.pass(1000)
  expect(second.keeper.office.observer.addressOf(id)).toBeUndefined()
  expect(await addressFor(scene, second, id)).toEqual(address)
  let forgotten = false
  void giveOrders.forget(second.keeper, 's3:3306').then(() => {
    forgotten = true
  })
  expect(await scene.timeline.run(() => forgotten, 5000)).toBe(true)
  expect(await addressFor(scene, second, id)).toBeUndefined()
})
