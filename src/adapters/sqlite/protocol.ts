import type { Problem } from '../../model/problem.ts'
import type { CallName, Input } from './handlers.ts'
import type { ProcessMark } from './process.ts'

/** One call, as plain data. */
export type Call = { readonly [K in CallName]: { readonly name: K; readonly input: Input<K> } }[CallName]

export type ToWorker =
  | { readonly kind: 'call'; readonly id: number; readonly call: Call }
  /** Executed in this order in one transaction; where one fails, each in its own, so that it fails alone. */
  | { readonly kind: 'batch'; readonly id: number; readonly calls: readonly Call[] }
  | { readonly kind: 'end' }

/** Either what failed in the world, or a fault of the program. */
export type Failure =
  | { readonly kind: 'problem'; readonly problem: Problem; readonly detail: string }
  | { readonly kind: 'fault'; readonly detail: string }

export type Answer = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly failure: Failure }

export type FromWorker =
  | { readonly kind: 'opened' }
  | { readonly kind: 'not_opened'; readonly failure: Failure }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer }
  | { readonly kind: 'answers'; readonly id: number; readonly answers: readonly Answer[] }
  /** Housekeeping between calls failed; nothing is lost by it. */
  | { readonly kind: 'trouble'; readonly failure: Failure }

export interface WorkerSettings {
  readonly path: string
  readonly vantage: string
  readonly keepEvidence: number
  readonly me: ProcessMark
  /** Unix ms, for the record of migrations. */
  readonly openedAt: number
  /** For tests of a full disk. */
  readonly maxPages?: number
}
