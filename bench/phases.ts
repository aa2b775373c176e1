/** Where the time of a recovery went, from the journal's steps and the writer's own times. All times are wall times, ms. */
import type { RecoveryJson } from '../src/faces/api/contract.ts'

export interface Instants {
  /** When the fault was done, or the command was given. */
  readonly begun: number
  /** The first acknowledgement after it. */
  readonly back: number
}

/** Between these nobody could write for certain, but for what was already on its way: the gap that the recovery made meets them. */
export const darkness = (recovery: RecoveryJson): { readonly from: number; readonly to: number } => ({
  from: recovery.kind === 'switchover' ? startOf(recovery, 'close') : startOf(recovery, 'seal'),
  to: endOf(recovery, 'announce'),
})

export type Phases = Readonly<Record<string, number>>

const COMPLETE = 'done'

const endOf = (recovery: RecoveryJson, kind: string): number =>
  Math.max(...stepsOf(recovery, kind).map((s) => (s.startedAt ?? Number.NaN) + (s.tookMs ?? Number.NaN)))
const startOf = (recovery: RecoveryJson, kind: string): number =>
  Math.min(...stepsOf(recovery, kind).map((s) => s.startedAt ?? Number.NaN))

/** The key is `<act>/<kind>:<server>`, or the kind alone. */
const stepsOf = ({ steps }: RecoveryJson, kind: string): RecoveryJson['steps'] =>
  steps.filter(({ key, state }) => state === COMPLETE && new RegExp(`^[12]/${kind}(:|$)`).test(key))

/** Each phase ends where the next one begins, so that they add up to the whole. */
export function killPhases(recovery: RecoveryJson, { begun, back }: Instants): Phases {
  const sealed = endOf(recovery, 'seal')
  const winner = recovery.plans.findLast((plan) => plan.mints !== undefined)?.mints?.winner
  const drained = endOf(recovery, `drain:${winner}`)
  const counted = endOf(recovery, 'count')
  const announced = endOf(recovery, 'announce')
  return {
    detect: recovery.startedAt - begun,
    seal: sealed - recovery.startedAt,
    drain: drained - sealed,
    attach: counted - drained,
    open: announced - counted,
    reconnect: back - announced,
  }
}

/**
 * Half a transaction is rolled back before the winner opens: work that grows with what had been applied of it, as the drain grows with what
 * has to be applied. So it is a phase of its own, and what is left besides the two does not grow with the transaction.
 */
export function halfPhases(recovery: RecoveryJson, instants: Instants): Phases {
  const {
    open = Number.NaN,
    reconnect = Number.NaN,
    attach = Number.NaN,
    ...before
  } = backlogPhases(recovery, instants)
  const winner = recovery.plans.findLast((plan) => plan.mints !== undefined)?.mints?.winner
  const rollback = endOf(recovery, `stop_applier:${winner}`) - endOf(recovery, `drain:${winner}`)
  return { ...before, rollback, attach: attach - rollback, open, reconnect }
}

/**
 * What is applied is applied beside the seal: the winner's applier, started before anything is sealed, works from act 1's first
 * change on. So `drain` is that whole stretch, and what is left besides it does not grow with what had to be applied.
 */
export function backlogPhases(recovery: RecoveryJson, instants: Instants): Phases {
  const { seal = Number.NaN, drain = Number.NaN, ...others } = killPhases(recovery, instants)
  return { ...others, drain: seal + drain }
}

/** From the withdrawal of the route on: what comes before costs clients nothing. */
export function switchPhases(recovery: RecoveryJson, { back }: Instants): Phases {
  const closed = endOf(recovery, 'close')
  const reached = endOf({ ...recovery, steps: recovery.steps.filter((s) => s.key.split(':').length < 3) }, 'reach')
  const counted = Math.max(endOf(recovery, 'count'), endOf(recovery, 'source_on'))
  const announced = endOf(recovery, 'announce')
  return {
    close: closed - startOf(recovery, 'withdraw'),
    drain: reached - closed,
    prepare: counted - reached,
    open: announced - counted,
    reconnect: back - announced,
  }
}
