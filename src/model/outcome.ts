import type { ServerStatus } from './server.ts'

/** How a change ended. `unknown`: it may still take effect; only a look decides, and an opening of unknown outcome counts as open. */
export type Outcome =
  | {
      readonly kind: 'done'
      readonly says: string
      readonly reading?: ServerStatus
      readonly facts?: Readonly<Record<string, string | number | boolean>>
    }
  | { readonly kind: 'failed'; readonly code: string; readonly says: string; readonly tryThis?: string }
  | { readonly kind: 'unknown'; readonly says: string }

export const done = (says: string, reading?: ServerStatus): Outcome =>
  reading === undefined ? { kind: 'done', says } : { kind: 'done', says, reading }
export const failed = (code: string, says: string, tryThis?: string): Outcome =>
  tryThis === undefined ? { kind: 'failed', code, says } : { kind: 'failed', code, says, tryThis }

/** A step's life as the journal keeps it. Times are wall times for people; durations come from a monotonic clock. */
export interface StepRecord {
  readonly step: string
  readonly startedAt: number
  readonly tookMs: number
  readonly outcome: Outcome
}
