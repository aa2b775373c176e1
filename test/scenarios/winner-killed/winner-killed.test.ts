// covers P13 F6 X6
import { expect, test } from 'vitest'
import { type Stage, setStage, until } from '../stage.ts'

/** Appliers wait for these, so that a winner drains for as long as the story wants; all that was acknowledged is received by all. */
async function locked(stage: Stage): Promise<ReadonlyMap<string, () => Promise<unknown>>> {
  const unlock = new Map<string, () => Promise<unknown>>()
  for (const id of stage.replicas) {
    const session = await stage.session(id)
    await session.query('LOCK TABLES app.writes READ')
    unlock.set(id, () => session.query('UNLOCK TABLES'))
  }
  const from = performance.now()
  await until('the locks have held the appliers for a while', () => performance.now() - from > 1000)
  const pauser = await stage.session('s1')
  await pauser.query('FLUSH TABLES WITH READ LOCK')
  const pausedAt = performance.now()
  await until('all replicas have received everything', () => performance.now() - pausedAt > 700)
  return unlock
}

async function minted(stage: Stage, seen: () => string): Promise<string> {
  const winner = async () =>
    (await stage.recoveries('failover')).flatMap((r) => r.plans).find((plan) => plan.mints)?.mints?.winner
  await until('a winner is minted', async () => (await winner()) !== undefined, { seen })
  const id = await winner()
  const shown = (await stage.cluster()).servers.find((s) => s.id === id)
  const found = stage.sandbox.servers.find((s) => stage.address(s.id) === shown?.address)
  if (!found) throw new Error(`no server of the sandbox is ${id}`)
  return found.id
}

const STORIES = [
  { regent: 'the same Regent', killed: false },
  { regent: 'a Regent that never saw it, nor the old primary', killed: true },
] as const

test.each(STORIES)(
  'a winner that is killed while it drains is replaced by $regent, in a new epoch: nothing acknowledged is lost, and both dead ones follow when they return',
  async ({ killed }) => {
    await using stage = await setStage({ shape: '1+3', policy: { anti_flapping: '0s' } })
    let regent = await stage.watchBeside()
    const seen = () => regent.text()
    await stage.open()
    const writers = await stage.writers(4, 5)
    const unlock = await locked(stage)
    await stage.sandbox.kill('s1')
    const first = await minted(stage, seen)
    if (killed) await regent.kill()
    await stage.sandbox.kill(first)
    for (const [id, release] of unlock) if (id !== first) await release()
    if (killed) regent = await stage.watchBeside()

    await until(
      'somebody else is open',
      async () => {
        const open = await stage.writable()
        return open.length === 1 && open[0] !== first
      },
      { seen },
    )
    await until('writes are acknowledged', async () => (await writers.stats()).every((s) => s.sinceLastMs < 500), {
      seen: async () => `${JSON.stringify(await writers.stats())}\n${seen()}`,
    })
    const second = await stage.untilReplaced(first)
    expect(await stage.verify(writers, second)).toMatchObject({ lost: 0, contradicted: 0 })
    expect((await stage.recoveries('failover')).map((r) => r.state).sort()).toEqual(['done', 'failed'])

    await stage.sandbox.restart(first)
    await stage.sandbox.restart('s1')
    await until(
      'the two that died follow, or are closed and listed',
      async () => {
        const shown = await Promise.all(['s1', first].map((id) => stage.shown(id)))
        return shown.every((s) => s?.sources[0]?.from === stage.address(second)) || (await stage.writable()).length > 1
      },
      { seen },
    )
    expect(await stage.writable()).toEqual([second])
    expect(stage.watcher.overlaps()).toEqual([])
  },
)
