// covers P13 F6
import { expect, test } from 'vitest'
import { randomOf, SEED } from '../stage/chance.ts'
import { setStage, soak, until } from '../stage.ts'

const ROUNDS = soak ? 20 : 2

test('trap 67: a dead Regent costs clients nothing, and the next one takes over the running proxy', async () => {
  await using stage = await setStage({ shape: '1+2' })
  const first = await stage.watchBeside()
  await stage.open()
  const writers = await stage.writers(2, 5)
  const before = await writers.stats()
  await first.kill()
  await new Promise((resolve) => setTimeout(resolve, 500))
  await stage.watchBeside()
  await stage.untilHealthy('s1')
  const after = await writers.stats()
  expect(after.map((s) => s.errors)).toEqual(before.map((s) => s.errors))
  expect(Math.max(...after.map((s) => s.longestGapMs))).toBeLessThan(1000)
  expect(await stage.verify(writers, 's1')).toMatchObject({ lost: 0, contradicted: 0 })
})

test.each(Array.from({ length: ROUNDS }, (_, round) => round))(
  'trap 7: killed at some step of a failover, the next Regent finishes it or takes it back (round %i)',
  async (round) => {
    const n = 1 + Math.floor(randomOf(SEED + round)() * 22)
    await using stage = await setStage({ shape: '1+2', policy: { anti_flapping: '0s' } })
    const first = await stage.watchBeside()
    await stage.open()
    const writers = await stage.writers(4, 5)
    const killed = first.atStepLine(n, () => void first.kill())
    await stage.sandbox.kill('s1')
    const at = await Promise.race([
      killed,
      new Promise<string>((resolve) => setTimeout(() => resolve('not killed'), 8000)),
    ])
    console.log(`SEED=${SEED} round ${round}: line ${n}: ${at}`)

    const second = at === 'not killed' ? first : await stage.watchBeside()
    const winner = await stage.untilReplaced('s1', 30_000).catch((error: unknown) => {
      throw new Error(`killed at ${at}: ${String(error)}\n${second.text()}`)
    })
    await until(
      'writes are acknowledged again',
      async () => (await writers.stats()).every((s) => s.sinceLastMs < 1000),
      {
        seen: () => second.text(),
      },
    )
    await stage.untilHealthy(winner)
    expect((await stage.recoveries('failover')).filter((r) => !['done', 'undone', 'failed'].includes(r.state))).toEqual(
      [],
    )
    expect(await stage.verify(writers, winner)).toMatchObject({ lost: 0, contradicted: 0 })
    expect(await stage.writable()).toEqual([winner])
  },
)
