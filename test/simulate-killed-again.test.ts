import { describe, expect, test } from 'vitest'
import { type Ending, seededRandom } from '../src/lab/simulate/index.ts'
import type { KilledAt } from './simulate-stories.ts'
import { ALL_STORIES, MORE_STORIES, outlive } from './simulate-stories-more.ts'

const SEED = Number(process.env['SEED'] ?? 20_260)
const SOAK = process.env['REGENT_SOAK'] !== undefined
/** `make check` has a minute for everything. */
const QUICK = process.env['REGENT_QUICK'] !== undefined
const ENDINGS: readonly Ending[] = ['lost', 'sent', 'late']
const PAUSES_MS = [0, 300]

/** So many points after its start the successor is killed as well: it is at work again by then. */
const SECOND_WITHIN = 40

const random = seededRandom(SEED)
const below = (n: number): number => Math.floor(random.next() * n)
const killedAt = (at: number): KilledAt => ({ at, how: ENDINGS[below(3)] ?? 'lost', pauseMs: PAUSES_MS[below(2)] ?? 0 })

async function expectOutlived(told: ReturnType<typeof outlive>, kills: readonly KilledAt[]): Promise<void> {
  const { wrong, scene } = await told
  const at = scene.processes.map((p) => `${p.life.points.length - 1} ${p.life.points.at(-1)}`)
  expect(wrong, `killed at ${JSON.stringify(kills)}: ${at.join(' | ')}\n${scene.tell()}`).toEqual([])
}

test('trap 84: a server that answers late is cleared of the old leader as well, before it is changed', async () => {
  const story = MORE_STORIES.find(({ name }) => name === 'return of a primary that was frozen')
  if (!story) throw new Error('the story is gone')
  for (const second of [6, 7]) {
    const kills = [5, second].map((at): KilledAt => ({ at, how: 'late', pauseMs: 300 }))
    await expectOutlived(outlive(story, 'mysql', kills), kills)
  }
})

describe.each(['mysql', 'mariadb'] as const)(
  `on %s, Regent is killed and the next one goes on (SEED=${SEED})`,
  (flavour) => {
    test.each(MORE_STORIES)('$name: at any step', { timeout: SOAK ? 600_000 : 120_000 }, async (story) => {
      const whole = await outlive(story, flavour, [])
      expect(whole.wrong, whole.scene.tell()).toEqual([])
      const points = whole.points[0] ?? 0
      expect(points).toBeGreaterThan(3)
      const chosen = SOAK
        ? Array.from({ length: points }, (_, at) => ENDINGS.map((how): KilledAt => ({ at, how, pauseMs: 0 }))).flat()
        : Array.from({ length: QUICK ? 3 : points }, (_, at) => killedAt(QUICK ? below(points) : at))
      for (const killed of chosen) await expectOutlived(outlive(story, flavour, [killed]), [killed])
    })

    test.each(ALL_STORIES)(
      '$name: at any step, and its successor as well',
      { timeout: SOAK ? 600_000 : 20_000 },
      async (story) => {
        const whole = await outlive(story, flavour, [])
        for (let n = 0; n < (SOAK ? 150 : 1); n++) {
          const kills = [killedAt(below(whole.points[0] ?? 1)), killedAt(below(SECOND_WITHIN))]
          await expectOutlived(outlive(story, flavour, kills), kills)
        }
      },
    )
  },
)
