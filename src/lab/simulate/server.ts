import type { Address } from '../../model/address.ts'
import { type ServerId, serverId } from '../../model/ids.ts'
import type { Access, Applier, Receiver, ReplicationError } from '../../model/server.ts'
import type { Flavour } from '../../model/version.ts'
import type { Transaction } from './transaction.ts'

/** A client's connection, as the server and the route on its way see it. */
export interface Session {
  readonly peer: string
  readonly server: string
  /** Absent: the client came directly. */
  readonly route?: string
  open: boolean
  /** A statement that has been sent and not answered. */
  busy: boolean
  /** Its route has looked at it, and its client has said nothing since. */
  watched?: boolean
  /** Its route lets nothing more of its client through; what the client has said meanwhile. */
  held?: (() => void)[]
}

export interface WaitingCommit {
  readonly transaction: Transaction
  readonly acknowledgedBy: Set<string>
  readonly answer: (kind: 'ok') => void
}

export interface ModelChannel {
  source: Address
  receiver: Receiver
  applier: Applier
  receiverError?: ReplicationError
  applierError?: ReplicationError
  /** Stops the applier at its next transaction, however often it is started, until somebody mends the data. */
  stumbles?: ReplicationError
  /** Received, not applied. */
  relay: Transaction[]
  heartbeats: number
  countedAt: number
  heartbeatMs: number
  connectRetryMs: number
  /** An attempt to connect is under way. */
  connecting: boolean
}

/** A changing packet that has reached a server and not run: it may wait there for as long as its guard lets it. */
export interface Packet {
  readonly token: number
  readonly guardUntil: number
  state: 'waiting' | 'ran' | 'ended'
  /** At the server that it has reached, wherever that is by then. */
  run(server: ModelServer): void
}

export interface Making {
  readonly name: string
  readonly numericId: number
  readonly flavour: Flavour
  readonly startsReadOnly: boolean
}

/** One modelled server: all that it would keep on disk, and all that it would lose with its process. */
export class ModelServer {
  readonly name: string
  readonly id: ServerId
  readonly numericId: number
  readonly flavour: Flavour
  /** Where it is; another server may have it later. */
  address: Address
  readonly startsReadOnly: boolean
  life: 'up' | 'frozen' | 'down' = 'up'
  startedAt = 0
  access: Access = 'closed_to_all'
  /** MariaDB: an account that read-only does not hold, and that comes back whenever it is cut. Whoever sets it writes for it. */
  bypasser: string | undefined
  /** In order, with those whose commit still waits for acknowledgements: they are on disk. */
  binlog: Transaction[] = []
  readonly #inBinlog = new Set<number>()
  /** MariaDB's `gtid_slave_pos`. */
  applied: Transaction | undefined
  channel: ModelChannel | undefined
  source = { enabled: false, waitCount: 1 }
  replicaSide = true
  waiting: WaitingCommit[] = []
  sessions: Session[] = []
  /** New writes are held by a closing that waits for running commits. */
  closing = false
  /** Clients that hold what a closing has to wait for: a table lock, a long statement. */
  locks = 0
  parked: (() => void)[] = []
  packets: Packet[] = []
  /** Tokens whose holders have a session for changes here. */
  readonly holders = new Set<number>()
  /** Sessions for changes of older tokens have been killed here. */
  killedBelow = 0
  pumping = false
  applying = false
  applyMs = 1

  constructor(making: Making) {
    this.name = making.name
    this.id = serverId(making.name)
    this.numericId = making.numericId
    this.flavour = making.flavour
    this.startsReadOnly = making.startsReadOnly
    this.address = { host: making.name, port: 3306 }
  }

  append(transaction: Transaction): void {
    this.binlog.push(transaction)
    this.#inBinlog.add(transaction.uid)
  }

  has(transaction: Transaction): boolean {
    return this.#inBinlog.has(transaction.uid)
  }

  received(transaction: Transaction): boolean {
    return this.has(transaction) || (this.channel?.relay.some((t) => t.uid === transaction.uid) ?? false)
  }

  /** MySQL counts a transaction as executed when its commit ends, MariaDB when it is in the binlog. */
  executed(): readonly Transaction[] {
    if (this.flavour === 'mariadb' || this.waiting.length === 0) return this.binlog
    return this.binlog.filter((t) => !this.waiting.some((w) => w.transaction.uid === t.uid))
  }

  nextTransaction(uid: number): Transaction {
    const mine = this.flavour === 'mysql' ? this.binlog.filter((t) => t.origin === this.numericId) : this.binlog
    const sequence = mine.reduce((highest, t) => Math.max(highest, t.sequence), 0) + 1
    return { uid, origin: this.numericId, sequence }
  }
}
