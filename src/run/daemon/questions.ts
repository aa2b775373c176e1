import type { Difference } from '../../decide/recover/differs.ts'
import type { RecoveryId, WallTime } from '../../model/ids.ts'
import type { Plan } from '../../model/plan.ts'
import type { Clock } from '../../ports/clock.ts'

/** Put to the person who gave the command: act 1 has been run, and the real act 2 is not the one that was shown. */
export interface Question {
  readonly id: RecoveryId
  readonly plan: Plan
  readonly differs: readonly Difference[]
  readonly until: WallTime
}

export type Answer = 'yes' | 'no' | 'silence'

/** The one question that a cluster can have open: its recoveries run one after the other. Whoever may change something may answer. */
export class Questions {
  readonly #clock: Clock
  #open: { readonly question: Question; readonly answer: (answer: Answer) => void } | undefined
  #ended = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  open(): Question | undefined {
    return this.#open?.question
  }

  /** False where no such question is open any more. */
  answer(id: RecoveryId, yes: boolean): boolean {
    if (this.#open?.question.id !== id) return false
    this.#open.answer(yes ? 'yes' : 'no')
    return true
  }

  /** This process is about to end: what is open is answered with no, so that act 1 is taken back before it is gone. */
  end(): void {
    this.#ended = true
    this.#open?.answer('no')
  }

  /** Resolves with the answer, or with silence when `leftMs` have passed. Monotonic: a clock that is set moves no deadline. */
  async ask(question: Question, leftMs: number): Promise<Answer> {
    if (this.#ended) return 'no'
    const settled = new AbortController()
    const answered = new Promise<Answer>((resolve) => {
      this.#open = { question, answer: resolve }
    })
    const silence = (): Answer => 'silence'
    const passed = this.#clock.sleep(Math.max(0, leftMs), settled.signal).then(silence, silence)
    try {
      return await Promise.race([answered, passed])
    } finally {
      this.#open = undefined
      settled.abort()
    }
  }
}
