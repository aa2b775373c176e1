/** One fault, one recovery: how long the writer went without an acknowledgement, and where that time went. */
import { setTimeout as sleep } from 'node:timers/promises'
import { wallNow } from './figures.ts'
import { changeLockedRows, sendHalf } from './half-received.ts'
import { backlogPhases, darkness, halfPhases, killPhases, type Phases, switchPhases } from './phases.ts'
import type { Stage } from './stage.ts'
import type { Writing } from './writing.ts'

/**
 * `backlog`: killed when every applier had been stopped for a while, with all that was received still to be applied.
 * `half-received`: killed when a replica had half of a transaction of 200 MB.
 */
export const FAULTS = ['kill', 'switchover', 'backlog', 'half-received'] as const
export type Fault = (typeof FAULTS)[number]

export interface Run {
  readonly outageMs: number
  readonly phases: Phases
  /** Only where a transaction was half received: from the kill until a second client had changed the rows that it had locked. */
  readonly lockedRowsMs?: number
}

export interface Measured {
  readonly run: Run
  /** `errant`: what was killed came back with more than it may have, or is left dead because it would. */
  readonly left: 'complete' | 'errant'
}

/** Long enough that the writer's rhythm, and the buffers of the servers, are those of a steady state. */
const WARM_MS = 300
/** A fault lands anywhere between two looks of Regent, never always at the same place. */
const LOOK_MS = 500
const SLOW_DETECTION_MS = 500
const BACKLOG_MS = 20_000
/** Includes the time in which a backlog is applied. */
const GIVE_UP_MS = 60_000
const STEADY_MS = 150
const STEADY_WRITES = 10

interface Asked {
  readonly fault: Fault
  /** The writer's: no two of one stage may share it. */
  readonly name: string
}

export async function measure(stage: Stage, writing: Writing, { fault, name }: Asked): Promise<Measured> {
  await writing.start(stage.proxy, name)
  await sleep(WARM_MS + Math.random() * LOOK_MS)
  const primary = await stage.primary()
  const before = await stage.latestRecovery(recoveryOf(fault))
  if (fault === 'backlog') {
    await stage.stopAppliers(primary)
    await sleep(BACKLOG_MS)
  }
  const { begun, lockedRows } = await FAULT[fault](stage, primary)
  await stage.until('another server reigns', (c) => c.primary !== stage.address(primary) && c.reignState === 'open')
  const acknowledged = await onceSteady(writing, begun)
  const changedAt = await lockedRows
  await writing.stop()
  const left = await afterwards(stage, primary, fault)
  const recovery = await stage.latestRecovery(recoveryOf(fault))
  if (recovery === undefined || recovery.id === before?.id) throw new Error(`no ${fault} is in the journal`)
  const gap = gapOf(acknowledged, darkness(recovery))
  const phases = PHASES[fault](recovery, { begun, back: gap.to })
  // A refusal is proven in a fraction of this: whatever took longer was decided on other evidence, which is worth knowing.
  if ((phases['detect'] ?? 0) > SLOW_DETECTION_MS) console.error(`slow detection: ${recovery.because}`)
  // The old primary's own commit of 200 MB holds every writer up before anything has failed: the outage begins with the kill.
  const from = fault === 'half-received' ? begun : gap.from
  const locked = changedAt === undefined ? {} : { lockedRowsMs: changedAt - begun }
  return { run: { outageMs: gap.to - from, phases, ...locked }, left }
}

interface Done {
  /** Wall time, ms. */
  readonly begun: number
  readonly lockedRows?: Promise<number>
}

const FAULT: Readonly<Record<Fault, (stage: Stage, primary: string) => Promise<Done>>> = {
  kill,
  backlog: kill,
  async switchover(stage) {
    const begun = wallNow()
    await stage.switchOver()
    return { begun }
  },
  async 'half-received'(stage, primary) {
    const half = await sendHalf(stage, primary)
    const { begun } = await kill(stage, primary)
    half.check()
    await half.commit
    return { begun, lockedRows: changeLockedRows(stage.proxy) }
  },
}

async function kill(stage: Stage, primary: string): Promise<Done> {
  const begun = wallNow()
  await stage.sandbox.kill(primary)
  return { begun }
}

/** A server with 200 MB that nobody else has can only be errant: it is not waited for. */
async function afterwards(stage: Stage, primary: string, fault: Fault): Promise<Measured['left']> {
  if (fault === 'half-received') {
    await stage.until('its recovery has ended', (c) => c.verdict === 'healthy' && c.openRecovery === undefined)
    return 'errant'
  }
  if (fault !== 'switchover') await stage.sandbox.restart(primary)
  return stage.untilHealthy()
}

const PHASES = {
  kill: killPhases,
  switchover: switchPhases,
  backlog: backlogPhases,
  'half-received': halfPhases,
} as const

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
