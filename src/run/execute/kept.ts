import { receivedWithin } from '../../model/history.ts'
import { failed, type Outcome } from '../../model/outcome.ts'
import type { ServerStatus } from '../../model/server.ts'
import type { Step } from '../../model/step.ts'
import type { Entry } from './ledger.ts'
import type { World } from './world.ts'

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
    'dropped',
    `${step.server} no longer has what it had received when it was sealed: it was restarted, and acknowledged writes that others still hold would be lost`,
    'give it up, so that whoever holds most is chosen: regent failover --abandon --reason "…"',
  )
}

const sealedReading = ({ act, step, outcome }: Entry): ServerStatus | undefined =>
  act === 1 && step.kind === 'seal' && outcome?.kind === 'done' ? outcome.reading : undefined
