// covers P13 O6
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { randomOf, SEED } from '../stage/chance.ts'
import type { WatchChild } from '../stage/child.ts'
import { changesTold, connectionsOfRegent, startGeneralLog } from '../stage/general-log.ts'
import { type Stage, setStage, soak, throughout, until } from '../stage.ts'

const ROUNDS = soak ? 50 : 1
/** More than the lease's time to live, counted from the last renewal before the freeze. */
const LEASE_MS = 2200
/** A failover tells about 30 lines of its steps. */
const LINES = 26

/** A signal is not obeyed at once on a busy machine: until it is, the process may still take the store. */
const FREEZE_MS = 25

function storeIsLocked(stage: Stage): boolean {
  const database = new DatabaseSync(join(stage.config.storeDir, 'regent.db'), { timeout: 0 })
  try {
    database.exec('BEGIN IMMEDIATE')
    database.exec('ROLLBACK')
    return false
  } catch {
    return true
  } finally {
    database.close()
  }
}

/** One that was frozen in the middle of a write to the store holds the store, and nobody can succeed it: let it go a little further. */
async function outsideOfTheStore(stage: Stage, regent: WatchChild): Promise<void> {
  await sleep(FREEZE_MS)
  for (let tries = 0; tries < 200 && storeIsLocked(stage); tries++) {
    regent.thaw()
    // Longer and longer: on a busy machine a thawed process does not get the processor within a millisecond.
    await sleep(1 + tries / 10)
    regent.freeze()
    await sleep(FREEZE_MS)
  }
}

test.each(Array.from({ length: ROUNDS }, (_, round) => round))(
  'traps 65, 66, 84: a leader frozen in the middle of a failover changes nothing after its successor has begun (round %i)',
  async (round) => {
    const random = randomOf(SEED + round)
    const n = 1 + Math.floor(random() * LINES)
    const thawEarly = random() < 0.5
    await using stage = await setStage({ shape: '1+2', lease: '2s' })
    const first = await stage.watchBeside()
    await stage.open()
    const writers = await stage.writers(4, 5)
    for (const id of stage.replicas) await startGeneralLog(stage, id)

    const frozen = first.atStepLine(n, () => first.freeze())
    await stage.sandbox.kill('s1')
    const at = await Promise.race([frozen, sleep(4000).then(() => 'no step: frozen afterwards')])
    first.freeze()
    await outsideOfTheStore(stage, first)
    console.log(
      `SEED=${SEED} round ${round}: frozen at line ${n}: ${at}; thawed ${thawEarly ? 'while' : 'after'} the second acts`,
    )
    await sleep(LEASE_MS)
    const old = new Map<string, ReadonlySet<number>>()
    for (const id of stage.replicas) old.set(id, await connectionsOfRegent(stage, id))

    const second = await stage.watchBeside()
    if (thawEarly) {
      const acts = second.atStepLine(1, () => first.thaw())
      await Promise.race([acts, sleep(1500)])
      first.thaw()
    }
    const winner = await stage.untilReplaced('s1', 30_000).catch((error: unknown) => {
      throw new Error(`frozen at ${at}: ${String(error)}\n--- first\n${first.text()}\n--- second\n${second.text()}`)
    })
    await stage.untilHealthy(winner)
    const before = await stage.arrangement()
    first.thaw()
    await throughout(1500, 'the old leader changes nothing', async () => (await stage.writable()).join() === winner)
    expect(await stage.arrangement()).toEqual(before)
    expect((await stage.cluster()).verdict).toBe('healthy')

    for (const [id, connections] of old) {
      const told = await changesTold(stage, id)
      const begins = told.findIndex(
        (t) => !connections.has(t.connection) && /GLOBAL|STOP|CHANGE|RESET/i.test(t.statement),
      )
      const late = begins < 0 ? [] : told.slice(begins).filter((t) => connections.has(t.connection))
      expect(late, `${id}: ${at}`).toEqual([])
    }
    await until('writes are acknowledged', async () => (await writers.stats()).every((s) => s.sinceLastMs < 500))
    expect(await stage.verify(writers, winner)).toMatchObject({ lost: 0, contradicted: 0 })
  },
  90_000,
)
