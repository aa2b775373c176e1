import type { PlanJson, PlannedJson } from '../../api/contract.ts'
import type { Context } from '../context.ts'
import { namer } from '../names.ts'

/** The numbered plan, its ranking and its risks. */
export function planText(context: Context, planned: PlannedJson, extra: Readonly<Record<string, string>> = {}): string {
  if (planned.kind === 'refusal') return namer(extra)(refusalText(context, planned.reasons))
  const { plan, lines } = planned
  const names = { ...extra, ...planned.names }
  const name = (id: string): string => names[id] ?? id
  const steps = plan.steps.map(
    (step, i) =>
      `${String(i + 1).padStart(3)}. ${lines[i] ?? step.id}${step.after.length > 0 ? context.paint('dim', `  after ${numbersOf(planned, step.after)}`) : ''}`,
  )
  const ranking = plan.ranking.map((r) => `  ${r.eligible ? '+' : '-'} ${name(r.server)}: ${r.reasons.join(', ')}`)
  const act = `Act ${plan.act}`
  const risks = plan.risks.map((r) => `  ${context.paint('yellow', 'risk')}: ${r.says}`)
  const parts = [
    `${plan.kind} of ${name(plan.subject)}: ${plan.because}`,
    `fence demanded: ${plan.fence.demand.atLeast}${plan.fence.demand.alsoRoutes ? ' and routes' : ''} (${plan.fence.because})`,
  ]
  const second = expectedText(context, planned)
  const text = [
    ...parts,
    ...(ranking.length > 0 ? ['Candidates', ...ranking] : []),
    ...risks,
    act,
    ...steps,
    ...second,
  ].join('\n')
  return namer(names)(text)
}

/** The second act as the readings of now would have it; the real one is planned from what act 1 finds. */
function expectedText(context: Context, { expected }: PlanJson): readonly string[] {
  if (!expected) return []
  if ('reasons' in expected) return ['Act 2, as expected now, would be refused', refusalText(context, expected.reasons)]
  const risks = expected.plan.risks.map((r) => `  ${context.paint('yellow', 'risk')}: ${r.says}`)
  const steps = expected.lines.map((line, i) => `${String(i + 1).padStart(3)}. ${line}`)
  return ['Act 2, as expected now (it is planned again from what act 1 finds)', ...risks, ...steps]
}

const numbersOf = ({ plan }: PlanJson, ids: readonly string[]): string =>
  ids
    .map((id) => plan.steps.findIndex((s) => s.id === id) + 1)
    .filter((n) => n > 0)
    .join(', ')

export const refusalText = (
  context: Context,
  reasons: readonly { readonly says: string; readonly tryThis: string }[],
): string => reasons.map((r) => `${context.paint('red', 'refused')}: ${r.says}\n    try: ${r.tryThis}`).join('\n')
