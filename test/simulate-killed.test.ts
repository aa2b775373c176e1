import { describe, expect, test } from 'vitest'
import { type Ending, seededRandom } from '../src/lab/simulate/index.ts'
import { type KilledAt, play, STORIES } from './simulate-stories.ts'

const SEED = Number(process.env['SEED'] ?? 20_260)
const EVERY_POINT = process.env['REGENT_SOAK'] !== undefined
const SAMPLES = 5
const ENDINGS: readonly Ending[] = ['lost', 'sent', 'late']
const PAUSES_MS = [0, 300]

function choose(points: number, seed: number): readonly KilledAt[] {
  const all = Array.from({ length: points }, (_, at) =>
    ENDINGS.flatMap((how) => PAUSES_MS.map((pauseMs): KilledAt => ({ at, how, pauseMs }))),
  ).flat()
  if (EVERY_POINT) return all
  const random = seededRandom(seed)
  return Array.from({ length: SAMPLES }, () => all[Math.floor(random.next() * all.length)]).filter(
    (k) => k !== undefined,
  )
}

describe(`Regent killed at every step (SEED=${SEED}, ${EVERY_POINT ? 'all points' : 'a sample; REGENT_SOAK=1 for all'})`, () => {
  for (const [number, story] of STORIES.entries())
    for (const flavour of ['mysql', 'mariadb'] as const)
      test(
        `${story.name} on ${flavour}: the next Regent finishes it or takes it back, and nothing is lost`,
        async () => {
          const whole = await play(story, flavour)
          expect(whole.wrong, whole.scene.tell()).toEqual([])
          expect(whole.points.length).toBeGreaterThan(5)
          for (const killed of choose(whole.points.length, SEED + number)) {
            const told = await play(story, flavour, killed)
            expect(told.points.length, 'it was killed at that point').toBe(killed.at + 1)
            expect(
              told.wrong,
              `killed at ${JSON.stringify(killed)}: ${told.points.at(-1)}\n${told.scene.tell()}`,
            ).toEqual([])
          }
        },
        EVERY_POINT ? 300_000 : 20_000,
      )
})
