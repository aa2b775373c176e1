/**
 * What the algebra of MySQL's GTID sets costs on sets of 100,000 intervals each: far more than servers have, as many as a history full
 * of holes could have. A verdict waits for these, so they must be well under 50 ms.
 *
 * `node bench/gtid.ts [--runs 50] [--intervals 100000]`
 */
import { parseArgs } from 'node:util'
import { contains, count, type GtidSet, subtract, union } from '../src/model/gtid/mysql-set.ts'
import { gtidSet, printGtidSet } from '../src/model/gtid/mysql-text.ts'
import { keepResults, printTable, type Spread, spreadOf } from './figures.ts'

interface Row {
  readonly operation: string
  readonly intervals: number
  readonly runs: number
  readonly ms: Spread
}

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '50' }, intervals: { type: 'string', default: '100000' } },
})
const runs = Number(values.runs)
const intervals = Number(values.intervals)

const UUID = 'aaaaaaaa-0000-0000-0000-000000000001'

/** Every tenth number begins an interval: `from` to `to` of each ten. */
function textOf(from: number, to: number): string {
  const all = Array.from({ length: intervals }, (_, i) => `${i * 10 + from}-${i * 10 + to}`)
  return `${UUID}:${all.join(':')}`
}

const text = textOf(1, 6)
const left = gtidSet(text)
const right = gtidSet(textOf(4, 8))
const within = gtidSet(textOf(2, 5))

/** Nothing is a figure that was not right; and what is looked at is not optimized away. */
interface Operation<T> {
  readonly name: string
  readonly run: () => T
  readonly isRight: (given: T) => boolean
}

function measure<T>({ name, run, isRight }: Operation<T>): Row {
  const took: number[] = []
  // The first is not counted: it runs before the code is compiled.
  for (let i = 0; i <= runs; i++) {
    const began = performance.now()
    const given = run()
    if (i > 0) took.push(performance.now() - began)
    if (!isRight(given)) throw new Error(`${name} gave a wrong answer`)
  }
  return { operation: name, intervals, runs, ms: spreadOf(took) }
}

const names =
  (ofEachTen: number) =>
  (set: GtidSet): boolean =>
    count(set) === BigInt(ofEachTen * intervals)

const rows: readonly Row[] = [
  measure({ name: 'subtract', run: () => subtract(left, right), isRight: names(3) }),
  measure({ name: 'union', run: () => union(left, right), isRight: names(8) }),
  measure({ name: 'contains: yes', run: () => contains(left, within), isRight: (given) => given }),
  measure({ name: 'contains: no', run: () => contains(within, left), isRight: (given) => !given }),
  measure({ name: 'parse', run: () => gtidSet(text), isRight: names(6) }),
  measure({ name: 'print', run: () => printGtidSet(left), isRight: (given) => given === text }),
]
printTable(
  ['operation', 'intervals', 'runs', 'min ms', 'median', 'p95', 'max'],
  rows.map((r) => [r.operation, r.intervals, r.runs, r.ms.min, r.ms.median, r.ms.p95, r.ms.max]),
)
await keepResults('gtid', rows)
