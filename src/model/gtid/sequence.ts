/**
 * A transaction's number. Servers allow up to 2^63-2 (MySQL) and 2^64-1 (MariaDB); JavaScript's numbers are exact up to
 * 2^53-1. So: a `number` wherever that is exact, a `bigint` above, never the other way round. One value thus has one
 * form: `===` is equality, `<` and `>` compare across both forms, and real sets stay plain numbers (fast, and JSON).
 */
export type Sequence = number | bigint

export const MYSQL_MAX_SEQUENCE = 2n ** 63n - 2n
export const MARIADB_MAX_SEQUENCE = 2n ** 64n - 1n

/** The one form that stands for this value. */
export function sequence(value: bigint): Sequence {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value
}

/** Reads decimal digits (the caller has checked that there is nothing else). */
export function sequenceOfDigits(digits: string): Sequence {
  return digits.length < 16 ? Number(digits) : sequence(BigInt(digits))
}

export function plus(a: Sequence, b: Sequence): Sequence {
  if (typeof a === 'number' && typeof b === 'number' && a + b <= Number.MAX_SAFE_INTEGER) return a + b
  return sequence(BigInt(a) + BigInt(b))
}

/** a - b, for a >= b. */
export function minus(a: Sequence, b: Sequence): Sequence {
  return typeof a === 'number' && typeof b === 'number' ? a - b : sequence(BigInt(a) - BigInt(b))
}

export function lesser(a: Sequence, b: Sequence): Sequence {
  return b < a ? b : a
}

export function greater(a: Sequence, b: Sequence): Sequence {
  return b > a ? b : a
}
