import type { Plan, Planned } from '../../model/plan.ts'
import { describeStep, type StepBody } from '../../model/step.ts'
import type { RecoveryRecord } from '../../run/daemon/index.ts'
import type { PlanJson, RecoveryJson } from './contract.ts'

type Names = Readonly<Record<string, string>>

export const naming =
  (names: Names) =>
  (id: string): string =>
    names[id] ?? id

type Expected = Extract<Planned, { kind: 'plan' }>['expected']

export function planJson(plan: Plan, names: Names, expected?: Expected): PlanJson {
  const lines = (of: Plan): readonly string[] => of.steps.map((step) => describeStep(step, naming(names)))
  const second =
    expected && ('reasons' in expected ? { reasons: expected.reasons } : { plan: expected, lines: lines(expected) })
  return { kind: 'plan', plan, lines: lines(plan), names, ...(second ? { expected: second } : {}) }
}

/** A recovery as the journal has it, with one line per step for people. */
export function recoveryJson(record: RecoveryRecord, names: Names): RecoveryJson {
  const { id, cluster, kind, subject, state, automatic, startedAt, endedAt, because, plans, events, refusals, lost } =
    record
  return {
    id,
    cluster,
    kind,
    subject,
    state,
    automatic,
    startedAt,
    because,
    plans,
    events,
    refusals,
    names,
    steps: record.steps.map((step) => stepJson(step, plans, names)),
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(lost === undefined ? {} : { lost }),
  }
}

function stepJson(
  { key, record }: RecoveryRecord['steps'][number],
  plans: readonly Plan[],
  names: Names,
): RecoveryJson['steps'][number] {
  const body = bodyOf(key, plans)
  const line = body ? `${key.startsWith('undo/') ? 'undo: ' : ''}${describeStep(body, naming(names))}` : key
  if (!record) return { key, line, state: 'started' }
  const { startedAt, tookMs, outcome } = record
  return { key, line, startedAt, tookMs, state: outcome.kind, says: outcome.says }
}

function bodyOf(key: string, plans: readonly Plan[]): StepBody | undefined {
  const [where, ...rest] = key.split('/')
  const id = rest.join('/')
  const of = (act: number): readonly Plan[] => plans.filter((p) => p.act === act)
  if (where === 'undo')
    return of(1)
      .flatMap((p) => p.steps)
      .findLast((s) => s.id === id)?.undo
  return of(Number(where))
    .flatMap((p) => p.steps)
    .findLast((s) => s.id === id)
}
