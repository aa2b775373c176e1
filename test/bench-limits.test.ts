import { expect, test } from 'vitest'
import { spreadOf } from '../bench/figures.ts'
import { type FailoverFigures, missedInFailover, missedInWatch, type WatchFigures } from '../bench/limits.ts'
import { FAULTS } from '../bench/measure.ts'

const FAST: FailoverFigures = {
  server: 'mysql',
  fault: 'kill',
  outageMs: spreadOf([20, 40, 50]),
  withoutDrainMs: spreadOf([20, 40, 50]),
  lost: 0,
}
const row = (changed: Partial<FailoverFigures>): FailoverFigures => ({ ...FAST, ...changed })

test.each(FAULTS)(
  'a fast %s without loss misses nothing on either flavour, and a lost row or no figure at all does',
  (fault) => {
    for (const server of ['mariadb', 'mysql'] as const) {
      expect(missedInFailover(row({ server, fault }))).toEqual([])
      expect(missedInFailover(row({ server, fault, lost: 1 }))).toEqual([
        `${server} ${fault}: lost 1, must be at most 0 rows`,
      ])
      const none = { outageMs: spreadOf([]), withoutDrainMs: spreadOf([]) }
      expect(missedInFailover(row({ server, fault, ...none }))).not.toEqual([])
    }
  },
)

test('each fault is held to its own limit, which a figure may just reach', () => {
  const atMost = (
    fault: FailoverFigures['fault'],
    server: FailoverFigures['server'],
    most: number,
    what: keyof FailoverFigures,
  ) => {
    expect(missedInFailover(row({ server, fault, [what]: spreadOf([most]) }))).toEqual([])
    expect(missedInFailover(row({ server, fault, [what]: spreadOf([most + 0.1]) }))).toHaveLength(1)
  }
  atMost('kill', 'mariadb', 150, 'outageMs')
  atMost('kill', 'mysql', 250, 'outageMs')
  atMost('switchover', 'mariadb', 50, 'outageMs')
  atMost('switchover', 'mysql', 50, 'outageMs')
  for (const fault of ['backlog', 'half-received'] as const)
    for (const server of ['mariadb', 'mysql'] as const) atMost(fault, server, 400, 'withoutDrainMs')
})

test('the worst of twenty kills counts as well, and the line names row, figure and limit', () => {
  const outageMs = { min: 40, median: 60, p95: 500.1, max: 700 }
  expect(missedInFailover(row({ outageMs }))).toEqual(['mysql kill: p95 500.1, must be at most 500 ms'])
  expect(missedInFailover(row({ outageMs: { ...outageMs, p95: 500 } }))).toEqual([])
})

test('a backlog may take as long to apply as it likes', () => {
  expect(missedInFailover(row({ fault: 'backlog', outageMs: spreadOf([20_000]) }))).toEqual([])
})

test('a watch is held to its round trips, its processor and its memory', () => {
  const cheap: WatchFigures = {
    server: 'mysql',
    cpuPercent: 2.9,
    rssMb: { atStart: 149, atEnd: 120 },
    looksPerSecond: 2,
  }
  expect(missedInWatch(cheap)).toEqual([])
  expect(missedInWatch({ ...cheap, looksPerSecond: 2.1 })).toHaveLength(1)
  expect(missedInWatch({ ...cheap, cpuPercent: 3 })).toEqual(['mysql: CPU 3, must be under 3 % of a core'])
  expect(missedInWatch({ ...cheap, rssMb: { atStart: 120, atEnd: 150 } })).toEqual([
    'mysql: RSS 150, must be under 150 MB',
  ])
})
