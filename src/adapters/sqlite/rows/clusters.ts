import { type ClusterId, clusterId, type ServerId, serverId, wallTime } from '../../../model/ids.ts'
import type { ServerStatus } from '../../../model/server.ts'
import type { ClusterRecord, ServerRecord, StoredReading } from '../../../ports/store.ts'
import type { Database } from '../database.ts'
import { decode, encode } from '../encoding.ts'
import { number, text } from '../row.ts'
import { READING_VERSION } from '../schema.ts'

/** Clusters by minted id, servers by their own identity with addresses as aliases, and the last good reading of each. */
export function clusterRows(db: Database, vantage: string) {
  return {
    clusters: (): readonly ClusterRecord[] =>
      db.all('SELECT * FROM clusters ORDER BY alias').map((row) => ({
        id: clusterId(text(row, 'id')),
        alias: text(row, 'alias'),
        createdAt: wallTime(number(row, 'created_at')),
      })),

    addCluster: (record: ClusterRecord): ClusterId => db.write(() => addCluster(db, record)),

    servers: (cluster: ClusterId): readonly ServerRecord[] =>
      db.all('SELECT * FROM addresses WHERE cluster = ? ORDER BY server, host, port', cluster).map((row) => ({
        id: serverId(text(row, 'server')),
        cluster,
        address: { host: text(row, 'host'), port: number(row, 'port') },
        seenAt: wallTime(number(row, 'seen_at')),
      })),

    rememberServer: (record: ServerRecord): void => db.write(() => rememberServer(db, record)),

    forgetServer: (input: { readonly cluster: ClusterId; readonly server: ServerId }): void =>
      db.write(() => {
        db.run('DELETE FROM servers WHERE cluster = ? AND id = ?', input.cluster, input.server)
        db.run('DELETE FROM readings WHERE cluster = ? AND server = ?', input.cluster, input.server)
      }),

    readings: (cluster: ClusterId): readonly StoredReading[] =>
      db
        .all('SELECT * FROM readings WHERE cluster = ? AND version <= ? ORDER BY server', cluster, READING_VERSION)
        .map((row) => ({
          server: serverId(text(row, 'server')),
          at: wallTime(number(row, 'at')),
          status: decode<ServerStatus>(text(row, 'body')),
        })),

    rememberReading: (input: { readonly cluster: ClusterId; readonly reading: StoredReading }): void =>
      db.write(() => {
        const { server, at, status } = input.reading
        db.run(
          `INSERT INTO readings (cluster, server, at, vantage, version, body) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET at = excluded.at, vantage = excluded.vantage, version = excluded.version, body = excluded.body`,
          ...[input.cluster, server, Math.round(at), vantage, READING_VERSION, encode(status)],
        )
      }),
  }
}

/** Idempotent by id; a cluster keeps its id when it is renamed. Of two that mint an id for one alias at once the first one's stands. */
function addCluster(db: Database, record: ClusterRecord): ClusterId {
  const known = db.get('SELECT id FROM clusters WHERE alias = ?', record.alias)
  if (known !== undefined && text(known, 'id') !== record.id) return clusterId(text(known, 'id'))
  db.run(
    'INSERT INTO clusters (id, alias, created_at) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET alias = excluded.alias',
    ...[record.id, record.alias, Math.round(record.createdAt)],
  )
  return record.id
}

function rememberServer(db: Database, { id, cluster, address, seenAt }: ServerRecord): void {
  const at = Math.round(seenAt)
  db.run('INSERT INTO servers (cluster, id, first_seen) VALUES (?, ?, ?) ON CONFLICT DO NOTHING', cluster, id, at)
  db.run(
    `INSERT INTO addresses (cluster, host, port, server, seen_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET server = excluded.server, seen_at = excluded.seen_at`,
    ...[cluster, address.host, address.port, id, at],
  )
}
