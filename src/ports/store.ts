import type { Address } from '../model/address.ts'
import type { ClusterId, Epoch, ServerId, WallTime } from '../model/ids.ts'
import type { Reign } from '../model/reign.ts'
import type { ServerStatus } from '../model/server.ts'

export interface ClusterRecord {
  readonly id: ClusterId
  readonly alias: string
  readonly createdAt: WallTime
}

/** Known addresses of a server. Addresses are aliases of an identity, never the identity. */
export interface ServerRecord {
  readonly id: ServerId
  readonly cluster: ClusterId
  readonly address: Address
  readonly seenAt: WallTime
}

/** A primary's last good reading, so that another process can say who may hold an acknowledgement. */
export interface StoredReading {
  readonly server: ServerId
  readonly at: WallTime
  readonly status: ServerStatus
}

/** Operator's standing orders on a cluster or one server of it; always with a reason and an end. */
export interface Order {
  readonly kind: 'pause' | 'downtime' | 'unfence' | 'prefer'
  readonly cluster: ClusterId
  readonly server?: ServerId
  readonly reason: string
  readonly by: string
  readonly from: WallTime
  readonly until: WallTime
}

export interface EvidenceRecord {
  readonly id: number
  readonly cluster: ClusterId
  readonly at: WallTime
  readonly verdict: string
  /** JSON of the facts, the readings and the row. */
  readonly body: string
}

export interface Store {
  clusters(): Promise<readonly ClusterRecord[]>
  /** The id that the alias then belongs to: two who mint one for the same alias at once agree on the first one's. */
  addCluster(record: ClusterRecord): Promise<ClusterId>
  reign(cluster: ClusterId): Promise<Reign | undefined>
  reigns(cluster: ClusterId): Promise<readonly Reign[]>
  /** Refused (false) unless its epoch is higher than every one the store has seen for this cluster. Guarded by the lease's token. */
  recordReign(reign: Reign, token: number): Promise<boolean>
  /** `opening` becomes `open`. */
  crown(cluster: ClusterId, epoch: Epoch, token: number): Promise<void>
  servers(cluster: ClusterId): Promise<readonly ServerRecord[]>
  rememberServer(record: ServerRecord): Promise<void>
  forgetServer(cluster: ClusterId, server: ServerId): Promise<void>
  readings(cluster: ClusterId): Promise<readonly StoredReading[]>
  rememberReading(cluster: ClusterId, reading: StoredReading): Promise<void>
  /** Mints the next route number of this epoch, under the lease. */
  nextRouteNumber(cluster: ClusterId, epoch: Epoch, token: number): Promise<number>
  orders(cluster: ClusterId, at: WallTime): Promise<readonly Order[]>
  giveOrder(order: Order): Promise<void>
  withdrawOrder(cluster: ClusterId, kind: Order['kind'], server: ServerId | undefined, at: WallTime): Promise<number>
  addEvidence(record: Omit<EvidenceRecord, 'id'>): Promise<void>
  evidence(cluster: ClusterId, limit: number): Promise<readonly EvidenceRecord[]>
  end(): Promise<void>
}
