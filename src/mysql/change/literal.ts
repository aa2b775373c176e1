/**
 * The one place where a value becomes SQL text. Statements about replication take no bound parameters (a host, a password, a
 * channel's name must stand in the text), so every value of a change goes through here. Safe because the sessions for
 * changes run with an `sql_mode` that they set themselves: the backslash escapes, and double quotes never open a string.
 */
export function text(value: string): string {
  return `'${[...value].map((character) => ESCAPES[character] ?? character).join('')}'`
}

/** A whole number; anything else would change the statement's meaning silently. Throws RangeError. */
export function integer(value: number): string {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no whole number`)
  return String(value)
}

/** Milliseconds as the seconds that replication options take, with three decimals at most (the servers keep no more). */
export function seconds(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) throw new RangeError(`${ms} is no duration`)
  return String(Math.round(ms) / 1000)
}

const ESCAPES: Readonly<Record<string, string>> = {
  "'": "''",
  '\\': '\\\\',
  '\0': '\\0',
  '\n': '\\n',
  '\r': '\\r',
  '\x1a': '\\Z',
}
