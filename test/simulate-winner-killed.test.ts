import { describe, expect, test } from 'vitest'
import { type Ending, type Scene, seededRandom } from '../src/lab/simulate/index.ts'
import { inOrder, type KilledAt, type Story } from './simulate-stories.ts'
import { outlive } from './simulate-stories-more.ts'

const SEED = Number(process.env['SEED'] ?? 20_261)
const SOAK = process.env['REGENT_SOAK'] !== undefined
const ENDINGS: readonly Ending[] = ['lost', 'sent', 'late']
const SAMPLES = 2
/** So many points after its start the successor is killed as well: it is at work again by then. */
const SECOND_WITHIN = 40

/** As soon as an epoch above this one is minted, its winner dies, and stays away. */
function killWinnerOf(scene: Scene, epoch: number): void {
  const reign = scene.reign()
  const winner = scene.primary()
  if (reign?.epoch === epoch && reign.state === 'opening' && winner) scene.universe.kill(winner.name)
  else scene.timeline.after(0.2, () => killWinnerOf(scene, epoch))
}

const STORIES: readonly Story[] = [
  {
    name: 'its winner dies',
    options: {},
    begin: (scene) => {
      scene.universe.kill('s1')
      killWinnerOf(scene, 2)
    },
    settled: (scene) => inOrder(scene) && scene.reign()?.epoch === 3,
  },
  {
    name: 'its two first winners die',
    options: { servers: 4 },
    begin: (scene) => {
      scene.universe.kill('s1')
      killWinnerOf(scene, 2)
      killWinnerOf(scene, 3)
    },
    settled: (scene) => inOrder(scene) && scene.reign()?.epoch === 4,
  },
  {
    name: 'its winner dies, s1 returns open',
    options: { startsReadOnly: false },
    begin: (scene) => {
      scene.universe.kill('s1')
      killWinnerOf(scene, 2)
      scene.timeline.after(300, () => scene.universe.restart('s1'))
    },
    settled: (scene) => inOrder(scene) && scene.universe.named('s1').life === 'up',
  },
]

const random = seededRandom(SEED)
const below = (n: number): number => Math.floor(random.next() * n)
const killedAt = (at: number): KilledAt => ({ at, how: ENDINGS[below(3)] ?? 'lost', pauseMs: [0, 300][below(2)] ?? 0 })

function chosen(points: number): readonly (readonly KilledAt[])[] {
  const every = Array.from({ length: points }, (_, at) => ENDINGS.map((how): KilledAt[] => [{ at, how, pauseMs: 0 }]))
  if (SOAK) return [...every.flat(), ...Array.from({ length: 40 }, () => twice(points))]
  return [...Array.from({ length: SAMPLES }, () => [killedAt(below(points))]), twice(points)]
}

const twice = (points: number): readonly KilledAt[] => [killedAt(below(points)), killedAt(below(SECOND_WITHIN))]

describe.each(['mysql', 'mariadb'] as const)(
  `on %s, a failover loses what it minted, Regent is killed at any step, and the next one goes on (SEED=${SEED}, ${SOAK ? 'every step' : 'a sample'})`,
  (flavour) => {
    test.each(STORIES)('$name', { timeout: SOAK ? 900_000 : 30_000 }, async (story) => {
      const whole = await outlive(story, flavour, [])
      expect(whole.wrong, whole.scene.tell()).toEqual([])
      for (const kills of chosen(whole.points[0] ?? 0)) {
        const { wrong, scene } = await outlive(story, flavour, kills)
        const at = scene.processes.map((p) => `${p.life.points.length - 1} ${p.life.points.at(-1)}`)
        expect(wrong, `killed at ${JSON.stringify(kills)}: ${at.join(' | ')}\n${scene.tell()}`).toEqual([])
      }
    })
  },
)
