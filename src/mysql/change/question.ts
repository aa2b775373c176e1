import type { Row, Rows } from '../session.ts'

export type { Row, Rows }

/** Reading statements that can travel in any packet, and what their result sets mean. */
export interface Question<T> {
  readonly statements: readonly string[]
  /** `sets`: one per statement, in their order. */
  readonly read: (sets: readonly Rows[]) => T
}

/** Empty where there is no row, no such column, or NULL. */
export function printed(row: Row | undefined, column: string): string {
  return row?.[column] ?? ''
}

/** NaN where the server gave no number: no comparison with it is true. */
export function numberOf(row: Row | undefined, column: string): number {
  const cell = printed(row, column)
  return cell === '' ? Number.NaN : Number(cell)
}

/** Both questions in one packet. Only the last of several may be one whose statements stand in one text. */
export function both<A, B>(first: Question<A>, second: Question<B>): Question<readonly [A, B]> {
  const count = first.statements.length
  return {
    statements: [...first.statements, ...second.statements],
    read: (sets) => [first.read(sets.slice(0, count)), second.read(sets.slice(count))],
  }
}
