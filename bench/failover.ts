/**
 * How long a writer goes without an acknowledgement, one primary and three replicas with lossless semi-sync, the writer through the
 * built-in proxy every 5 ms: the primary killed; switched over; killed with 20 s of received writes still to be applied; killed with
 * a transaction of 200 MB half received. Flavours take turns. All of it takes less than ten minutes on two idle cores. Says which row
 * missed which limit (`limits.ts`), and ends with 1 then.
 *
 * `node bench/failover.ts [--fault all|kill|switchover|backlog|half-received] [--runs <for each fault>] [--server both|mariadb|mysql]
 * [--against <another checkout>]`: its Regent in turn with this one's
 */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Flavour } from '../src/lab/sandbox/index.ts'
import { keepResults, medianOf, printTable, type Spread, spreadOf } from './figures.ts'
import { missedInFailover, tellMissed } from './limits.ts'
import { FAULTS, type Fault, measure, type Run } from './measure.ts'
import type { Phases } from './phases.ts'
import { Stage } from './stage.ts'
import { THIS_CHECKOUT } from './watching.ts'
import { Writing } from './writing.ts'

interface Row {
  readonly server: Flavour
  /** Only where two are compared. */
  readonly checkout?: string
  readonly fault: Fault
  readonly runs: number
  readonly outageMs: Spread
  /** What does not grow with what is still to be applied, or rolled back. */
  readonly withoutDrainMs: Spread
  /** Only where a transaction was half received: until the rows that it had locked could be changed. */
  readonly lockedRowsMs?: Spread
  /** Medians; each phase ends where the next begins. */
  readonly phasesMs: Phases
  /** Acknowledged rows that the last primary has not. */
  readonly lost: number
  readonly acknowledged: number
}

const { values } = parseArgs({
  options: {
    runs: { type: 'string' },
    server: { type: 'string', default: 'both' },
    fault: { type: 'string', default: 'all' },
    against: { type: 'string' },
  },
})
const sides: readonly string[] = [THIS_CHECKOUT, ...(values.against === undefined ? [] : [resolve(values.against)])]
const servers: readonly Flavour[] = (['mariadb', 'mysql'] as const).filter((f) => [f, 'both'].includes(values.server))
const faults: readonly Fault[] = FAULTS.filter((f) => [f, 'all'].includes(values.fault))
if (servers.length === 0) throw new Error(`--server is mariadb, mysql or both, not "${values.server}"`)
if (faults.length === 0) throw new Error(`--fault is all or one of ${FAULTS.join(', ')}, not "${values.fault}"`)

/** The slow ones take half a minute each, and what they show does not need a tail. */
const RUNS: Readonly<Record<Fault, number>> = { kill: 20, switchover: 20, backlog: 3, 'half-received': 3 }
const runsOf = (fault: Fault): number => (values.runs === undefined ? RUNS[fault] : Number(values.runs))

interface Kept {
  readonly runs: Run[]
  lost: number
  acknowledged: number
}

/** Everything of one flavour. A stage whose killed server came back with more than it may have is left for a new one. */
class Bench implements AsyncDisposable {
  readonly server: Flavour
  readonly checkout: string
  readonly kept = new Map<Fault, Kept>()
  #place: { readonly stage: Stage; readonly writing: Writing } | undefined

  constructor(server: Flavour, checkout: string) {
    this.server = server
    this.checkout = checkout
  }

  get name(): string {
    return sides.length > 1 ? `${this.server} of ${this.checkout}` : this.server
  }

  async run(fault: Fault, n: number): Promise<void> {
    this.#place ??= {
      stage: await Stage.set({ server: this.server, checkout: this.checkout }),
      writing: new Writing(),
    }
    const { stage, writing } = this.#place
    const { run, left } = await measure(stage, writing, { fault, name: `${fault} ${n}` })
    this.#of(fault).runs.push(run)
    console.error(
      `${this.name} ${fault} ${n}/${runsOf(fault)}: ${run.outageMs.toFixed(1)} ms ${printPhases(run.phases)}`,
    )
    if (left === 'errant') await this.settle(fault)
  }

  #of(fault: Fault): Kept {
    const kept = this.kept.get(fault) ?? { runs: [], lost: 0, acknowledged: 0 }
    this.kept.set(fault, kept)
    return kept
  }

  /** Compares what was acknowledged with what the last primary has, and ends the stage. */
  async settle(fault: Fault): Promise<void> {
    if (!this.#place) return
    const { stage, writing } = this.#place
    const { lost, acknowledged } = await writing.verify(await stage.atPrimary())
    const kept = this.#of(fault)
    kept.lost += lost
    kept.acknowledged += acknowledged
    await this[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const place = this.#place
    this.#place = undefined
    await place?.writing[Symbol.asyncDispose]()
    await place?.stage[Symbol.asyncDispose]()
  }
}

async function bench(): Promise<readonly Row[]> {
  await using closing = new AsyncDisposableStack()
  const benches = servers.flatMap((server) => sides.map((side) => closing.use(new Bench(server, side))))
  // Each fault on servers of its own: one that was killed has forgotten who logged in, which a switchover to it would pay for.
  for (const fault of faults) {
    for (let n = 1; n <= runsOf(fault); n++) for (const each of benches) await each.run(fault, n)
    for (const each of benches) await each.settle(fault)
  }
  return benches.flatMap(rowsOf)
}

function rowsOf({ server, checkout, kept }: Bench): readonly Row[] {
  return [...kept].map(([fault, { runs, lost, acknowledged }]) => {
    const locked = runs.flatMap((run) => run.lockedRowsMs ?? [])
    return {
      server,
      ...(sides.length > 1 ? { checkout } : {}),
      fault,
      runs: runs.length,
      outageMs: spreadOf(runs.map((run) => run.outageMs)),
      withoutDrainMs: spreadOf(
        runs.map((run) => run.outageMs - (run.phases['drain'] ?? 0) - (run.phases['rollback'] ?? 0)),
      ),
      ...(locked.length > 0 ? { lockedRowsMs: spreadOf(locked) } : {}),
      phasesMs: Object.fromEntries(
        Object.keys(runs[0]?.phases ?? {}).map((name) => [name, medianOf(runs.map((run) => run.phases[name] ?? 0))]),
      ),
      lost,
      acknowledged,
    }
  })
}

function printRows(all: readonly Row[]): void {
  const titles = ['server', 'fault', 'runs', 'min', 'median', 'p95', 'max']
  const more = ['median without drain', 'max without drain', 'locked rows', 'lost', 'of', 'phases (medians)']
  const cells = all.map((row) => [
    row.checkout === undefined ? row.server : `${row.server} ${row.checkout}`,
    ...[row.fault, row.runs, row.outageMs.min, row.outageMs.median, row.outageMs.p95, row.outageMs.max],
    ...[row.withoutDrainMs.median, row.withoutDrainMs.max, row.lockedRowsMs?.max ?? '-', row.lost, row.acknowledged],
    printPhases(row.phasesMs),
  ])
  printTable([...titles, ...more], cells)
}

const printPhases = (phases: Phases): string =>
  Object.entries(phases)
    .map(([name, ms]) => `${name} ${ms.toFixed(1)}`)
    .join(' · ')

const rows = await bench()
printRows(rows)
await keepResults('failover', rows)
// Another checkout is there to be compared with; only what it lost is held against it.
const own = (row: Row): boolean => row.checkout === undefined || row.checkout === THIS_CHECKOUT
tellMissed(rows.filter(own).flatMap(missedInFailover))
if (rows.some((row) => row.lost !== 0)) process.exitCode = 1
