import type { Address } from './address.ts'
import type { History } from './history.ts'
import type { ServerId } from './ids.ts'
import type { Version } from './version.ts'

/**
 * Who may write. `closing`: MySQL shows super_read_only=1 and read_only=0 while a waiting SET has not taken effect:
 * writes still commit, so it counts as writable. `closed_to_clients`: only privileged accounts still write
 * (MariaDB's read_only, MySQL's read_only without super_read_only).
 */
export type Access = 'writable' | 'closing' | 'closed_to_clients' | 'closed_to_all'

/** True while a commit of some account that is not privileged could still succeed. */
export const takesWrites = (access: Access): boolean => access === 'writable' || access === 'closing'

export interface ReplicationError {
  /** The server's own error number, 0 never appears here. */
  readonly code: number
  readonly message: string
}

export type Receiver = 'running' | 'connecting' | 'stopped'
export type Applier = 'running' | 'stopped'

/** One replication link, as the replica tells it. */
export interface Channel {
  /** '' is the default channel. */
  readonly name: string
  readonly source: Address
  /** server_id of the source as last heard by the receiver; 0 when it never connected. */
  readonly sourceNumericId: number
  readonly receiver: Receiver
  readonly applier: Applier
  readonly receiverError?: ReplicationError
  readonly applierError?: ReplicationError
  /** What this channel has received, printed: a change of it between two looks is a sign of life of the source. */
  readonly receivedText: string
  /** Heartbeats received since the receiver's start. Grows only while the binlog is idle. */
  readonly heartbeats: number
  readonly heartbeatPeriodMs: number
  readonly connectRetryMs: number
  /** Intended delay, ms. Not lag. */
  readonly delayMs: number
  /** As the server estimates it; absent when the server cannot tell (applier stopped, receiver not running). */
  readonly lagMs?: number
  /** A transaction was begun by the receiver and is not complete: the applier may hold its rows and locks. */
  readonly halfReceived: boolean
  readonly positioning: 'gtid' | 'coordinates'
  readonly filtered: boolean
}

/** The side that waits for acknowledgements. */
export interface SemiSyncSource {
  readonly enabled: boolean
  /** Enabled and not fallen back to asynchronous. */
  readonly operational: boolean
  readonly clients: number
  readonly waitCount: number
  readonly waitPoint: 'after_sync' | 'after_commit'
  readonly timeoutMs: number
  /** Goes on waiting when fewer replicas than `waitCount` are attached. */
  readonly waitsWithoutReplicas: boolean
}

export type SemiSync =
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'present'
      readonly source: SemiSyncSource
      readonly replicaEnabled: boolean
      readonly replicaOperational: boolean
    }

/** Who follows this server at this moment, from its list of registered replicas. */
export interface AttachedReplica {
  readonly numericId: number
  /** As the replica reports itself (report_host, report_port); absent when it does not. */
  readonly address?: Address
}

export interface BinlogSettings {
  readonly enabled: boolean
  readonly format: 'row' | 'mixed' | 'statement'
  readonly rowImage: string
  readonly logsReplicaUpdates: boolean
  /** sync_binlog: 1 is durable. */
  readonly sync: number
  /** innodb_flush_log_at_trx_commit: 1 is durable. */
  readonly flushAtCommit: number
  readonly gtid: 'on' | 'off'
  /** gtid_strict_mode on MariaDB; MySQL has no other than strict. */
  readonly strict: boolean
}

/** Everything one look learned of a server that answered. Slow-moving parts may be up to five seconds older. */
export interface ServerStatus {
  readonly id: ServerId
  readonly version: Version
  /** server_id: unique within a cluster, or replicas skip each other's events silently. */
  readonly numericId: number
  /** Names by which others may know it (report_host, hostname), beside the address we use. */
  readonly aliases: readonly Address[]
  readonly uptimeS: number
  readonly access: Access
  /** MySQL's offline_mode: it lives and replicates, and turns away every client that has no CONNECTION_ADMIN. Absent: off. */
  readonly offline?: true
  readonly history: History
  readonly channels: readonly Channel[]
  readonly semiSync: SemiSync
  readonly attached: readonly AttachedReplica[]
  readonly binlog: BinlogSettings
  readonly connections: { readonly used: number; readonly max: number }
  /** Where a second listener exists (admin_port, extra_port), its port. */
  readonly adminPort?: number
}
