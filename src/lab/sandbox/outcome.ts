/**
 * What an error says about the INSERT it answers. Only what proves that nothing was executed counts as refused; everything
 * else is unanswered: an interrupted commit (1317, 1053, 3100, 1180 …) may have been written to the binlog already.
 */
export type WriteOutcome = 'refused' | 'unanswered'

/** Server errors raised before a statement changes anything, or after which it has been rolled back. */
const NOT_EXECUTED: ReadonlySet<number> = new Set([
  1040, // too many connections
  1044, // access denied to the database
  1045, // access denied
  1046, // no database selected
  1049, // unknown database
  1062, // duplicate key
  1129, // host is blocked
  1130, // host is not allowed
  1142, // no privilege on the table
  1146, // no such table
  1203, // too many connections of this user
  1205, // lock wait timeout: rolled back
  1213, // deadlock: rolled back
  1226, // user's limit reached
  1227, // privilege missing
  1290, // the server runs with --read-only / --super-read-only
  1792, // read-only transaction
  1836, // read-only mode
])

/** The name or number under which an error is counted. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  if ('errno' in error && typeof error.errno === 'number' && error.errno > 0) return String(error.errno)
  if ('code' in error && typeof error.code === 'string') return error.code
  return error.name
}

/** For an INSERT that was handed to the connection. Only the server itself can prove that it was not executed. */
export function outcomeOf(error: unknown): WriteOutcome {
  const fromServer = error instanceof Error && 'sqlState' in error && 'errno' in error
  return fromServer && typeof error.errno === 'number' && NOT_EXECUTED.has(error.errno) ? 'refused' : 'unanswered'
}
