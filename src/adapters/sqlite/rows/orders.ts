import { type ClusterId, clusterId, type ServerId, serverId, type WallTime, wallTime } from '../../../model/ids.ts'
import type { EvidenceRecord, Order } from '../../../ports/store.ts'
import type { Database } from '../database.ts'
import { isNull, number, oneOf, type Row, text } from '../row.ts'
import { EVIDENCE_VERSION } from '../schema.ts'

const KINDS: readonly Order['kind'][] = ['pause', 'downtime', 'unfence', 'prefer']
/** How many inserts go by between two trims: trimming walks past every kept row. */
const TRIM_EVERY = 64

export interface Withdrawal {
  readonly cluster: ClusterId
  readonly kind: Order['kind']
  readonly server: ServerId | undefined
  readonly at: WallTime
}

/** Standing orders are never deleted: withdrawn or expired ones remain as the audit trail. */
export function orderRows(db: Database) {
  return {
    orders: (input: { readonly cluster: ClusterId; readonly at: WallTime }): readonly Order[] =>
      db
        .all(
          `SELECT * FROM orders WHERE cluster = ?1 AND withdrawn_at IS NULL AND valid_from <= ?2 AND valid_until > ?2 ORDER BY seq`,
          ...[input.cluster, input.at],
        )
        .map(orderOf),

    giveOrder: (order: Order): void =>
      db.write(() => {
        db.run(
          `INSERT INTO orders (cluster, kind, server, reason, given_by, valid_from, valid_until) VALUES (?, ?, ?, ?, ?, ?, ?)`,
          ...[order.cluster, order.kind, order.server ?? null, order.reason, order.by],
          ...[Math.round(order.from), Math.round(order.until)],
        )
      }),

    /** How many orders ended by it. Without a server: those on the whole cluster only. */
    withdrawOrder: (input: Withdrawal): number =>
      db.write(() =>
        db.run(
          `UPDATE orders SET withdrawn_at = ?1
           WHERE cluster = ?2 AND kind = ?3 AND server IS ?4 AND withdrawn_at IS NULL AND valid_until > ?1`,
          ...[Math.round(input.at), input.cluster, input.kind, input.server ?? null],
        ),
      ),
  }
}

/** Verdicts with what led to them, from this vantage; the newest `keep` of each cluster. */
export function evidenceRows(db: Database, options: { readonly vantage: string; readonly keep: number }) {
  const added = new Map<ClusterId, number>()
  return {
    addEvidence: (record: Omit<EvidenceRecord, 'id'>): void =>
      db.write(() => {
        db.run(
          'INSERT INTO evidence (cluster, at, vantage, version, verdict, body) VALUES (?, ?, ?, ?, ?, ?)',
          ...[record.cluster, Math.round(record.at), options.vantage, EVIDENCE_VERSION, record.verdict, record.body],
        )
        const count = added.get(record.cluster) ?? 0
        added.set(record.cluster, count + 1)
        if (count % TRIM_EVERY !== 0) return
        db.run(
          `DELETE FROM evidence WHERE cluster = ?1 AND id <=
             (SELECT id FROM evidence WHERE cluster = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)`,
          ...[record.cluster, options.keep],
        )
      }),

    evidence: (input: { readonly cluster: ClusterId; readonly limit: number }): readonly EvidenceRecord[] =>
      db
        .all(
          'SELECT * FROM evidence WHERE cluster = ? AND version <= ? ORDER BY id DESC LIMIT ?',
          ...[input.cluster, EVIDENCE_VERSION, Math.min(input.limit, options.keep)],
        )
        .map((row) => ({
          id: number(row, 'id'),
          cluster: clusterId(text(row, 'cluster')),
          at: wallTime(number(row, 'at')),
          verdict: text(row, 'verdict'),
          body: text(row, 'body'),
        })),
  }
}

function orderOf(row: Row): Order {
  const order = {
    kind: oneOf(row, 'kind', KINDS),
    cluster: clusterId(text(row, 'cluster')),
    reason: text(row, 'reason'),
    by: text(row, 'given_by'),
    from: wallTime(number(row, 'valid_from')),
    until: wallTime(number(row, 'valid_until')),
  }
  return isNull(row, 'server') ? order : { ...order, server: serverId(text(row, 'server')) }
}
