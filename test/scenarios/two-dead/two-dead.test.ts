// covers P1 P2
import { expect, test } from 'vitest'
import type { Writers } from '../stage/writers.ts'
import { type Stage, setStage, soak, throughout, until } from '../stage.ts'

const ROUNDS = Array.from({ length: soak ? 3 : 1 }, (_, round) => round + 1)

/** Past the window of silence (1.5 s) and several looks (every 0.5 s); the soak waits the minute that is told of. */
const ABSENT_MS = soak ? 60_000 : 4000

/** One go: no server lives to see the other's end, and no look falls between them. */
function atOnce(stage: Stage, signals: Readonly<Record<string, NodeJS.Signals>>): void {
  const pids = Object.entries(signals).map(([id, signal]) => ({ pid: stage.sandbox.server(id).pid, signal }))
  for (const { pid, signal } of pids) process.kill(pid, signal)
}

/** Refused because of the loss: whoever asks is told what is missing and the way out, and nothing is opened. */
async function untilRefused(stage: Stage, says: RegExp): Promise<void> {
  const told = async () =>
    (await stage.cluster()).refusals.find((r) => r.code === 'loss_not_provable' && says.test(r.says))
  await until(`the failover is refused: ${says}`, async () => (await told()) !== undefined, {
    seen: () => stage.story(),
  })
  expect((await told())?.tryThis).toMatch(/bring .* back.* regent failover stage --loss \S+ --reason/)
  await throughout(1500, 'it stays refused, and nobody is open', async () => {
    return (await told()) !== undefined && stage.watcher.writable().length === 0
  })
  expect((await stage.recoveries('failover')).filter((r) => r.state === 'done')).toEqual([])
}

const goOn = (stage: Stage, writers: Writers): Promise<void> =>
  until('every writer is acknowledged again', async () => (await writers.stats()).every((s) => s.sinceLastMs < 500), {
    seen: () => stage.story(),
  })

test.each(ROUNDS)(
  'a replica dead for a while, then the primary: it fails over without loss, and the plan names the absent one (%i)',
  async () => {
    await using stage = await setStage({ shape: '1+3', policy: { loss: 'proven' } })
    await stage.watchInside()
    await stage.open()
    const writers = await stage.writers(2, 5)
    const absent = (await stage.shown('s2'))?.id ?? ''

    const from = performance.now()
    await stage.sandbox.kill('s2')
    await until('its death is seen', async () => (await stage.shown('s2'))?.look !== 'answered', {
      seen: () => stage.story(),
    })
    await until('it has been away for a while', () => performance.now() - from > ABSENT_MS, {
      withinMs: ABSENT_MS + 5000,
    })
    await goOn(stage, writers)
    await stage.sandbox.kill('s1')

    const winner = await stage.untilReplaced('s1')
    expect(['s3', 's4']).toContain(winner)
    await goOn(stage, writers)
    expect(stage.happened('refused')).toEqual([])
    const risks = stage.happened('plan').flatMap(({ plan }) => plan.risks)
    const leftOut = risks.filter((r) => r.code === 'acker_left_out')
    expect(leftOut, JSON.stringify(risks)).not.toEqual([])
    for (const { says } of leftOut) {
      expect(says).toContain(absent)
      expect(says).toMatch(/may have come back within one look/)
    }
    await stage.untilHealthy(winner)
    expect(await stage.verify(writers, winner)).toMatchObject({ lost: 0, contradicted: 0 })
  },
  120_000 + ABSENT_MS,
)

test.each(ROUNDS)(
  'a replica and the primary in the same instant: refused under `proven`; a person who accepts a loss gets a primary (%i)',
  async () => {
    await using stage = await setStage({ shape: '1+2', policy: { loss: 'proven' } })
    await stage.watchInside()
    await stage.open()
    const writers = await stage.writers(2, 5)

    atOnce(stage, { s1: 'SIGKILL', s2: 'SIGKILL' })
    await untilRefused(stage, /1 of the 2 servers that may hold an acknowledgement .* 2 are needed/)

    const reason = 'two hosts burnt; what nobody else has is gone'
    const end = await stage.command({ verb: 'failover', loss: '10s', by: 'a person', reason })
    expect(end, `${JSON.stringify(end)}\n${await stage.story()}`).toMatchObject({ kind: 'done' })
    expect(await stage.untilReplaced('s1')).toBe('s3')
    await goOn(stage, writers)
    const risk = stage
      .happened('plan')
      .flatMap(({ plan }) => plan.risks)
      .find((r) => r.code === 'unproven_loss')
    expect(risk?.seconds, 'the loss that was accepted is named').toBeLessThanOrEqual(10)
    const [recovery] = await stage.recoveries('failover')
    expect(recovery).toMatchObject({ state: 'done', automatic: false, because: expect.stringContaining(reason) })
    expect(await stage.writable()).toEqual(['s3'])
    expect(await stage.verify(writers, 's3')).toMatchObject({ contradicted: 0 })
  },
)

test.each(ROUNDS)(
  'a replica gone in the same instant as the primary comes back with all it had: it fails over by itself (%i)',
  async () => {
    await using stage = await setStage({ shape: '1+2' })
    await stage.watchInside()
    await stage.open()
    const writers = await stage.writers(2, 5)

    // Its process lives on: what it acknowledged, it has.
    atOnce(stage, { s2: 'SIGSTOP', s1: 'SIGKILL' })
    await untilRefused(stage, /1 of the 2 servers that may hold an acknowledgement .* 2 are needed/)
    await stage.sandbox.thaw('s2')

    const winner = await stage.untilReplaced('s1')
    await goOn(stage, writers)
    await stage.untilHealthy(winner)
    expect(await stage.verify(writers, winner)).toMatchObject({ lost: 0, contradicted: 0 })
    const done = (await stage.recoveries('failover')).filter((r) => r.state === 'done')
    expect(done.map((r) => r.automatic)).toEqual([true])
  },
)

test.each(ROUNDS)(
  'a replica gone in the same instant as the primary that had to be started again proves nothing: still refused, and it says why (%i)',
  async () => {
    await using stage = await setStage({ shape: '1+2' })
    await stage.watchInside()
    await stage.open()
    const writers = await stage.writers(2, 5)

    atOnce(stage, { s1: 'SIGKILL', s2: 'SIGKILL' })
    await untilRefused(stage, /1 of the 2 servers/)
    await stage.sandbox.restart('s2')
    await untilRefused(stage, /restarted since the primary was last read, and may have dropped/)

    await stage.sandbox.restart('s1')
    await stage.untilHealthy('s1')
    await goOn(stage, writers)
    expect(await stage.verify(writers, 's1')).toMatchObject({ lost: 0, contradicted: 0 })
  },
)
