import type { AttachedReplica } from '../model/server.ts'
import { integer, text } from './cells.ts'
import type { Row, Rows } from './session.ts'

/** The rows of SHOW REPLICAS / SHOW SLAVE HOSTS. A replica without `report_host` has no address here. */
export function attachedOf(rows: Rows, idColumn: string): readonly AttachedReplica[] {
  const byKey = new Map<string, AttachedReplica>()
  for (const row of rows) {
    const replica = attachedReplica(row, idColumn)
    byKey.set(`${replica.numericId} ${replica.address?.host}:${replica.address?.port}`, replica)
  }
  return [...byKey.values()].sort((a, b) => a.numericId - b.numericId)
}

function attachedReplica(row: Row, idColumn: string): AttachedReplica {
  const numericId = integer(row, idColumn)
  const host = text(row, 'Host').toLowerCase()
  const port = integer(row, 'Port')
  return host === '' || port === 0 ? { numericId } : { numericId, address: { host, port } }
}
