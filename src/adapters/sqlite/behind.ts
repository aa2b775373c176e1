import type { Bridge } from './bridge.ts'
import { errorOf } from './bridge.ts'
import type { Answer, Call } from './protocol.ts'

/** So many go into one transaction: they share an fsync, and an intent that comes meanwhile waits a few milliseconds at most. */
const BATCH = 32

interface Item {
  readonly call: Call
  /** Absent: nobody waits for this one; it is kept and tried again. */
  readonly settle?: (answer: Answer) => void
}

/**
 * Calls that are sent without waiting: in order, what gathers while a batch is under way goes into the next. A posted call that the
 * store could not take (locked, full) is kept and tried again with the next batch; one that it can never take is dropped after
 * it was told to `onTrouble`. Either way `flush` rejects until everything is written.
 */
export class WriteBehind {
  readonly #bridge: Bridge
  readonly #onTrouble: (error: Error) => void
  #waiting: Item[] = []
  /** Sent, not taken, to be tried again before anything else. */
  #refused: Item[] = []
  #underWay = 0
  #scheduled = false
  #sent: Promise<void> = Promise.resolve()
  #lastTrouble: Error | undefined
  #dropped: Error | undefined

  constructor(bridge: Bridge, onTrouble: (error: Error) => void) {
    this.#bridge = bridge
    this.#onTrouble = onTrouble
  }

  post(call: Call): void {
    this.#add({ call })
  }

  /** Resolves with the answer to this call; rejects with its failure, which is then the caller's. */
  ask(call: Call): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#add({ call, settle: (answer) => (answer.ok ? resolve(answer.value) : reject(errorOf(answer.failure))) })
    })
  }

  /** Sends now what waits, so that a call made after this one comes after it in the store as well. */
  push(): void {
    while (this.#refused.length + this.#waiting.length > 0) this.#sendBatch()
  }

  async flush(): Promise<void> {
    this.push()
    await this.#sent
    const dropped = this.#dropped
    this.#dropped = undefined
    if (dropped !== undefined) throw dropped
    if (this.#refused.length > 0 && this.#lastTrouble !== undefined) throw this.#lastTrouble
  }

  #add(item: Item): void {
    this.#waiting.push(item)
    if (this.#underWay > 0 || this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      if (this.#underWay === 0 && this.#waiting.length > 0) this.#sendBatch()
    })
  }

  #sendBatch(): void {
    const refused = this.#refused.splice(0, BATCH)
    const items = [...refused, ...this.#waiting.splice(0, BATCH - refused.length)]
    this.#sent = Promise.all([this.#sent, this.#send(items)]).then(() => undefined)
  }

  async #send(items: readonly Item[]): Promise<void> {
    this.#underWay += 1
    const answers = await this.#bridge.batch(items.map(({ call }) => call)).catch(faultOf)
    this.#underWay -= 1
    const refused = items.filter((item, at) => !this.#settle(item, Array.isArray(answers) ? answers[at] : answers))
    this.#refused.push(...refused)
    // After a refusal the next post or flush tries again: at once it would only meet the same lock or the same full disk.
    if (refused.length === 0 && this.#underWay === 0 && this.#waiting.length > 0) this.#sendBatch()
  }

  /** False where the call is to be tried again. */
  #settle(item: Item, answer: Answer = faultOf(new Error('the store gave no answer'))): boolean {
    if (item.settle !== undefined) {
      item.settle(answer)
      return true
    }
    if (answer.ok) return true
    const trouble = errorOf(answer.failure)
    this.#onTrouble(trouble)
    this.#lastTrouble = trouble
    if (answer.failure.kind === 'problem') return false
    this.#dropped = trouble
    return true
  }
}

function faultOf(error: Error): Answer {
  return { ok: false, failure: { kind: 'fault', detail: error.stack ?? error.message } }
}
