import type { BinlogState, Position } from '../gtid/mariadb-position.ts'
import type { GtidSet } from '../gtid/mysql-set.ts'

/** What a server has of its cluster's transactions, as far as its variables tell. */
export type History = MysqlHistory | MariadbHistory

export interface MysqlHistory {
  readonly kind: 'mysql'
  readonly executed: GtidSet
  /** Executed, and what its channels retrieved and have not applied yet. */
  readonly received: GtidSet
  readonly purged: GtidSet
}

export interface MariadbHistory {
  readonly kind: 'mariadb'
  /** `@@server_id`: which entries of the state are its own writes, and whose last write it can speak for. */
  readonly serverId: number
  readonly binlogState: BinlogState
  readonly slavePos: Position
  /** `Gtid_IO_Pos` of every channel. */
  readonly ioPos: readonly ReceivedPosition[]
  /** `@@log_slave_updates` with a binlog: its binlog also holds what it applied. */
  readonly logsReplicaUpdates: boolean
  /** `@@gtid_strict_mode`: it refuses to log a domain's transactions out of order. */
  readonly strict: boolean
}

/** `untracked`: a channel with `Using_Gtid: No`, whose relay log no GTID describes. */
export type ReceivedPosition = Position | 'untracked'

/** The first relative to the second: `behind` has less than the other. */
export type Relation = 'equal' | 'behind' | 'ahead' | 'diverged' | 'unprovable'

export type Answer = 'yes' | 'no' | 'unprovable'

/** What one history has and another lacks. */
export type Surplus =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'some'
      /** Printable; on MySQL the set itself, on MariaDB ranges such as `0-1-100..105`, or `0-1-..105` up to there. */
      readonly gtids: string
      readonly count: bigint
      /** On MariaDB often `about`: what the numbers suggest, exact only where one writer's own writes are missing. */
      readonly counted: 'exactly' | 'about'
    }
  | {
      readonly kind: 'unprovable'
      readonly because: string
      /** The GTIDs in doubt; empty where no GTID can be named. */
      readonly suspects: string
    }
