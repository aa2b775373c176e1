/** What both flavours say of a channel in the same way, under different names. */
import type { Applier, Receiver, ReplicationError } from '../model/server.ts'
import { integer, oneOf, text } from './cells.ts'
import type { Row } from './session.ts'

/** MariaDB says `Preparing` between START and the first connection attempt. */
const RECEIVERS: Readonly<Record<string, Receiver>> = {
  YES: 'running',
  NO: 'stopped',
  CONNECTING: 'connecting',
  PREPARING: 'connecting',
}
const APPLIERS: Readonly<Record<string, Applier>> = { YES: 'running', NO: 'stopped' }

export const receiverOf = (row: Row, column: string): Receiver => oneOf(row, column, RECEIVERS)
export const applierOf = (row: Row, column: string): Applier => oneOf(row, column, APPLIERS)

export function errorOf(row: Row, half: 'IO' | 'SQL'): ReplicationError | undefined {
  const code = integer(row, `Last_${half}_Errno`)
  return code === 0 ? undefined : { code, message: text(row, `Last_${half}_Error`) }
}

/** The errors that exist, as fields that exist. */
export function errorsOf(row: Row): { receiverError?: ReplicationError; applierError?: ReplicationError } {
  const receiverError = errorOf(row, 'IO')
  const applierError = errorOf(row, 'SQL')
  return { ...(receiverError && { receiverError }), ...(applierError && { applierError }) }
}

/** The server's estimate, or nothing where it says NULL. */
export function lagOf(row: Row, column: string): { lagMs?: number } {
  return row[column] === null ? {} : { lagMs: integer(row, column) * 1000 }
}

/** What is left out here is not on this replica: whatever column it is, it must not be promoted unseen. */
const FILTERS = [
  'Replicate_Do_DB',
  'Replicate_Ignore_DB',
  'Replicate_Do_Table',
  'Replicate_Ignore_Table',
  'Replicate_Wild_Do_Table',
  'Replicate_Wild_Ignore_Table',
  'Replicate_Rewrite_DB',
  'Replicate_Ignore_Server_Ids',
] as const

export const isFiltered = (row: Row, furtherColumns: readonly string[] = []): boolean =>
  [...FILTERS, ...furtherColumns].some((column) => text(row, column) !== '')
