import { expect, test } from 'vitest'
import { A_SCENE, type RegentProcess, Scene } from '../src/lab/simulate/index.ts'
import { recoveryId, wallTime } from '../src/model/ids.ts'

const troubles = (regent: RegentProcess): readonly string[] =>
  regent.events.flatMap((e) => (e.kind === 'trouble' ? [e.says] : []))

test('a store that cannot be read is told once; Regent goes on watching, and knows that its books are old', async () => {
  const scene = new Scene(A_SCENE)
  const regent = await scene.steady()
  const { books } = regent.keeper
  // What is read once after the start has been read: from here on only the books ask the store.
  await scene.timeline.pass(10_000)
  expect(books.isCurrent()).toBe(true)
  const { newestFirst } = scene.durable
  scene.durable.newestFirst = () => {
    throw new Error('the disk is gone')
  }
  const cycles = (): number => regent.events.filter((e) => e.kind === 'cycle').length
  const before = cycles()
  scene.universe.kill('s3')
  await scene.timeline.pass(10_000)
  expect(troubles(regent)).toEqual(['the store cannot be read: the disk is gone'])
  expect(cycles() - before).toBeGreaterThan(15)
  expect(
    regent.keeper.view()?.topology.members.find((m) => m.sighting.address.host === 's3')?.sighting.latest.kind,
  ).toBe('refused')
  expect([books.isCurrent(), books.reign()?.epoch]).toEqual([false, 1])
  scene.durable.newestFirst = newestFirst
  await scene.timeline.pass(3000)
  expect(books.isCurrent()).toBe(true)
  expect(troubles(regent)).toEqual(['the store cannot be read: the disk is gone', 'the store can be read again'])
})

test('what could not be written is told once, and written later', async () => {
  const scene = new Scene(A_SCENE)
  const regent = await scene.steady()
  const { evidence } = scene.durable
  const before = evidence.length
  evidence.push = () => {
    throw new Error('the disk is full')
  }
  scene.universe.named('s2').channel = undefined
  scene.universe.named('s3').channel = undefined
  for (const name of ['s2', 's3']) scene.universe.kill(name)
  scene.universe.kill('s1')
  await scene.timeline.pass(10_000)
  expect(troubles(regent)).toEqual(['the store cannot be written to: the disk is full'])
  evidence.push = Array.prototype.push
  await scene.timeline.pass(2000)
  expect(evidence.length).toBeGreaterThan(before)
  expect(evidence.at(-1)?.verdict).toBe(regent.keeper.view()?.diagnosis.primary.verdict)
})

test('the time since the last failover counts however many repairs were recorded since', async () => {
  const scene = new Scene({ ...A_SCENE, policy: { antiFlappingMs: 3_600_000 } })
  const regent = await scene.steady()
  scene.universe.kill('s1')
  await scene.timeline.run(() => scene.primary()?.name !== 's1' && scene.led(), 5000)
  await scene.timeline.pass(2000)
  const ended = [...scene.durable.recoveries.values()].find((r) => r.record.kind === 'failover')?.record
  if (ended?.endedAt === undefined) throw new Error(`no failover was done:\n${scene.tell()}`)
  for (let n = 0; n < 30; n++) {
    const id = recoveryId(`repair-${n}`)
    const record = { ...ended, id, kind: 'rejoin', state: 'failed', endedAt: wallTime(ended.endedAt + n) } as const
    scene.durable.recoveries.set(id, { record, plans: [], steps: new Map(), events: [] })
  }
  await scene.timeline.pass(3000)
  expect(regent.keeper.books.permitFacts()).toMatchObject({ lastCompleted: ended.endedAt })
})
