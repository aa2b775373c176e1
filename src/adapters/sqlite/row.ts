import type { SQLOutputValue } from 'node:sqlite'

export type Row = Readonly<Record<string, SQLOutputValue>>

export function text(row: Row, column: string): string {
  const value = row[column]
  if (typeof value === 'string') return value
  throw new TypeError(`column ${column} holds no text`)
}

export function number(row: Row, column: string): number {
  const value = row[column]
  if (typeof value === 'number') return value
  throw new TypeError(`column ${column} holds no number`)
}

export const isNull = (row: Row, column: string): boolean => row[column] === null || row[column] === undefined

export function oneOf<T extends string>(row: Row, column: string, values: readonly T[]): T {
  const found = values.find((value) => value === row[column])
  if (found !== undefined) return found
  throw new TypeError(`column ${column} holds "${row[column]}", which is none of ${values.join(', ')}`)
}
