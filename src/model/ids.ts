declare const brand: unique symbol
type Brand<T, Name extends string> = T & { readonly [brand]: Name }

/** Minted once per cluster; survives every change of primary, so history, policy and downtime stay with the cluster. */
export type ClusterId = Brand<string, 'ClusterId'>
/** MySQL: `server_uuid`. MariaDB, which has none: a digest of hostname, port, datadir and server_id. Addresses are only aliases of it. */
export type ServerId = Brand<string, 'ServerId'>
export type RecoveryId = Brand<string, 'RecoveryId'>
/** Number of a reign. Grows by minting only, is never used twice. */
export type Epoch = Brand<number, 'Epoch'>
/** Monotonic milliseconds of this process: for decisions. Never stored, never compared between processes. */
export type Instant = Brand<number, 'Instant'>
/** Unix milliseconds: for people and records only, never for deadlines (clocks jump). */
export type WallTime = Brand<number, 'WallTime'>
/** Whose eyes saw it: the name of one observing Regent. */
export type Vantage = Brand<string, 'Vantage'>

export const clusterId = (text: string): ClusterId => text as ClusterId
export const serverId = (text: string): ServerId => text as ServerId
export const recoveryId = (text: string): RecoveryId => text as RecoveryId
export const epoch = (number: number): Epoch => number as Epoch
export const instant = (ms: number): Instant => ms as Instant
export const wallTime = (ms: number): WallTime => ms as WallTime
export const vantage = (text: string): Vantage => text as Vantage

/** Milliseconds from `earlier` to `later`. */
export const elapsedMs = (earlier: Instant, later: Instant): number => later - earlier
export const later = (from: Instant, ms: number): Instant => instant(from + ms)
