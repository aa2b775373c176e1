/** Readers of single cells. What is missing or unreadable is thrown, never replaced: a zero in its place would be believed. */
import type { Row, Rows } from './session.ts'

/** The server answered something that this dialect cannot read. Caught where the look is made. */
export class UnusableReply extends Error {
  constructor(what: string) {
    super(what)
    this.name = 'UnusableReply'
  }
}

export function onlyRow(sets: readonly Rows[], index: number): Row {
  const row = setAt(sets, index)[0]
  if (row === undefined) throw new UnusableReply(`statement ${index + 1} was answered without a row`)
  return row
}

export function setAt(sets: readonly Rows[], index: number): Rows {
  const rows = sets[index]
  if (rows === undefined) throw new UnusableReply(`statement ${index + 1} was not answered`)
  return rows
}

/** NULL reads as undefined; a column that does not exist is an error. */
export function optional(row: Row, column: string): string | undefined {
  const cell = row[column]
  if (cell === undefined) throw new UnusableReply(`there is no column ${column}`)
  return cell ?? undefined
}

/** NULL reads as the empty text. */
export const text = (row: Row, column: string): string => optional(row, column) ?? ''

export function integer(row: Row, column: string): number {
  const cell = optional(row, column)
  if (cell === undefined || !/^-?\d+$/.test(cell)) throw new UnusableReply(`${column} is ${quoted(cell)}, not a number`)
  return Number(cell)
}

export function decimal(row: Row, column: string): number {
  const cell = optional(row, column)
  if (cell === undefined || !/^\d+(\.\d+)?$/.test(cell))
    throw new UnusableReply(`${column} is ${quoted(cell)}, not a number`)
  return Number(cell)
}

/** `1`/`0` as SELECT prints system variables, `ON`/`OFF` as SHOW does, `YES`/`NO` as tables do. */
export function flag(row: Row, column: string): boolean {
  const cell = optional(row, column)
  const value = cell === undefined ? undefined : FLAGS.get(cell.toUpperCase())
  if (value === undefined) throw new UnusableReply(`${column} is ${quoted(cell)}, neither on nor off`)
  return value
}

const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ['1', true],
  ['0', false],
  ['ON', true],
  ['OFF', false],
  ['YES', true],
  ['NO', false],
])

export function oneOf<T>(row: Row, column: string, words: Readonly<Record<string, T>>): T {
  const cell = optional(row, column)
  const value = cell === undefined ? undefined : words[cell.toUpperCase()]
  if (value === undefined) throw new UnusableReply(`${column} is ${quoted(cell)}, which is not known`)
  return value
}

/** The answer of SHOW VARIABLES and SHOW STATUS as one row, names in lower case. */
export function asRow(rows: Rows): Row {
  const row: Record<string, string | null> = {}
  for (const each of rows) row[text(each, 'Variable_name').toLowerCase()] = optional(each, 'Value') ?? null
  return row
}

const quoted = (cell: string | undefined): string => (cell === undefined ? 'NULL' : `"${cell}"`)
