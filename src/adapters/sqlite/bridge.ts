import { Worker } from 'node:worker_threads'
import { ProblemError } from '../../model/problem.ts'
import type { CallName, Input, Output } from './handlers.ts'
import type { Answer, Call, Failure, FromWorker, ToWorker, WorkerSettings } from './protocol.ts'

/** What a failure of the worker is to a caller: a `ProblemError` for a broken world, any other error for a fault of the program. */
export function errorOf(failure: Failure): Error {
  if (failure.kind === 'problem') return new ProblemError(failure.problem, { cause: failure.detail })
  return new Error(`the store failed: ${failure.detail}`)
}

interface Waiting {
  readonly settle: (answers: readonly Answer[]) => void
  readonly fail: (error: Error) => void
}

/** Beside this file, as TypeScript or as what the build made of it. */
const WORKER_FILE = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)

/** The main thread's end of the worker: calls go out in order and are answered in order. It keeps the process alive only while a call is under way. */
export class Bridge {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  readonly #onTrouble: (error: Error) => void
  readonly #exited: Promise<void>
  #nextId = 1
  #dead: Error | undefined

  private constructor(worker: Worker, onTrouble: (error: Error) => void) {
    this.#worker = worker
    this.#onTrouble = onTrouble
    this.#exited = new Promise((resolve) => {
      worker.once('exit', (code) => {
        this.#die(new Error(`the store's worker ended with code ${code}`))
        resolve()
      })
    })
    worker.on('error', (error) => this.#die(error instanceof Error ? error : new Error(String(error))))
  }

  /** Rejects with what kept the store from being opened. */
  static async open(settings: WorkerSettings, onTrouble: (error: Error) => void): Promise<Bridge> {
    const worker = new Worker(WORKER_FILE, { workerData: settings, name: 'regent-store' })
    const bridge = new Bridge(worker, onTrouble)
    await new Promise<void>((resolve, reject) => {
      bridge.#waiting.set(0, { settle: () => resolve(), fail: reject })
      worker.on('message', (message: FromWorker) => bridge.#receive(message))
    })
    return bridge
  }

  async call<K extends CallName>(name: K, input: Input<K>): Promise<Output<K>> {
    // The compiler cannot tie the name to the input inside a union; the signature has.
    const call = { name, input } as Call
    const [answer] = await this.#ask((id) => ({ kind: 'call', id, call }))
    if (answer?.ok === true) return answer.value as Output<K>
    throw answer === undefined ? new Error('the store gave no answer') : errorOf(answer.failure)
  }

  /** Never rejects for a single call: each has its own answer. */
  batch(calls: readonly Call[]): Promise<readonly Answer[]> {
    return this.#ask((id) => ({ kind: 'batch', id, calls }))
  }

  /** Whoever still waits gets an answer first. */
  async end(): Promise<void> {
    if (this.#dead === undefined) {
      this.#dead = new Error('the store is closed')
      this.#worker.ref()
      this.#worker.postMessage({ kind: 'end' } satisfies ToWorker)
    }
    await this.#exited
  }

  #ask(message: (id: number) => ToWorker): Promise<readonly Answer[]> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead)
    const id = this.#nextId++
    return new Promise((settle, fail) => {
      // First the sending: what cannot be sent as plain data throws here, and then nobody waits for it.
      this.#worker.postMessage(message(id))
      this.#waiting.set(id, { settle, fail })
      this.#worker.ref()
    })
  }

  #receive(message: FromWorker): void {
    if (message.kind === 'trouble') {
      this.#onTrouble(errorOf(message.failure))
      return
    }
    const id = 'id' in message ? message.id : 0
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    // The last answer after the word to end must not let go of the worker: whoever waits for its exit would wait in an empty process.
    if (this.#waiting.size === 0 && this.#dead === undefined) this.#worker.unref()
    if (message.kind === 'not_opened') waiting?.fail(errorOf(message.failure))
    else if (message.kind === 'opened') waiting?.settle([])
    else waiting?.settle(message.kind === 'answer' ? [message.answer] : message.answers)
  }

  #die(error: Error): void {
    if (this.#dead === undefined) {
      this.#dead = error
      this.#onTrouble(error)
    }
    for (const waiting of this.#waiting.values()) waiting.fail(error)
    this.#waiting.clear()
  }
}
