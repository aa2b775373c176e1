import { expect, test } from 'vitest'
import { residentMb } from '../../../src/lab/sandbox/index.ts'
import { setStage, until } from '../stage.ts'

const GIGABYTE = 1024 ** 3

/** Two sessions that hold half a gigabyte each, for as long as they are open. */
async function fill(stage: Awaited<ReturnType<typeof setStage>>): Promise<AsyncDisposable> {
  const sessions = [await stage.sandbox.sql('s1'), await stage.sandbox.sql('s1')]
  for (const session of sessions) await session.query(`SET @held = REPEAT('x', ${GIGABYTE / 2})`)
  return {
    [Symbol.asyncDispose]: async () => {
      for (const session of sessions) session.destroy()
    },
  }
}

test('trap 69: a killed server that held a gigabyte closes its sockets later, and is replaced all the same', async () => {
  await using stage = await setStage({ shape: '1+2', extraServerOptions: [`--max-allowed-packet=${GIGABYTE}`] })
  await stage.watchInside()
  await stage.open()
  const writers = await stage.writers(2, 5)
  await using _held = await fill(stage)
  expect(await residentMb(stage.sandbox.server('s1').pid)).toBeGreaterThan(1000)

  await stage.sandbox.kill('s1')
  const winner = await stage.untilReplaced('s1')
  await until('the writers go on', async () => (await writers.stats()).every((s) => s.sinceLastMs < 500))
  // Sooner than silence alone would allow: the refusal was waited for, and counted as soon as it came.
  expect(await writers.longestGapMs()).toBeLessThan(5000)
  expect(await stage.writable()).toEqual([winner])
  expect(await stage.verify(writers, winner)).toMatchObject({ lost: 0, contradicted: 0 })
})
