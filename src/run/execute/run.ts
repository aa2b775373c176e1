import { failed, type Outcome, type StepRecord } from '../../model/outcome.ts'
import type { Plan } from '../../model/plan.ts'
import { describeStep, STEPS, type Step } from '../../model/step.ts'
import { doStep } from './doers.ts'
import type { StoppedBy } from './stopped.ts'
import type { World } from './world.ts'

export type ActEnd =
  | { readonly kind: 'completed' }
  /** A step whose failure stops the act: nothing after it was started, what ran was waited for. */
  | { readonly kind: 'stopped'; readonly by: Step; readonly outcome: Outcome }

export interface RunningAct {
  /** All steps have ended, or the act was stopped and what ran has ended. */
  readonly end: Promise<ActEnd>
  /** These steps have ended, whatever became of them; ids that the plan has not are nothing to wait for. */
  ended(ids: readonly string[]): Promise<void>
  /** By which step the act is stopped, so far. */
  stopped(): StoppedBy | undefined
}

/** Past a step's deadline by this much, a doer that has not even noticed its signal is no longer waited for: the outcome is unknown. */
const GRACE_MS = 400

/**
 * Runs whatever is ready, until all has ended. The plan is the one that was shown and journalled. `skip`: steps that the journal
 * knows as done; they count as ended. Order is in the `after` edges and nowhere else.
 */
export function runAct(plan: Plan, world: World, skip: ReadonlySet<string> = new Set()): RunningAct {
  const stopping: { by?: { step: Step; outcome: Outcome } } = {}
  const promises = new Map<string, Promise<void>>()
  for (const step of inOrder(plan.steps)) {
    const before = step.after.map((id) => promises.get(id) ?? endedInLedger(world, id))
    const outcome = Promise.all(before).then(() =>
      attempt(step, plan, world, { skip, stopped: () => stopping.by !== undefined }),
    )
    world.ledger.enter(step, plan.act, outcome)
    promises.set(
      step.id,
      outcome.then((o) => {
        if (o.kind !== 'done' && step.ifItFails === 'stop' && !stopping.by) stopping.by = { step, outcome: o }
      }),
    )
  }
  const end = Promise.all(promises.values()).then(
    (): ActEnd =>
      stopping.by ? { kind: 'stopped', by: stopping.by.step, outcome: stopping.by.outcome } : { kind: 'completed' },
  )
  return {
    end,
    ended: async (ids) => void (await Promise.all(ids.map((id) => promises.get(id)))),
    stopped: () => (stopping.by ? { by: stopping.by.step, outcome: stopping.by.outcome } : undefined),
  }
}

const endedInLedger = async (world: World, id: string): Promise<void> => void (await world.ledger.get(id)?.ended)

/** Steps after those they wait for; a plan with a ring or an edge to nowhere is a defect of the planner, not of the world. */
export function inOrder(steps: readonly Step[]): readonly Step[] {
  const known = new Set(steps.map((s) => s.id))
  const placed = new Set<string>()
  const ordered: Step[] = []
  while (ordered.length < steps.length) {
    const ready = steps.filter((s) => !placed.has(s.id) && s.after.every((id) => placed.has(id) || !known.has(id)))
    if (ready.length === 0)
      throw new Error(
        `the steps of this plan wait for each other: ${steps
          .filter((s) => !placed.has(s.id))
          .map((s) => s.id)
          .join(', ')}`,
      )
    for (const step of ready) {
      placed.add(step.id)
      ordered.push(step)
    }
  }
  return ordered
}

interface Attempting {
  readonly skip: ReadonlySet<string>
  readonly stopped: () => boolean
}

const NOT_STARTED = 'not_started'

async function attempt(step: Step, plan: Plan, world: World, how: Attempting): Promise<Outcome> {
  if (how.skip.has(step.id)) return { kind: 'done', says: 'done before, as the journal says' }
  if (how.stopped()) return failed(NOT_STARTED, 'not started: the act was stopped')
  const unmet = (step.needs ?? []).find((id) => world.ledger.get(id)?.outcome?.kind !== 'done')
  if (unmet !== undefined)
    return failed(NOT_STARTED, `not started, because this did not succeed: ${describedOf(plan, unmet)}`)
  if (STEPS[step.kind].changes && world.lease.leftMs() <= 0)
    return failed('lease_lost', 'the lease is not ours any more: nothing was sent')
  return perform(step, `${plan.act}/${step.id}`, plan.act, world)
}

/** People know a step by what it does. */
const describedOf = ({ steps }: Plan, id: string): string => {
  const step = steps.find((s) => s.id === id)
  return step ? describeStep(step, (server) => server) : id
}

/** One step, journalled before and after. Never rejects. */
export async function perform(step: Step, key: string, act: 1 | 2, world: World): Promise<Outcome> {
  const { clock, journal, recovery } = world
  const startedAt = clock.wall()
  const from = clock.now()
  journal.stepStarted(recovery, key)
  world.onStep?.({ act, step, state: 'started' })
  const outcome = await bounded(step, world)
  const record: StepRecord = { step: step.id, startedAt, tookMs: clock.now() - from, outcome }
  journal.stepEnded(recovery, key, record)
  world.onStep?.({ act, step, state: 'ended', outcome, tookMs: record.tookMs })
  return outcome
}

async function bounded(step: Step, world: World): Promise<Outcome> {
  using deadline = world.clock.deadline(step.deadlineMs)
  using hard = world.clock.deadline(step.deadlineMs + GRACE_MS)
  const unheard = new Promise<Outcome>((resolve) => {
    hard.signal.addEventListener(
      'abort',
      () => resolve({ kind: 'unknown', says: `no outcome within ${step.deadlineMs} ms` }),
      { once: true },
    )
  })
  const doing = doStep(step, world, deadline.signal).catch(
    (error: unknown): Outcome =>
      failed('broken', `it broke: ${error instanceof Error ? error.message : String(error)}`),
  )
  // Awaited here: a promise that is only handed on would leave both deadlines disposed before they can fire.
  return await Promise.race([doing, unheard])
}
