import { describeStep } from '../../model/step.ts'
import type { Ledger } from '../execute/ledger.ts'

/** Steps of this act that did not succeed and kept nothing from going on: one line each, with why. Servers are named by id. */
export const leftOf = (ledger: Ledger, act: 1 | 2): readonly string[] =>
  ledger
    .all()
    .flatMap(({ step, act: of, outcome }) =>
      of === act && outcome !== undefined && outcome.kind !== 'done'
        ? [`${describeStep(step, (id) => id)}: ${outcome.says}`]
        : [],
    )
