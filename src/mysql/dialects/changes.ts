import type { Address } from '../../model/address.ts'
import type { Account, TlsSettings } from '../../model/cluster.ts'
import type { Flavour, Version } from '../../model/version.ts'
import type { Question } from '../change/question.ts'
import type {
  AccessState,
  ApplierThreads,
  Bypassers,
  ChannelState,
  Holdings,
  SemiSyncState,
  Thread,
} from '../change/state.ts'

/** Where a channel shall lead. Every CHANGE names the heartbeat period: one that names a host without it sets it back. */
export interface Destination {
  readonly source: Address
  readonly heartbeatMs: number
  readonly connectRetryMs: number
}

/** A channel in full: password and TLS come from the configuration, they cannot be read back from a server. */
export interface Following extends Destination {
  readonly account: Account
  readonly tls: TlsSettings
  readonly version: Version
  /**
   * The channel exists, and its login works: user, password and TLS stay as they are. A wrong password in the configuration must not
   * break a link that runs.
   */
  readonly keepLogin: boolean
  /** What this server wrote as a primary, to be taken as already replicated. Absent where it wrote nothing. */
  readonly demote?: Demotion
}

export interface Demotion {
  /** The position that covers both what it replicated and what it wrote. */
  readonly position: string
}

/** What one flavour says to change a server, and how it answers. Statements only: order and safety are the callers'. */
export interface ChangeSide {
  readonly flavour: Flavour
  /** Errors by which the server says that there is no such channel. */
  readonly noChannel: readonly number[]
  /** Can the receiver be started while the applier is stopped, without the loss of relay log. */
  readonly startsReceiverAlone: boolean
  /** Plain STOP ends a half-received transaction quickly; else the applier's threads are to be killed. */
  readonly stopRollsBack: boolean

  readonly stopReceiver: (channel: string) => string
  readonly startReceiver: (channel: string) => string
  readonly stopApplier: (channel: string) => string
  readonly startApplier: (channel: string) => string
  readonly stopBoth: (channel: string) => string
  readonly startBoth: (channel: string) => string
  readonly reset: (channel: string) => string
  /** Only where it leads: applier on, relay log kept. Undefined: this flavour has no such thing. */
  readonly move: ((channel: string, to: Destination) => string) | undefined
  /**
   * Starts an applier whose receiver is stopped too without the loss of received relay log. Undefined: a plain start
   * keeps it.
   */
  readonly startKeepingRelayLog: ((channel: string, state: ChannelState) => readonly string[]) | undefined
  readonly follow: (channel: string, to: Following) => readonly string[]
  readonly kill: (thread: number) => string
  /** Ends what the thread executes, not the thread. */
  readonly interrupt: (thread: number) => string

  readonly open: readonly string[]
  readonly close: (lockWaitS: number) => readonly string[]
  readonly semiSyncSource: (enabled: boolean, waitCount: number) => readonly string[]
  readonly semiSyncReplicaOn: string

  readonly channel: (name: string) => Question<ChannelState | undefined>
  /** Names of all channels. */
  readonly channels: Question<readonly string[]>
  readonly receiverThreads: (channel: string) => Question<readonly number[]>
  readonly applierThreads: (channel: string) => Question<ApplierThreads>
  readonly threads: Question<readonly Thread[]>
  readonly access: Question<AccessState>
  /** Accounts whose sessions write in spite of read-only. Undefined: a closed server holds them all. */
  readonly bypassers: Question<Bypassers> | undefined
  readonly semiSync: Question<SemiSyncState>
  readonly semiSyncClients: Question<number>
  readonly holdings: Question<Holdings>
  /** What a new channel must take as replicated; undefined: nothing. */
  readonly demotion: Question<Demotion | undefined>
  /** Waits on the server, at most `waitMs`, until `target` is applied. */
  readonly waitApplied: (target: string, waitMs: number) => Question<boolean>
  /** Whether what `holdings` hands on contains `part` (printed); false where that cannot be proven. */
  readonly handsOn: (holdings: Holdings, part: string) => boolean
  /** Of `target` what is numbered by those who also number something of `own`: without another cluster's transactions. */
  readonly inCommon: (target: string, own: string) => string
  /** Whether `applied` of one server reaches the `position` of another's holdings. */
  readonly reached: (applied: string, target: string) => boolean
}
