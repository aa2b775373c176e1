import type { Plan } from '../../model/plan.ts'
import type { DaemonEvent, RecoveryRecord } from '../../run/daemon/index.ts'
import type { RecoveryJson } from './contract.ts'
import { recoveryJson } from './records.ts'

export interface RecoverySource {
  read(id: string): Promise<RecoveryRecord | undefined>
  names(): Readonly<Record<string, string>>
}

export type RecoveryEvent = Extract<
  DaemonEvent,
  { readonly kind: 'recovery_began' | 'plan' | 'step' | 'recovery_ended' }
>
type StepTold = Extract<DaemonEvent, { readonly kind: 'step' }>
type Step = RecoveryRecord['steps'][number]

/** A whole recovery takes a fraction of a second: steps that end together are told together. */
const EVERY_MS = 50

/**
 * Tells one recovery as it happens. The journal is read when it begins and when it ends, and not between: a read would stand
 * in the way of the journal's own writes just then. Between, the steps are those that were told.
 */
export class RecoveryTeller {
  readonly #source: RecoverySource
  readonly #emit: (recovery: RecoveryJson) => void
  #base: RecoveryRecord | undefined
  readonly #plans: Plan[] = []
  readonly #steps = new Map<string, Step>()
  readonly #startedAt = new Map<string, number>()
  #end: Extract<DaemonEvent, { readonly kind: 'recovery_ended' }> | undefined
  #timer: NodeJS.Timeout | undefined
  #telling: Promise<void> = Promise.resolve()

  constructor(source: RecoverySource, emit: (recovery: RecoveryJson) => void) {
    this.#source = source
    this.#emit = emit
  }

  /** True once it has ended: nothing more comes of it. */
  take(event: RecoveryEvent): boolean {
    if (event.kind === 'plan') this.#plans.push(event.plan)
    if (event.kind === 'step') this.#takeStep(event)
    if (event.kind === 'recovery_ended') {
      this.#end = event
      this.#base = undefined
    }
    if (event.kind === 'recovery_began' || this.#end) this.#tellNow(event.id)
    else this.#timer ??= setTimeout(() => this.#tellNow(event.id), EVERY_MS)
    return this.#end !== undefined
  }

  end(): void {
    clearTimeout(this.#timer)
  }

  /** Resolves when all that was taken has been told. */
  async told(): Promise<void> {
    await this.#telling
  }

  #takeStep({ event, at }: StepTold): void {
    const key = keyOf(event)
    if (event.state === 'started') {
      this.#startedAt.set(key, at)
      this.#steps.set(key, { key })
      return
    }
    const { outcome } = event
    if (!outcome) return
    const tookMs = event.tookMs ?? 0
    const startedAt = this.#startedAt.get(key) ?? at - tookMs
    this.#steps.set(key, { key, record: { step: event.step.id, startedAt, tookMs, outcome } })
  }

  #tellNow(id: string): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#telling = this.#telling.then(() => this.#tell(id)).catch(() => undefined)
  }

  async #tell(id: string): Promise<void> {
    this.#base ??= await this.#source.read(id)
    if (this.#base === undefined) return
    const record = this.#record(this.#base)
    const json = recoveryJson(record, this.#source.names())
    this.#emit({ ...json, steps: json.steps.map((step) => this.#withStart(step)) })
  }

  #withStart(step: RecoveryJson['steps'][number]): RecoveryJson['steps'][number] {
    const startedAt = step.startedAt ?? this.#startedAt.get(step.key)
    return startedAt === undefined ? step : { ...step, startedAt }
  }

  #record(base: RecoveryRecord): RecoveryRecord {
    const known = new Map(base.steps.map((step) => [step.key, step]))
    for (const [key, step] of this.#steps) if (!known.get(key)?.record) known.set(key, step)
    const acts = new Set(base.plans.map((plan) => plan.act))
    const plans = [...base.plans, ...this.#plans.filter((plan) => !acts.has(plan.act))]
    const steps = [...known.values()]
    if (this.#end) {
      const { state, at } = this.#end
      return { ...base, plans, steps, state: stateOf(state) ?? base.state, endedAt: base.endedAt ?? at }
    }
    const state = base.state === 'act1' && plans.some((plan) => plan.act === 2) ? 'act2' : base.state
    return { ...base, plans, steps, state }
  }
}

/** As the journal calls it. */
const keyOf = ({ act, step }: StepTold['event']): string =>
  step.id.startsWith('undo:') ? `undo/${step.id.slice('undo:'.length)}` : `${act}/${step.id}`

const ENDED: readonly RecoveryRecord['state'][] = ['done', 'failed', 'undone', 'refused']
const stateOf = (told: string): RecoveryRecord['state'] | undefined => ENDED.find((state) => state === told)
