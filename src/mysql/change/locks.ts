import { text } from './literal.ts'

/**
 * A session for changes holds one of these named locks, the first that is free. The lock excludes nobody: it makes the
 * sessions of an earlier leader findable for the next one, in one statement.
 */
export const LOCK_NUMBERS = [1, 2, 3, 4, 5, 6, 7, 8] as const

const lockName = (number: number): string => text(`regent.change.${number}`)

/** `lock_number`: the lock taken, null when all are held. CASE, because it asks for the next lock only when one was refused. */
export const TAKE_LOCK = `CASE ${LOCK_NUMBERS.map((n) => `WHEN GET_LOCK(${lockName(n)}, 0) = 1 THEN ${n}`).join(' ')} END AS lock_number`

/** One row; `holder_<n>` is the connection id that holds lock n, or null. */
export const LOCK_HOLDERS = `SELECT ${LOCK_NUMBERS.map((n) => `IS_USED_LOCK(${lockName(n)}) AS holder_${n}`).join(', ')}`
