import { failed, type Outcome } from '../../model/outcome.ts'
import type { Step, StepKind } from '../../model/step.ts'
import { perform } from './run.ts'
import type { World } from './world.ts'

export interface Undone {
  readonly step: Step
  readonly outcome: Outcome
}

/** What an undo of one step may take. */
const UNDO_DEADLINE_MS = 5000

/**
 * Reverses act 1: each of its steps that took effect, or may have, latest first. One that fails does not keep the others from being
 * reversed: every one is tried and reported. A receiver is started only while its applier runs; the doer sees to that.
 */
export async function undoAct1(world: World): Promise<readonly Undone[]> {
  const undone: Undone[] = []
  const effects = [...world.ledger.effects(1)].sort((a, b) => turn(a.step) - turn(b.step))
  for (const { step } of effects) {
    const one = await reverseStep(step, world)
    if (one) undone.push(one)
  }
  return undone
}

/** By which the reversal of a step stands in the journal. */
export const undoKey = (step: Step): string => undoKeyOf(step.id)
export const undoKeyOf = (step: string): string => `undo/${step}`

/** Undefined: it has no undo. */
export async function reverseStep(step: Step, world: World): Promise<Undone | undefined> {
  if (!step.undo) return undefined
  const reversal: Step = {
    ...step.undo,
    id: `undo:${step.id}`,
    after: [],
    deadlineMs: UNDO_DEADLINE_MS,
    ifItFails: 'go_on',
  }
  return { step: reversal, outcome: await reverse(reversal, undoKey(step), world) }
}

/** An old primary is opened again only if nothing speaks against it now. */
async function reverse(reversal: Step, key: string, world: World): Promise<Outcome> {
  const against = reversal.kind === 'open_server' ? await world.mayReopen(reversal.server) : undefined
  if (against !== undefined) return failed('not_reopened', `it stays closed: ${against}`)
  const until = world.clock.now() + PENDING_STOP_MS
  for (;;) {
    const outcome = await perform(reversal, key, 1, world)
    const pending = outcome.kind === 'failed' && outcome.code === 'stop_pending'
    if (!pending || world.clock.now() >= until) return outcome
    await world.clock.sleep(TRY_AGAIN_MS)
  }
}

/** A STOP that was killed goes on for a second or two; a replica given up before that would stay sealed for good. */
const PENDING_STOP_MS = 15_000
const TRY_AGAIN_MS = 250

/**
 * First the winner stops being one, then replicas are led back, then the old primary opens, and clients are let in last: with lossless
 * semi-sync nothing would commit before its ackers are back. The sort is stable: within a turn, latest first.
 */
const TURNS: readonly StepKind[] = [
  'semi_sync_source',
  'reset_channel',
  'start_applier',
  'unseal',
  'attach',
  'open_server',
  'announce',
]
const turn = (step: Step): number => (step.undo ? TURNS.indexOf(step.undo.kind) : 0)
