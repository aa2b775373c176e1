import type { Privilege } from './grants.ts'

/** Reading of SHOW GRANTS, of both flavours. Pure. */

interface Granted {
  readonly kind: 'grant' | 'revoke'
  readonly privileges: ReadonlySet<string>
  /** `*` or a pattern as LIKE has it. */
  readonly schema: string
  /** `*`: all of the schema. */
  readonly table: string
}

/** What MariaDB accepts under two names and what people write by habit. */
const SYNONYMS: Readonly<Record<string, string>> = {
  'REPLICA MONITOR': 'SLAVE MONITOR',
  'REPLICATION REPLICA ADMIN': 'REPLICATION SLAVE ADMIN',
  'REPLICATION REPLICA': 'REPLICATION SLAVE',
  'ALL PRIVILEGES': 'ALL',
}

/** The needed privileges that the rows do not give. Rows of active roles count; the server lists those beside the account's own. */
export function missingGrants(showGrantsRows: readonly string[], needed: readonly Privilege[]): readonly Privilege[] {
  const granted = showGrantsRows.flatMap(readRow)
  return needed.filter((privilege) => !isGiven(granted, privilege))
}

/** Roles granted to the account: what is missing may stand there, inactive. */
export const rolesOf = (showGrantsRows: readonly string[]): readonly string[] => showGrantsRows.flatMap(roleOf)

function isGiven(granted: readonly Granted[], { name, on, orBy }: Privilege): boolean {
  const [schema = '*', table = '*'] = on.split('.')
  return [name, ...(orBy ?? [])].some((one) => {
    // SUPER serves only as a global privilege, as everything else that is needed on all.
    const holds = granted.filter((row) => row.kind === 'grant' && isOn(row, table) && has(row, one))
    if (schema === '*') return holds.some((row) => row.schema === '*')
    const revoked = granted.some((row) => row.kind === 'revoke' && matches(row.schema, schema) && has(row, one))
    return holds.some((row) => (row.schema === '*' ? !revoked : matches(row.schema, schema)))
  })
}

/** A privilege on one table is enough where that table is all that is needed. */
const isOn = (row: Granted, table: string): boolean => row.table === '*' || row.table === table

const has = (row: Granted, name: string): boolean => row.privileges.has(name) || row.privileges.has('ALL')

function readRow(row: string): readonly Granted[] {
  const words = /^(GRANT|REVOKE)\s+/i.exec(row)
  if (!words) return []
  const rest = row.slice(words[0].length)
  const at = outsideQuotes(rest, ' ON ')
  if (at < 0) return []
  const place = rest.slice(at + 4)
  const end = Math.max(outsideQuotes(place, ' TO '), outsideQuotes(place, ' FROM '))
  if (end < 0) return []
  const object = place.slice(0, end).trim()
  // PROXY names an account, routines name no table: neither gives anything that is needed here.
  if (object.includes('@') || /^(PROCEDURE|FUNCTION|PACKAGE)\b/i.test(object)) return []
  const dot = outsideQuotes(object, '.')
  if (dot < 0) return []
  return [
    {
      kind: words[1]?.toUpperCase() === 'REVOKE' ? 'revoke' : 'grant',
      privileges: new Set(privilegesOf(rest.slice(0, at))),
      schema: unquote(object.slice(0, dot).replace(/^TABLE\s+/i, '')),
      table: unquote(object.slice(dot + 1)),
    },
  ]
}

function roleOf(row: string): readonly string[] {
  const words = /^GRANT\s+/i.exec(row)
  if (!words || outsideQuotes(row, ' ON ') >= 0) return []
  const to = outsideQuotes(row, ' TO ')
  if (to < 0) return []
  return split(row.slice(words[0].length, to)).map((role) =>
    role
      .split('@')
      .map(unquote)
      .filter((part) => part !== '%')
      .join('@'),
  )
}

/** `SELECT (a, b)` holds for two columns only, and counts as nothing. */
const privilegesOf = (list: string): readonly string[] =>
  split(list)
    .filter((one) => !one.includes('('))
    .map((one) => one.toUpperCase().replaceAll(/\s+/g, ' '))
    .map((one) => SYNONYMS[one] ?? one)

const QUOTES = '`\'"'

/** Walks the text outside quotes and parentheses. A doubled quote inside quotes closes and opens again, which comes to the same. */
function* bare(text: string): Generator<number> {
  let quote = ''
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const sign = text.charAt(i)
    if (quote !== '') {
      if (sign === quote) quote = ''
    } else if (QUOTES.includes(sign)) quote = sign
    else if (sign === '(') depth++
    else if (sign === ')') depth--
    else if (depth === 0) yield i
  }
}

function outsideQuotes(text: string, word: string): number {
  for (const i of bare(text)) if (text.slice(i, i + word.length).toUpperCase() === word) return i
  return -1
}

function split(list: string): readonly string[] {
  const commas = [...bare(list)].filter((i) => list[i] === ',')
  return [...commas, list.length].map((end, index) =>
    list.slice(index === 0 ? 0 : (commas[index - 1] ?? 0) + 1, end).trim(),
  )
}

function unquote(name: string): string {
  const trimmed = name.trim()
  const quote = trimmed.charAt(0)
  if (trimmed.length < 2 || !QUOTES.includes(quote) || !trimmed.endsWith(quote)) return trimmed
  return trimmed.slice(1, -1).replaceAll(quote + quote, quote)
}

/** A schema of a grant is a pattern: `%` and `_` stand for others unless a backslash is before them. */
function matches(pattern: string, schema: string): boolean {
  if (pattern === '*') return false
  const source = pattern.replaceAll(
    /\\([%_])|([%_])|([.*+?^${}()|[\]\\])/g,
    (_all, literal?: string, wild?: string, sign?: string) => {
      if (literal !== undefined) return literal
      if (wild !== undefined) return wild === '%' ? '.*' : '.'
      return `\\${sign ?? ''}`
    },
  )
  return new RegExp(`^${source}$`, 'i').test(schema)
}
