import type { SessionError } from './errors.ts'

/** Every value as the server printed it: nothing loses digits, no date is bent by a time zone. */
export type Row = Readonly<Record<string, string | null>>
export type Rows = readonly Row[]

/** What a packet was answered: one list of rows per statement, empty for statements without a result set. */
export type ResultSets = readonly Rows[]

export interface QueryOptions {
  /** Until the last byte of the answer. When it passes the session is destroyed: a late answer would be taken for the next one's. */
  readonly deadlineMs: number
  /** Destroys the session too; the outcome is then unknown. */
  readonly signal?: AbortSignal
}

/** One logged-in connection. Statements are sent one after another; who needs two at once opens two. */
export interface Session extends AsyncDisposable {
  /** The connection's id on the server, as KILL and the process list name it. */
  readonly threadId: number
  /** From the greeting: known before any statement, so that the first one can already be the flavour's own. */
  readonly serverVersion: string
  readonly usable: boolean
  /** Rejects with a {@link SessionError}. After any failure but `statement` the session is destroyed. */
  query(sql: string, options: QueryOptions): Promise<ResultSets>
  /** The peer closed it, or it broke, while this side did not. Called once, at once if that has already happened. */
  onClose(listener: (error: SessionError) => void): void
  /** Ends it now; never waits. */
  destroy(): void
}
