/** One fault from the blow to the proof: what Regent saw and did, what the clients felt, and what is left of their writes. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { EventJson, RecoveryJson } from '../../api/contract.ts'
import { heard, isOver, openedAt, type Returned, returnedAs, type Told } from './facts.ts'
import type { Judged } from './load.ts'
import { failure, type Stage } from './stage.ts'

export type Fault = 'kill' | 'freeze'

export interface Blow {
  readonly fault: Fault
  /** Whom it struck. */
  readonly victim: string
  readonly recovery: RecoveryJson
  readonly newPrimary: string
  readonly detectedMs: number | null
  readonly promotedMs: number | null
  readonly outageMs: number
}

/** A frozen primary is judged by its silence (1.5 s) first; a drain may take its time on a busy machine. */
const RECOVERED_WITHIN_MS = 60_000
const ANSWERED_WITHIN_MS = 15_000
const RETURNED_WITHIN_MS = 60_000

/** Strikes the primary, and waits until clients write again. */
export async function strike(stage: Stage, fault: Fault): Promise<Blow> {
  const { screen, sandbox } = stage
  const victim = await stage.primary()
  if (!(await hasSuccessor(stage, victim)))
    throw failure(`nobody follows ${victim}: there would be nobody to take over`)
  // Both clocks are read in one breath: the daemon tells wall times, the writer remembers monotonic ones.
  const [wall, mono] = [Date.now(), performance.now()]
  screen.zero(wall)
  let told: Told = {}
  using _heard = stage.listen((event: EventJson) => {
    told = heard(told, event, wall)
  })
  const striking = sandbox[fault](victim)
  const sent = fault === 'kill' ? 'SIGKILL' : 'SIGSTOP'
  screen.at(
    wall,
    `${sent} to ${victim} (${stage.addressOf(victim)}), the primary, under ${stage.load.stats().acknowledged} acknowledged writes`,
  )
  await striking
  const ended = await stage.until('the end of the failover', RECOVERED_WITHIN_MS, async () =>
    isOver(told.recovery) ? told.recovery : undefined,
  )
  const recovery = await stage.client.recovery(ended.id)
  if (recovery.state !== 'done') throw failure(`the failover ended as ${recovery.state}: ${whyOf(recovery)}`)
  const opened = openedAt(recovery)
  if (opened === undefined) throw failure(`recovery ${recovery.id} records no opening`)
  const outage = await felt(stage, { struck: mono, opened: mono + opened - wall })
  screen.at(
    wall + outage.to - mono,
    `the first write is acknowledged again: the writer paused for ${Math.round(outage.ms)} ms`,
  )
  const winner = recovery.plans.find(({ mints }) => mints !== undefined)?.mints?.winner
  return {
    fault,
    victim,
    recovery,
    newPrimary: winner === undefined ? await stage.primary() : stage.serverAt(recovery.names[winner]),
    detectedMs: told.verdictAt === undefined ? null : told.verdictAt - wall,
    promotedMs: Math.round(opened - wall),
    outageMs: Math.round(outage.ms),
  }
}

const whyOf = ({ refusals, steps }: RecoveryJson): string =>
  [
    ...refusals.map(({ says }) => says),
    ...steps.flatMap(({ state, line, says }) => (state === 'failed' ? [`${line}: ${says}`] : [])),
  ].join('; ')

/** The longest pause of the writer that was under way after the blow, once it writes again. */
async function felt(stage: Stage, { struck, opened }: { readonly struck: number; readonly opened: number }) {
  const { writer } = stage.load
  await stage.until('an acknowledged write after the opening', ANSWERED_WITHIN_MS, async () => {
    const last = writer.acknowledgedList.at(-1)
    // The wall clock is told in whole milliseconds.
    return last !== undefined && last.at > opened - 2 ? last : undefined
  })
  const gaps = writer.gaps(0).filter(({ to }) => to >= struck)
  const longest = gaps.reduce((a, b) => (b.ms > a.ms ? b : a), gaps[0] ?? { ms: 0, to: struck })
  return { ms: longest.ms, to: longest.to }
}

async function hasSuccessor(stage: Stage, primary: string): Promise<boolean> {
  const address = stage.addressOf(primary)
  const { servers } = await stage.cluster()
  return servers.some(({ sources }) => sources.some(({ from, receiver }) => from === address && receiver === 'running'))
}

/** Every write that was acknowledged until now must be on the new primary. */
export async function judge(stage: Stage, primary: string): Promise<Judged> {
  const connection = await stage.sandbox.sql(primary)
  try {
    return await stage.load.judge(connection)
  } finally {
    connection.destroy()
  }
}

/** Starts the dead server again, or thaws the frozen one, and sees what becomes of it. */
export async function bringBack(stage: Stage, { fault, victim }: Pick<Blow, 'fault' | 'victim'>): Promise<Returned> {
  const { screen, sandbox } = stage
  const address = stage.addressOf(victim)
  let refusal: string | undefined
  using _heard = stage.listen((event) => {
    if (event.kind === 'refused' && event.what === 'rejoin') refusal = event.reasons.map(({ says }) => says).join('; ')
  })
  screen.zero(Date.now())
  if (fault === 'kill') {
    screen.at(Date.now(), `${victim} is started again: read-only, as its options say`)
    await sandbox.restart(victim)
  } else {
    screen.at(Date.now(), `SIGCONT to ${victim}: it wakes as it was, and believes that it is the primary`)
    await sandbox.thaw(victim)
  }
  let says = ''
  const returned = await stage
    .until('the return', RETURNED_WITHIN_MS, async () => {
      const now = returnedAs(await stage.cluster(), address, refusal)
      if (now.kind === 'not_yet') says = now.says
      return now.kind === 'not_yet' ? undefined : now
    })
    .catch((error: unknown) => {
      stage.signal.throwIfAborted()
      if (stage.watcher.how !== undefined) throw error
      return { kind: 'not_yet', says } as const
    })
  if (returned.kind === 'fenced') await seenClosed(stage, victim)
  return returned
}

/** Regent's word that it is fenced is good; the server's own is better. */
async function seenClosed(stage: Stage, id: string): Promise<void> {
  const connection = await stage.sandbox.sql(id)
  try {
    const [rows] = await connection.query('SELECT @@GLOBAL.read_only AS closed')
    const [row] = Array.isArray(rows) ? rows : []
    if (row === undefined || !('closed' in row) || Number(row.closed) !== 1)
      throw failure(`${id} is fenced by name, and takes writes`)
  } finally {
    connection.destroy()
  }
}

export const pause = (ms: number, signal: AbortSignal): Promise<void> => sleep(ms, undefined, { signal })
