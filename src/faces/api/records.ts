import { named } from '../../model/naming.ts'
import type { Plan, Planned } from '../../model/plan.ts'
import { describeStep, type StepBody } from '../../model/step.ts'
import type { Question, RecoveryRecord } from '../../run/daemon/index.ts'
import type { PlanJson, QuestionJson, RecoveryJson } from './contract.ts'
import { namedReasons } from './named.ts'

type Names = Readonly<Record<string, string>>

export const naming =
  (names: Names) =>
  (id: string): string =>
    names[id] ?? id

type Expected = Extract<Planned, { kind: 'plan' }>['expected']

export function planJson(plan: Plan, names: Names, expected?: Expected): PlanJson {
  const lines = (of: Plan): readonly string[] => of.steps.map((step) => describeStep(step, naming(names)))
  const second =
    expected &&
    ('reasons' in expected
      ? { reasons: namedReasons(expected.reasons, names) }
      : { plan: expected, lines: lines(expected) })
  return { kind: 'plan', plan, lines: lines(plan), names, ...(second ? { expected: second } : {}) }
}

/** `at`: now, by the clock by which its deadline stands. */
export const questionJson = ({ id, plan, differs, until }: Question, names: Names, at: number): QuestionJson => ({
  id,
  at,
  until,
  differs: differs.map(({ kind, says }) => ({ kind, says: named(says, names) })),
  plan: planJson(plan, names),
})

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
    events: events.map(({ at, says }) => ({ at, says: named(says, names) })),
    refusals: namedReasons(refusals, names),
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
  return { key, line, startedAt, tookMs, state: outcome.kind, says: named(outcome.says, names) }
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
