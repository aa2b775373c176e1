import { type History, receivedWithin } from '../../model/history.ts'
import type { ServerId } from '../../model/ids.ts'
import { failed, type Outcome } from '../../model/outcome.ts'
import type { ServerStatus } from '../../model/server.ts'
import type { Step } from '../../model/step.ts'
import type { RecoveryRecord } from '../../ports/journal.ts'
import type { Entry } from './ledger.ts'
import type { World } from './world.ts'

const DROPPED = 'dropped'

/** Final for this run of the server: nobody sends it that again, so another attempt would find the same. */
export const isDropped = (outcome: Outcome): boolean => outcome.kind === 'failed' && outcome.code === DROPPED

/**
 * A restart drops relay log that was not applied. Nothing is left to drain then, and the drain looks complete, though others still
 * hold what this server was chosen for. So it is compared with its own reading from the seal of act 1, on the very reading of the drain.
 */
export function keptAll(step: Step<'drain'>, world: World, outcome: Outcome): Outcome {
  if (step.ifItFails !== 'stop' || outcome.kind !== 'done' || !outcome.reading) return outcome
  const entries = world.ledger.all()
  const sealed = entries.find((e) => e.step.kind === 'seal' && e.step.server === step.server && sealedReading(e))
  const before = sealed && sealedReading(sealed)
  if (!before) return outcome
  const context = entries.flatMap((e) => sealedReading(e)?.history ?? [])
  if (receivedWithin(before.history, outcome.reading.history, context) !== 'no') return outcome
  return failed(
    DROPPED,
    `${step.server} no longer has what it had received when it was sealed: it was restarted, and acknowledged writes that others still hold would be lost`,
    'give it up, so that whoever holds most is chosen: regent failover --abandon --reason "…"',
  )
}

/**
 * Of the winner of a failover, by its reading of now, before anything is changed: otherwise each attempt would lead an acker to it
 * again. What its drain has once shown holds until a reading proves that it has everything again.
 */
export function hasDropped(
  { plans, steps }: RecoveryRecord,
  winner: { readonly id: ServerId; readonly history: History },
  known: readonly History[],
): boolean {
  const outcomeOf = (key: string): Outcome | undefined => steps.find((s) => s.key === key)?.record?.outcome
  const seal = plans.flatMap((p) =>
    p.steps.filter((s) => p.act === 1 && s.kind === 'seal' && s.server === winner.id),
  )[0]
  const sealed = seal && outcomeOf(`1/${seal.id}`)
  if (sealed?.kind !== 'done' || !sealed.reading) return false
  const context = [...known, ...steps.flatMap((s) => readingOf(s.record?.outcome)?.history ?? [])]
  const kept = receivedWithin(sealed.reading.history, winner.history, context)
  const drain = outcomeOf(`2/drain:${winner.id}`)
  return kept === 'no' || (kept === 'unprovable' && drain !== undefined && isDropped(drain))
}

const readingOf = (outcome: Outcome | undefined): ServerStatus | undefined =>
  outcome?.kind === 'done' ? outcome.reading : undefined

const sealedReading = ({ act, step, outcome }: Entry): ServerStatus | undefined =>
  act === 1 && step.kind === 'seal' && outcome?.kind === 'done' ? outcome.reading : undefined
