import { describe, expect, test } from 'vitest'
import { type Ending, seededRandom } from '../src/lab/simulate/index.ts'
import { type KilledAt, play, STORIES } from './simulate-stories.ts'

const SEED = Number(process.env['SEED'] ?? 20_260)
const EVERY_DEATH = process.env['REGENT_SOAK'] !== undefined
/** `make check` has a minute for everything. */
const FEW = process.env['REGENT_QUICK'] !== undefined ? 5 : Number.POSITIVE_INFINITY
const ENDINGS: readonly Ending[] = ['lost', 'sent', 'late']
const PAUSES_MS = [0, 300]

/** Every point (or a few, where the time is short); at each of them every kind of death, or one that the seed chooses. */
function choose(points: number, seed: number): readonly KilledAt[] {
  const random = seededRandom(seed)
  const every = Array.from({ length: points }, (_, at) => ({ at, order: random.next() }))
  const chosen = FEW < points ? every.toSorted((a, b) => a.order - b.order).slice(0, FEW) : every
  return chosen.flatMap(({ at }) => {
    const all = ENDINGS.flatMap((how) => PAUSES_MS.map((pauseMs): KilledAt => ({ at, how, pauseMs })))
    return EVERY_DEATH ? all : all.slice(Math.floor(random.next() * all.length)).slice(0, 1)
  })
}

describe(`Regent killed at every step (SEED=${SEED}, ${EVERY_DEATH ? 'every kind of death at each' : 'one kind of death at each; REGENT_SOAK=1 for all'})`, () => {
  for (const [number, story] of STORIES.entries())
    for (const flavour of ['mysql', 'mariadb'] as const)
      test(
        `${story.name} on ${flavour}: the next Regent finishes it or takes it back, and nothing is lost`,
        async () => {
          const whole = await play(story, flavour)
          expect(whole.wrong, whole.scene.tell()).toEqual([])
          expect(whole.points.length).toBeGreaterThan(5)
          const kills = choose(whole.points.length, SEED + number)
          expect(new Set(kills.map((k) => k.at)).size, 'points').toBe(Math.min(FEW, whole.points.length))
          for (const killed of kills) {
            const told = await play(story, flavour, killed)
            expect(told.points.length, 'it was killed at that point').toBe(killed.at + 1)
            expect(
              told.wrong,
              `killed at ${JSON.stringify(killed)}: ${told.points.at(-1)}\n${told.scene.tell()}`,
            ).toEqual([])
          }
        },
        EVERY_DEATH ? 300_000 : 60_000,
      )
})
