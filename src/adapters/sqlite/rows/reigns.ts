import { type ClusterId, clusterId, type Epoch, epoch, recoveryId, serverId, wallTime } from '../../../model/ids.ts'
import type { Reign, ReignSemiSync } from '../../../model/reign.ts'
import type { Database } from '../database.ts'
import { decode, encode } from '../encoding.ts'
import { isNull, number, oneOf, type Row, text } from '../row.ts'
import { demandLease, holdsLease } from './lease.ts'

const NEWEST_FIRST = 'SELECT * FROM reigns WHERE cluster = ? ORDER BY epoch DESC'

/** Reigns, epochs and route numbers: what is minted here is never minted again. */
export function reignRows(db: Database) {
  return {
    reign: (cluster: ClusterId): Reign | undefined => {
      const row = db.get(`${NEWEST_FIRST} LIMIT 1`, cluster)
      return row === undefined ? undefined : reignOf(row)
    },

    reigns: (cluster: ClusterId): readonly Reign[] => db.all(NEWEST_FIRST, cluster).map(reignOf),

    recordReign: (input: { readonly reign: Reign; readonly token: number }): boolean =>
      db.write(() => holdsLease(db, input.token) && mintReign(db, input.reign)),

    crown: (input: { readonly cluster: ClusterId; readonly epoch: Epoch; readonly token: number }): void =>
      db.write(() => {
        demandLease(db, input.token)
        // Only the newest: a reign that was replaced while it was opening is never open afterwards.
        const crowned = db.run(
          `UPDATE reigns SET state = 'open' WHERE cluster = ?1 AND epoch = ?2
           AND epoch = (SELECT max(epoch) FROM reigns WHERE cluster = ?1)`,
          ...[input.cluster, input.epoch],
        )
        if (crowned === 0) throw new Error(`epoch ${input.epoch} of ${input.cluster} is not its newest reign`)
      }),

    nextRouteNumber: (input: { readonly cluster: ClusterId; readonly epoch: Epoch; readonly token: number }): number =>
      db.write(() => {
        demandLease(db, input.token)
        const row = db.get(
          `INSERT INTO route_numbers (cluster, epoch, last) VALUES (?, ?, 1)
           ON CONFLICT DO UPDATE SET last = last + 1 RETURNING last`,
          ...[input.cluster, input.epoch],
        )
        return number(row ?? {}, 'last')
      }),
  }
}

/** In the caller's transaction. False, and nothing written, unless the epoch is above every one that this store has seen. */
export function mintReign(db: Database, reign: Reign): boolean {
  const raised = db.run(
    `INSERT INTO epochs (cluster, highest) VALUES (?, ?)
     ON CONFLICT DO UPDATE SET highest = excluded.highest WHERE excluded.highest > highest`,
    ...[reign.cluster, reign.epoch],
  )
  if (raised === 0) return false
  db.run(
    `INSERT INTO reigns (cluster, epoch, primary_server, state, semi_sync, opened_at, recovery, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[reign.cluster, reign.epoch, reign.primary, reign.state, encode(reign.semiSync)],
    ...[reign.openedAt, reign.recovery ?? null, Math.round(reign.at)],
  )
  return true
}

function reignOf(row: Row): Reign {
  const reign = {
    cluster: clusterId(text(row, 'cluster')),
    epoch: epoch(number(row, 'epoch')),
    primary: serverId(text(row, 'primary_server')),
    state: oneOf(row, 'state', ['opening', 'open']),
    semiSync: decode<ReignSemiSync>(text(row, 'semi_sync')),
    openedAt: text(row, 'opened_at'),
    at: wallTime(number(row, 'at')),
  }
  return isNull(row, 'recovery') ? reign : { ...reign, recovery: recoveryId(text(row, 'recovery')) }
}
