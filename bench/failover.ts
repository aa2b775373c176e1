/**
 * How long a writer goes without an acknowledgement: the primary killed, or switched over, one primary and three replicas with
 * lossless semi-sync, the writer through the built-in proxy every 5 ms. Flavours take turns.
 *
 * `node bench/failover.ts [--runs 20] [--server both|mariadb|mysql] [--fault all|kill|switchover]`
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Flavour } from '../src/lab/sandbox/index.ts'
import { keepResults, medianOf, printTable, type Spread, spreadOf, wallNow } from './figures.ts'
import { killPhases, type Phases, switchPhases } from './phases.ts'
import { Stage } from './stage.ts'
import { Writing } from './writing.ts'

type Fault = 'kill' | 'switchover'

interface Run {
  readonly outageMs: number
  readonly phases: Phases
}

interface Row {
  readonly server: Flavour
  readonly fault: Fault
  readonly runs: number
  readonly outageMs: Spread
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
  },
})
const runs = Number(values.runs)
const servers: readonly Flavour[] = (['mariadb', 'mysql'] as const).filter((f) => [f, 'both'].includes(values.server))
const faults: readonly Fault[] = (['kill', 'switchover'] as const).filter((f) => [f, 'all'].includes(values.fault))

/** Long enough that the writer's rhythm, and the buffers of the servers, are those of a steady state. */
const WARM_MS = 300
/** A fault lands anywhere between two looks of Regent, never always at the same place. */
const LOOK_MS = 500
const GIVE_UP_MS = 30_000
const STEADY_MS = 150
const STEADY_WRITES = 10

async function bench(): Promise<readonly Row[]> {
  await using closing = new AsyncDisposableStack()
  const places: { readonly stage: Stage; readonly writing: Writing; readonly kept: Map<Fault, Run[]> }[] = []
  for (const server of servers) {
    const stage = closing.use(await Stage.set({ server, onProgress: (line) => console.error(`${server}: ${line}`) }))
    places.push({ stage, writing: closing.use(new Writing()), kept: new Map(faults.map((fault) => [fault, []])) })
  }
  for (let n = 1; n <= runs; n++)
    for (const fault of faults)
      for (const { stage, writing, kept } of places) {
        const run = await measure(stage, writing, { fault, name: `${fault} ${n}` })
        kept.get(fault)?.push(run)
        console.error(`${stage.server} ${fault} ${n}/${runs}: ${run.outageMs.toFixed(1)} ms ${printPhases(run.phases)}`)
      }
  return (await Promise.all(places.map(({ stage, writing, kept }) => rowsOf(stage, writing, kept)))).flat()
}

async function measure(stage: Stage, writing: Writing, what: { fault: Fault; name: string }): Promise<Run> {
  await writing.start(stage.proxy, what.name)
  await sleep(WARM_MS + Math.random() * LOOK_MS)
  const primary = await stage.primary()
  const before = await stage.latestRecovery(recoveryOf(what.fault))
  const begun = wallNow()
  if (what.fault === 'kill') await stage.sandbox.kill(primary)
  else await stage.switchOver()
  await stage.until('another server reigns', (c) => c.primary !== stage.address(primary) && c.reignState === 'open')
  const gap = await longestGap(writing, begun)
  await writing.stop()
  if (what.fault === 'kill') await stage.sandbox.restart(primary)
  await stage.untilHealthy()
  const recovery = await stage.latestRecovery(recoveryOf(what.fault))
  if (recovery === undefined || recovery.id === before?.id) throw new Error(`no ${what.fault} is in the journal`)
  const instants = { begun, back: gap.to }
  const phases = what.fault === 'kill' ? killPhases(recovery, instants) : switchPhases(recovery, instants)
  return { outageMs: gap.to - gap.from, phases }
}

const recoveryOf = (fault: Fault) => (fault === 'kill' ? 'failover' : 'switchover')

/** Asked once the writer has gone on steadily for a while. */
async function longestGap(writing: Writing, begun: number): Promise<{ readonly from: number; readonly to: number }> {
  const giveUpAt = performance.now() + GIVE_UP_MS
  for (;;) {
    const all = await writing.acknowledgements(begun)
    if (all.filter((at) => at > wallNow() - STEADY_MS).length >= STEADY_WRITES) {
      const gaps = all.slice(1).map((to, i) => ({ from: all[i] ?? to, to }))
      return gaps.reduce((a, b) => (b.to - b.from > a.to - a.from ? b : a))
    }
    if (performance.now() > giveUpAt) throw new Error('the writer never went on')
    await sleep(50)
  }
}

async function rowsOf(stage: Stage, writing: Writing, kept: ReadonlyMap<Fault, readonly Run[]>): Promise<Row[]> {
  const { lost, acknowledged } = await writing.verify(await stage.atPrimary())
  return [...kept].map(([fault, done]) => ({
    server: stage.server,
    fault,
    runs: done.length,
    outageMs: spreadOf(done.map((run) => run.outageMs)),
    phasesMs: Object.fromEntries(
      Object.keys(done[0]?.phases ?? {}).map((name) => [name, medianOf(done.map((run) => run.phases[name] ?? 0))]),
    ),
    lost,
    acknowledged,
  }))
}

function printRows(all: readonly Row[]): void {
  const titles = ['server', 'fault', 'runs', 'min', 'median', 'p95', 'max', 'lost', 'of', 'phases (medians)']
  const cells = all.map(({ server, fault, runs: n, outageMs: o, lost, acknowledged, phasesMs }) => [
    ...[server, fault, n, o.min, o.median, o.p95, o.max, lost, acknowledged],
    printPhases(phasesMs),
  ])
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
