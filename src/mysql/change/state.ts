import type { Address } from '../../model/address.ts'
import type { Access, Applier, Receiver, ReplicationError } from '../../model/server.ts'

/** What changing needs to know of one channel: less than a status, so that it costs less to ask. */
export interface ChannelState {
  readonly source: Address
  readonly receiver: Receiver
  readonly applier: Applier
  readonly receiverError?: ReplicationError
  readonly applierError?: ReplicationError
  /**
   * The source has begun to send: it has named its binlog file. A receiver reads as running a moment before its source refuses to
   * send (error 1236). After a move that keeps the relay log the name may be left from the source before.
   */
  readonly dumpBegun: boolean
  /** Printed, comparable with what the same server printed before. */
  readonly received: string
  /** Printed. MySQL: of the whole server, MariaDB: `gtid_slave_pos`. */
  readonly applied: string
  /** All that was received is applied. False where the server cannot tell. */
  readonly caughtUp: boolean
  /** A transaction was begun by the receiver and is not complete: the applier may hold its rows and locks. */
  readonly halfReceived: boolean
  /** `gtid`: the one way that attaching sets. `other_gtid`: MariaDB's current_pos, which its own stray writes move. */
  readonly positioning: 'gtid' | 'other_gtid' | 'coordinates'
  /** Where the applier stands in the relay log: only where that is needed to keep it (MariaDB). */
  readonly relayLog?: RelayLogPosition
  readonly heartbeatMs: number
  readonly connectRetryMs: number
}

export interface RelayLogPosition {
  readonly file: string
  readonly position: number
}

/** Threads of one channel's applier, by the ids that KILL takes. */
export interface ApplierThreads {
  /** Reads the relay log and hands out work; without parallel workers the only one. Undefined: none was found. */
  readonly leader: number | undefined
  /** Workers that are executing an event now. */
  readonly busy: readonly number[]
}

/** One line of the process list. */
export interface Thread {
  readonly id: number
  readonly user: string
  /** host:port of the client as the server sees it; empty for the server's own threads. */
  readonly peer: string
  readonly kind: 'own' | 'dump' | 'client'
  readonly killed: boolean
  readonly idle: boolean
  /** `waits`: for a semi-sync acknowledgement, on behalf of all that are committed with it. `queued`: in a commit before or behind one. */
  readonly commit?: 'waits' | 'queued'
  /** The statement being run, empty when none. */
  readonly statement: string
}

/** What read_only and super_read_only say. `waiting`: some SET has begun and does not bind yet, writes still commit. */
export interface AccessState {
  readonly access: Access
  readonly says: string
}

/** By user name alone: from which of its hosts a session was let in is not always told. `everyone`: by a privilege of PUBLIC. */
export interface Bypassers {
  readonly users: ReadonlySet<string>
  readonly everyone: boolean
}

export interface SemiSyncState {
  readonly enabled: boolean
  /** 1 where the flavour has no such setting: one acknowledgement is always enough there. */
  readonly waitCount: number
}

/** What a server has, printed, for the question whether another has it too. */
export interface Holdings {
  /** All that it executed, as exactly as it can tell: what it can be shown to have. */
  readonly executed: string
  /** The same as a target that another server's applier can wait for. */
  readonly position: string
}
