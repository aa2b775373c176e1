import { describe, expect, test } from 'vitest'
import { seededRandom } from '../src/lab/simulate/index.ts'
import { CELLS, type Cell, cellNamed, nameOf, play } from './simulate-matrix.ts'

const SOAK = process.env['REGENT_SOAK'] !== undefined
const SEED = Number(process.env['SEED'] ?? 1)
const MANY = SOAK ? CELLS.length : process.env['REGENT_QUICK'] !== undefined ? 20 : 60

/** As many of them, each at most once, in no order of theirs. */
function sample(cells: readonly Cell[], many: number): readonly Cell[] {
  const random = seededRandom(SEED)
  const drawn = cells.map((cell) => ({ cell, at: random.next() })).sort((a, b) => a.at - b.at)
  return drawn.slice(0, many).map(({ cell }) => cell)
}

async function holds(cell: Cell): Promise<void> {
  const { wrong, scene } = await play(cell)
  expect(wrong, `${nameOf(cell)}\n${scene.tell()}`).toEqual([])
}

describe(`${MANY} of ${CELLS.length} combinations of policy, routes, semi-sync and what happens to the primary (SEED=${SEED}): no two primaries and no loss that was not told`, () => {
  test.each(sample(CELLS, MANY).map((cell) => [nameOf(cell), cell] as const))('%s', (_, cell) => holds(cell), 60_000)
})

describe('what was found by this matrix', () => {
  const RETURNS = 'primary killed, restarted 50 ms after another opened'
  test.each([
    `mysql, ${RETURNS}; fence stopped, loss proven, servers may start writable, clients only by routes, one silent route, semi-sync 1`,
    `mariadb, ${RETURNS}; fence stopped, loss auto, servers may start writable, clients also directly, one route, semi-sync 1`,
    `mysql, ${RETURNS}; fence none, loss proven, servers may start writable, clients only by routes, two routes, one silent, semi-sync 1`,
    'mysql, primary alive, failover by a person, then killed and restarted; fence routes, loss auto, servers may start writable, clients also directly, one silent route, semi-sync off',
    'mariadb, primary alive, failover by a person, then killed and restarted; fence auto, loss auto, servers may start writable, clients also directly, no route, semi-sync 1',
  ])('that the old primary may start writable beside the new one is named before it is risked: %s', async (name) => {
    await holds(cellNamed(name))
  })
})
