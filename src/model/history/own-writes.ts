import { type MariadbGtid, printGtid } from '../gtid/mariadb-position.ts'
import { type GtidSet, subtract } from '../gtid/mysql-set.ts'
import { printGtidSet } from '../gtid/mysql-text.ts'
import type { History, MariadbHistory, MysqlHistory } from './kinds.ts'

/** Whose writes they are: MySQL by `server_uuid`, MariaDB by `server_id`. */
export interface Writer {
  readonly uuid: string
  readonly numericId: number
}

/**
 * What a server wrote itself and `reference` has not: printed, '' for nothing. On a replica that never reigned these are errant:
 * nobody else ever had them. A replica's other surplus may simply be newer than the reference's last reading.
 */
export function ownWritesBeyond(history: History, reference: History, writer: Writer): string {
  if (history.kind === 'mysql' && reference.kind === 'mysql') {
    const own = ownSet(history, reference, writer)
    return own.parts.length === 0 ? '' : printGtidSet(own)
  }
  if (history.kind !== 'mariadb' || reference.kind !== 'mariadb') return ''
  return history.binlogState.domains
    .flatMap((d) => d.gtids)
    .filter((gtid) => isOwn(gtid, reference, writer))
    .map(printGtid)
    .join(',')
}

/** The rest: what it has from others, by which it may hold what nobody else does. */
export function withoutOwnWrites(history: History, reference: History, writer: Writer): History {
  if (history.kind === 'mysql' && reference.kind === 'mysql') {
    const own = ownSet(history, reference, writer)
    return { ...history, executed: subtract(history.executed, own), received: subtract(history.received, own) }
  }
  if (history.kind !== 'mariadb' || reference.kind !== 'mariadb') return history
  const domains = history.binlogState.domains.map((d) => ({
    ...d,
    gtids: d.gtids.filter((gtid) => !isOwn(gtid, reference, writer)),
  }))
  return { ...history, binlogState: { ...history.binlogState, domains } }
}

const ownSet = (history: MysqlHistory, reference: MysqlHistory, { uuid }: Writer): GtidSet => ({
  parts: subtract(history.executed, reference.executed).parts.filter((p) => p.uuid === uuid.toLowerCase()),
})

const isOwn = (gtid: MariadbGtid, reference: MariadbHistory, { numericId }: Writer): boolean =>
  gtid.server === numericId &&
  !reference.binlogState.domains
    .flatMap((d) => d.gtids)
    .some((k) => k.domain === gtid.domain && k.server === gtid.server && k.seq >= gtid.seq)
