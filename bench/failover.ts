/**
 * How long a writer goes without an acknowledgement: the primary killed, or switched over, one primary and three replicas with
 * lossless semi-sync, the writer through the built-in proxy every 5 ms. Flavours take turns.
 *
 * `node bench/failover.ts [--runs 20] [--server both|mariadb|mysql] [--fault all|kill|switchover|backlog]
 * [--against <another checkout>]`: its Regent in turn with this one's
 */
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Flavour } from '../src/lab/sandbox/index.ts'
import { keepResults, medianOf, printTable, type Spread, spreadOf, wallNow } from './figures.ts'
import { backlogPhases, darkness, killPhases, type Phases, switchPhases } from './phases.ts'
import { Stage } from './stage.ts'
import { THIS_CHECKOUT } from './watching.ts'
import { Writing } from './writing.ts'

/** `backlog`: killed when every applier had been stopped for a while, with all that was received still to be applied. */
type Fault = 'kill' | 'switchover' | 'backlog'

interface Run {
  readonly outageMs: number
  readonly phases: Phases
}

interface Row {
  readonly server: Flavour
  /** Only where two are compared. */
  readonly checkout?: string
  readonly fault: Fault
  readonly runs: number
  readonly outageMs: Spread
  /** What does not grow with what is still to be applied. */
  readonly withoutDrainMs: Spread
  /** Medians; each phase ends where the next begins. */
  readonly phasesMs: Phases
  /** Acknowledged rows that the last primary has not. */
  readonly lost: number
  readonly acknowledged: number
}

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    server: { type: 'string', default: 'both' },
    fault: { type: 'string', default: 'all' },
    against: { type: 'string' },
  },
})
const sides: readonly string[] = [THIS_CHECKOUT, ...(values.against === undefined ? [] : [resolve(values.against)])]
const runs = Number(values.runs)
const servers: readonly Flavour[] = (['mariadb', 'mysql'] as const).filter((f) => [f, 'both'].includes(values.server))
const faults: readonly Fault[] = (['kill', 'switchover', 'backlog'] as const).filter(
  (f) => f === values.fault || (values.fault === 'all' && f !== 'backlog'),
)

/** Long enough that the writer's rhythm, and the buffers of the servers, are those of a steady state. */
const WARM_MS = 300
/** A fault lands anywhere between two looks of Regent, never always at the same place. */
const LOOK_MS = 500
const SLOW_DETECTION_MS = 500
const BACKLOG_MS = 20_000
const GIVE_UP_MS = 30_000
const STEADY_MS = 150
const STEADY_WRITES = 10

/** Everything of one flavour. A stage whose killed server came back with more than it may have is left for a new one. */
class Bench implements AsyncDisposable {
  readonly server: Flavour
  readonly checkout: string
  readonly kept = new Map<Fault, Run[]>(faults.map((fault) => [fault, []]))
  lost = 0
  acknowledged = 0
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
    this.kept.get(fault)?.push(run)
    console.error(`${this.name} ${fault} ${n}/${runs}: ${run.outageMs.toFixed(1)} ms ${printPhases(run.phases)}`)
    if (left === 'errant') await this.settle()
  }

  /** Compares what was acknowledged with what the last primary has, and ends the stage. */
  async settle(): Promise<void> {
    if (!this.#place) return
    const { stage, writing } = this.#place
    const { lost, acknowledged } = await writing.verify(await stage.atPrimary())
    this.lost += lost
    this.acknowledged += acknowledged
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
    for (let n = 1; n <= runs; n++) for (const each of benches) await each.run(fault, n)
    for (const each of benches) await each.settle()
  }
  return benches.flatMap(rowsOf)
}

async function measure(stage: Stage, writing: Writing, what: { fault: Fault; name: string }) {
  await writing.start(stage.proxy, what.name)
  await sleep(WARM_MS + Math.random() * LOOK_MS)
  const primary = await stage.primary()
  if (what.fault === 'backlog') {
    await stage.stopAppliers(primary)
    await sleep(BACKLOG_MS)
  }
  const before = await stage.latestRecovery(recoveryOf(what.fault))
  const begun = wallNow()
  if (what.fault === 'switchover') await stage.switchOver()
  else await stage.sandbox.kill(primary)
  await stage.until('another server reigns', (c) => c.primary !== stage.address(primary) && c.reignState === 'open')
  const acknowledged = await onceSteady(writing, begun)
  await writing.stop()
  if (what.fault !== 'switchover') await stage.sandbox.restart(primary)
  const left = await stage.untilHealthy()
  const recovery = await stage.latestRecovery(recoveryOf(what.fault))
  if (recovery === undefined || recovery.id === before?.id) throw new Error(`no ${what.fault} is in the journal`)
  const gap = gapOf(acknowledged, darkness(recovery))
  const instants = { begun, back: gap.to }
  const phases = PHASES[what.fault](recovery, instants)
  // A refusal is proven in a fraction of this: whatever took longer was decided on other evidence, which is worth knowing.
  if ((phases['detect'] ?? 0) > SLOW_DETECTION_MS) console.error(`slow detection: ${recovery.because}`)
  return { run: { outageMs: gap.to - gap.from, phases }, left }
}

const PHASES = { kill: killPhases, switchover: switchPhases, backlog: backlogPhases } as const

const recoveryOf = (fault: Fault) => (fault === 'switchover' ? 'switchover' : 'failover')

/** When each write was acknowledged, asked once the writer has gone on steadily for a while. */
async function onceSteady(writing: Writing, begun: number): Promise<readonly number[]> {
  const giveUpAt = performance.now() + GIVE_UP_MS
  for (;;) {
    const all = await writing.acknowledgements(begun)
    if (all.filter((at) => at > wallNow() - STEADY_MS).length >= STEADY_WRITES) return all
    if (performance.now() > giveUpAt) throw new Error('the writer never went on')
    await sleep(50)
  }
}

interface Stretch {
  readonly from: number
  readonly to: number
}

/** The longest time without an acknowledgement that meets the dark one: others are the machine's. */
function gapOf(acknowledged: readonly number[], dark: Stretch): Stretch {
  const gaps = acknowledged.slice(1).map((to, i) => ({ from: acknowledged[i] ?? to, to }))
  const met = gaps.filter(({ from, to }) => to >= dark.from && from <= dark.to)
  if (met.length === 0) throw new Error('no write was acknowledged on one side of the fault')
  return met.reduce((a, b) => (b.to - b.from > a.to - a.from ? b : a))
}

function rowsOf({ server, checkout, kept, lost, acknowledged }: Bench): readonly Row[] {
  return [...kept].map(([fault, done]) => ({
    server,
    ...(sides.length > 1 ? { checkout } : {}),
    fault,
    runs: done.length,
    outageMs: spreadOf(done.map((run) => run.outageMs)),
    withoutDrainMs: spreadOf(done.map((run) => run.outageMs - (run.phases['drain'] ?? 0))),
    phasesMs: Object.fromEntries(
      Object.keys(done[0]?.phases ?? {}).map((name) => [name, medianOf(done.map((run) => run.phases[name] ?? 0))]),
    ),
    lost,
    acknowledged,
  }))
}

function printRows(all: readonly Row[]): void {
  const titles = [
    'server',
    'fault',
    'runs',
    'min',
    'median',
    'p95',
    'max',
    'median without drain',
    'lost',
    'of',
    'phases (medians)',
  ]
  const cells = all.map(
    ({ server, checkout, fault, runs: n, outageMs: o, withoutDrainMs, lost, acknowledged, phasesMs }) => [
      ...[
        checkout === undefined ? server : `${server} ${checkout}`,
        fault,
        n,
        o.min,
        o.median,
        o.p95,
        o.max,
        withoutDrainMs.median,
        lost,
        acknowledged,
      ],
      printPhases(phasesMs),
    ],
  )
  printTable(titles, cells)
}

const printPhases = (phases: Phases): string =>
  Object.entries(phases)
    .map(([name, ms]) => `${name} ${ms.toFixed(1)}`)
    .join(' · ')

const rows = await bench()
printRows(rows)
await keepResults('failover', rows)
if (rows.some((row) => row.lost !== 0)) process.exitCode = 1
