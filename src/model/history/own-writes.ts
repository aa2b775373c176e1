import { printGtid } from '../gtid/mariadb-position.ts'
import { subtract } from '../gtid/mysql-set.ts'
import { printGtidSet } from '../gtid/mysql-text.ts'
import type { History } from './kinds.ts'

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
    const parts = subtract(history.executed, reference.executed).parts.filter(
      (p) => p.uuid === writer.uuid.toLowerCase(),
    )
    return parts.length === 0 ? '' : printGtidSet({ parts })
  }
  if (history.kind !== 'mariadb' || reference.kind !== 'mariadb') return ''
  const known = reference.binlogState.domains.flatMap((d) => d.gtids)
  const beyond = history.binlogState.domains
    .flatMap((d) => d.gtids)
    .filter((own) => own.server === writer.numericId)
    .filter((own) => !known.some((k) => k.domain === own.domain && k.server === own.server && k.seq >= own.seq))
  return beyond.map(printGtid).join(',')
}
