import { explain } from '../../decide/diagnose/explain.ts'
import { foldPrimary } from '../../decide/diagnose/fold.ts'
import type { WhyNot } from '../../model/diagnosis.ts'
import { snapshotOf } from './examine.ts'
import type { Keeper } from './keeper.ts'

/** For every row of the primary's table that does not hold now: what is missing, or who overruled it. */
export const whyNotNow = (keeper: Keeper): readonly WhyNot[] =>
  explain(foldPrimary(snapshotOf(keeper.office, keeper.books, []))).whyNot
