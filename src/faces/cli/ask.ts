import { createInterface } from 'node:readline/promises'
import type { Readable, Writable } from 'node:stream'
import { printDuration } from '../../model/duration.ts'
import { type Problem, problem } from '../../model/problem.ts'

export type Answer = { readonly kind: 'yes' } | { readonly kind: 'no'; readonly problem: Problem }

export interface Asking {
  readonly input: Readable & { readonly isTTY?: boolean }
  readonly output: Writable & { readonly isTTY?: boolean }
  /** Until when somebody must have answered, ms; shown. Silence is no. */
  readonly deadlineMs: number
  /** `--yes` was given. */
  readonly yes: boolean
  readonly signal?: AbortSignal
}

/**
 * Asks a person before something is changed. Only `y` and `yes` are yes; the end of input, an interrupt and the deadline are no.
 * Without a terminal nobody can answer, so nothing is asked and nothing done.
 */
export async function ask(question: string, { input, output, deadlineMs, yes, signal }: Asking): Promise<Answer> {
  if (yes) return { kind: 'yes' }
  if (input.isTTY !== true || output.isTTY !== true) return { kind: 'no', problem: problem('needs_yes') }
  // A deadline keeps what was shown from being run when it is no longer true.
  const deadline = AbortSignal.timeout(deadlineMs)
  using lines = disposable(createInterface({ input, output }))
  const ended = new AbortController()
  const end = (): void => ended.abort()
  lines.face.once('close', end)
  lines.face.once('SIGINT', end)
  try {
    const signals = [deadline, ended.signal, ...(signal ? [signal] : [])]
    const typed = await lines.face.question(`${question} (y/N, within ${printDuration(deadlineMs)}) `, {
      signal: AbortSignal.any(signals),
    })
    return /^y(es)?$/i.test(typed.trim()) ? { kind: 'yes' } : no
  } catch (error) {
    if (!deadline.aborted && !ended.signal.aborted && signal?.aborted !== true) throw error
    output.write('\n')
    return no
  }
}

const no: Answer = { kind: 'no', problem: problem('answered_no') }

const disposable = <T extends { close: () => void }>(face: T): Disposable & { readonly face: T } => ({
  face,
  [Symbol.dispose]: () => face.close(),
})
