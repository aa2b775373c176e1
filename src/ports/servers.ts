import type { Address } from '../model/address.ts'
import type { ClusterId, ServerId } from '../model/ids.ts'
import type { Knock, Look } from '../model/look.ts'
import type { Outcome } from '../model/outcome.ts'

/**
 * The right to change servers, as the lease's holder has it at this moment. Every changing packet carries a deadline on the
 * server's own clock, derived from `leftMs()`: what is left of the lease, less a margin; 0 or less: nothing may be sent.
 */
export interface Warrant {
  readonly cluster: ClusterId
  readonly token: number
  leftMs(): number
}

/** `live`: what moves. `full`: also what moves slowly. One round trip either way. */
export type Depth = 'live' | 'full'

export interface Watching {
  /**
   * One standing connection per address; at most two connections for observing whatever hangs. Never throws: every outcome is a
   * look, also the deadline (`silent`). After a timeout the connection is destroyed, not used again.
   */
  look(address: Address, depth: Depth, deadlineMs: number): Promise<Look>
  /** New TCP connections, in parallel, to each of these addresses, without login. */
  knock(addresses: readonly Address[], deadlineMs: number): Promise<readonly Knock[]>
  /** The peer closed the standing connection: news within milliseconds. Called with a look of kind `closed`. */
  onClosed(listener: (address: Address, look: Look) => void): Disposable
  /** Ends the standing connection and forgets the address. */
  forget(address: Address): void
}

/**
 * Which server is meant, and where it was last seen. The address only leads there: a restarted container, a moved name or a re-used
 * port may have given it to another server since. So every change proves on its own connection who answers, before anything is sent.
 */
export interface ServerAt extends Address {
  readonly id: ServerId
}

export interface Place {
  readonly address: ServerAt
  readonly channel: string
}

export interface AttachTo {
  readonly source: ServerAt
  /** Change host and port only: applier stays on, relay log is kept (MySQL). */
  readonly keepRelayLog: boolean
  readonly heartbeatMs: number
  readonly connectRetryMs: number
  /** Switch the replica side of semi-sync on before the channel starts, where the server has it. */
  readonly semiSyncReplica: boolean
}

/**
 * Changes, one guarded packet each, idempotent (look, then change), read back. Every promise resolves to an outcome; `signal`
 * carries the step's deadline: when it fires the outcome is `unknown`, unless it was killed and seen gone. Where another server than
 * the one that is meant answers at the address, nothing is changed there and the outcome is the failure `another_server`.
 */
export interface Changing {
  /**
   * Opens the standing session for changes of one server and keeps it open (a login costs a promotion more than its changes);
   * called as soon as the lease is held, and again after `release`. Needed by nobody: a change without it opens its own.
   */
  prepare(address: ServerAt, context: ChangeContext): Promise<Outcome>
  /** Ends every session for changes, and with them their locks: the lease is given up or lost. */
  release(): void
  /** A new leader's first act on a server: kill every holder of `regent.change.<n>` and see them gone. */
  takeOver(address: ServerAt, warrant: Warrant, signal: AbortSignal): Promise<Outcome>
  /** `reading`: the status read after the receiver was seen stopped. */
  seal(place: Place, options: { readonly killAfterMs: number }, context: ChangeContext): Promise<Outcome>
  startReceiver(place: Place, context: ChangeContext): Promise<Outcome>
  startApplier(place: Place, context: ChangeContext): Promise<Outcome>
  stopApplier(place: Place, options: { readonly rollBack: boolean }, context: ChangeContext): Promise<Outcome>
  /** Waits until applied = received on this channel (received as of the call). `reading`: the status afterwards. */
  awaitApplied(place: Place, context: ChangeContext): Promise<Outcome>
  /** Reads what `target` has executed, once, then waits until this server has applied all of it. */
  awaitReach(place: Place, target: ServerAt, context: ChangeContext): Promise<Outcome>
  attach(place: Place, to: AttachTo, context: ChangeContext): Promise<Outcome>
  resetChannel(place: Place, context: ChangeContext): Promise<Outcome>
  /** `facts.clients`: how many are counted when it resolves. Waits until at least `atLeast`. */
  awaitAckers(address: ServerAt, atLeast: number, context: ChangeContext): Promise<Outcome>
  semiSyncSource(
    address: ServerAt,
    to: { readonly enabled: boolean; readonly waitCount: number },
    context: ChangeContext,
  ): Promise<Outcome>
  /** `facts.cut`, `facts.left`. Dump threads, our own sessions and those of `except` stay. */
  cutClients(address: ServerAt, except: readonly string[], context: ChangeContext): Promise<Outcome>
  /**
   * Client sessions of accounts that write in spite of read-only, and no others; nothing where closing holds every account. Where some
   * were found, or the server is closed already, also watches for a moment that they stay away: `privileged_clients` names those that
   * come back by themselves and write.
   */
  cutPrivileged(address: ServerAt, context: ChangeContext): Promise<Outcome>
  close(address: ServerAt, options: { readonly lockWaitS: number }, context: ChangeContext): Promise<Outcome>
  open(address: ServerAt, context: ChangeContext): Promise<Outcome>
  /** Threads of client sessions that the server shows idle (`Sleep`), by the client's host:port as the server sees it. */
  idleSessions(
    address: ServerAt,
    signal: AbortSignal,
  ): Promise<readonly { readonly peer: string; readonly idle: boolean }[]>
}

export interface ChangeContext {
  readonly warrant: Warrant
  readonly signal: AbortSignal
}

export interface Servers extends Watching, Changing {
  /** Ends every connection. */
  end(): Promise<void>
}
