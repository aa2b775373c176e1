import type { Outcome } from '../../model/outcome.ts'
import type { Step } from '../../model/step.ts'

/** One step of either act: promised, and later known. Act 2's barrier waits for act 1's fencing through it. */
export interface Entry {
  readonly step: Step
  readonly act: 1 | 2
  readonly ended: Promise<Outcome>
  outcome?: Outcome
}

/** Failures in which nothing was sent at all. */
const WITHOUT_EFFECT: readonly string[] = ['not_started', 'lease_lost', 'forgotten', 'no_such_route']

export const hadNoEffect = (outcome: Outcome): boolean =>
  outcome.kind === 'failed' && WITHOUT_EFFECT.includes(outcome.code)

/** All steps of one recovery, both acts, by id. */
export class Ledger {
  readonly #entries = new Map<string, Entry>()
  /** In the order in which they ended: an undo goes backwards through it. */
  readonly #order: Entry[] = []

  enter(step: Step, act: 1 | 2, ended: Promise<Outcome>): void {
    const entry: Entry = { step, act, ended }
    this.#entries.set(step.id, entry)
    void ended.then((outcome) => {
      entry.outcome = outcome
      this.#order.push(entry)
    })
  }

  get(id: string): Entry | undefined {
    return this.#entries.get(id)
  }

  /** Steps of an act that took effect or may have; a failure may be half an effect (a route withdrawn, its sessions still open). Latest first. */
  effects(act: 1 | 2): readonly Entry[] {
    return this.#order.filter((e) => e.act === act && !(e.outcome && hadNoEffect(e.outcome))).reverse()
  }

  all(): readonly Entry[] {
    return [...this.#entries.values()]
  }
}
