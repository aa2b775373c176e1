import { expect, test } from 'vitest'
import { walk, walkOf } from './simulate-walk.ts'

const SOAK = process.env['REGENT_SOAK'] !== undefined
const FIRST = Number(process.env['SEED'] ?? 1)
const HISTORIES = Number(
  process.env['HISTORIES'] ?? (SOAK ? 6000 : process.env['REGENT_QUICK'] !== undefined ? 30 : 80),
)

test(
  `${HISTORIES} histories from SEED=${FIRST} on, in which servers, the network and Regent fail at any moment: no promise is broken, and all comes to rest`,
  async () => {
    for (let seed = FIRST; seed < FIRST + HISTORIES; seed++) {
      const history = walkOf(seed)
      const { wrong, scene } = await walk(history)
      expect(wrong, `SEED=${seed} HISTORIES=1 repeats it: ${JSON.stringify(history)}\n${scene.tell()}`).toEqual([])
    }
  },
  SOAK ? 1_200_000 : 60_000,
)
