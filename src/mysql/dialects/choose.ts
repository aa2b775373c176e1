import type { Version } from '../../model/version.ts'
import type { Dialect } from './dialect.ts'
import { mariadb } from './mariadb.ts'
import { mysql9 } from './mysql9.ts'
import { mysql84 } from './mysql84.ts'

export const DIALECTS: readonly Dialect[] = [mysql84, mysql9, mariadb]

/** The one dialect of this version; undefined when Regent does not know such a server: for the operator, never a fallback. */
export const dialectFor = (version: Version): Dialect | undefined => DIALECTS.find((dialect) => dialect.covers(version))

/** Whether this project's tests ran on that release series. */
export function isProven(version: Version): boolean {
  const series = `${version.numbers[0]}.${version.numbers[1]}`
  return dialectFor(version)?.proven.includes(series) ?? false
}
