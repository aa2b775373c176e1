export interface MissingPrivilege {
  readonly privilege: string
  /** `*.*`, `db`.* or `db`.`table`. */
  readonly on: string
  /** As the server names it, where it does. */
  readonly account?: string
}

/** Reads which privilege a refused statement wanted; undefined when the error is of another kind. */
export function missingPrivilege(errno: number, message: string): MissingPrivilege | undefined {
  const read = READERS.get(errno)
  return read?.(message)
}

const READERS: ReadonlyMap<number, (message: string) => MissingPrivilege> = new Map([
  [1227, global],
  [1142, table],
  [1143, table],
  [1044, database],
])

/** Access denied; you need (at least one of) the SUPER, REPLICATION CLIENT privilege(s) for this operation */
function global(message: string): MissingPrivilege {
  const list = /the (.+?) privilege\(s\)/.exec(message)?.[1] ?? 'ALL PRIVILEGES'
  const names = list.split(',').map((name) => name.trim())
  // SUPER would do for almost everything, which is why it is not what to ask for.
  return { privilege: names.find((name) => name !== 'SUPER') ?? 'SUPER', on: '*.*' }
}

/** SELECT command denied to user 'u'@'h' for table 'replication_connection_status' (MariaDB also names the database) */
function table(message: string): MissingPrivilege {
  const privilege = /([A-Z ]+) command denied/.exec(message)?.[1]?.trim() ?? 'SELECT'
  const account = /user ('[^']*'@'[^']*')/.exec(message)?.[1]
  const name = /for table [`']?(?:([^`'.]+)[`']?\.[`']?)?([^`']+)/.exec(message)
  const schema = name?.[1] ?? 'performance_schema'
  return { privilege, on: `${schema}.${name?.[2] ?? '*'}`, ...(account === undefined ? {} : { account }) }
}

function database(message: string): MissingPrivilege {
  const account = /user ('[^']*'@'[^']*')/.exec(message)?.[1]
  const schema = /to database '([^']+)'/.exec(message)?.[1] ?? '*'
  return { privilege: 'SELECT', on: `${schema}.*`, ...(account === undefined ? {} : { account }) }
}
