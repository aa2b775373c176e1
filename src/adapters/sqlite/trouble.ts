import { type Problem, problem } from '../../model/problem.ts'

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html); the low byte of what node:sqlite reports as `errcode`. */
const BUSY = 5
const LOCKED = 6
const READONLY = 8
const IO_ERROR = 10
const CORRUPT = 11
const FULL = 13
const CANNOT_OPEN = 14
const NOT_A_DATABASE = 26
/** A page is missing at the end of the file: torn, not unreachable. */
const SHORT_READ = 522

/** What a failing store means to people; undefined where the error is a fault of the program and not of its world. */
export function troubleOf(error: unknown, path: string): Problem | undefined {
  if (!(error instanceof Error)) return undefined
  const why = error.message
  if ('errcode' in error && typeof error.errcode === 'number') return ofSqlite(error.errcode, { path, why })
  if ('code' in error && typeof error.code === 'string' && 'syscall' in error) {
    return ['ENOSPC', 'EDQUOT'].includes(error.code) ? problem('store_full', { path, why }) : unwritable(path, why)
  }
  return undefined
}

export const isBusy = (error: unknown): boolean =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' && (error.errcode & 0xff) === BUSY

function ofSqlite(code: number, facts: { readonly path: string; readonly why: string }): Problem | undefined {
  if (code === SHORT_READ) return problem('store_corrupt', facts)
  switch (code & 0xff) {
    case BUSY:
    case LOCKED:
      return problem('store_locked', facts)
    case FULL:
    case IO_ERROR:
      return problem('store_full', facts)
    case CORRUPT:
    case NOT_A_DATABASE:
      return problem('store_corrupt', facts)
    case READONLY:
    case CANNOT_OPEN:
      return unwritable(facts.path, facts.why)
    default:
      return undefined
  }
}

const unwritable = (path: string, why: string): Problem => problem('store_unwritable', { path, why })

/** For a former holder: nothing of its is written any more. */
export const leaseLost = (why: string): Problem => problem('lease_lost', { why })
