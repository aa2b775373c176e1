import type { ClusterId } from '../model/ids.ts'
import type { Warrant } from './servers.ts'

export type Acquired =
  | { readonly kind: 'held'; readonly lease: HeldLease }
  /** Somebody else holds it: who, and how long it is still valid. */
  | { readonly kind: 'taken'; readonly by: string; readonly leftMs: number }

/**
 * One right to act per store, for a time to live (configured), renewed five times in that by the holder itself; counted from the moment the renewal was
 * *sent*, on the monotonic clock of this boot. A holder that slept finds `leftMs() <= 0` and must not send.
 */
export interface HeldLease extends AsyncDisposable {
  readonly token: number
  /** No packet that was sent under any lease of this store is executed later than this after its sending. */
  readonly ttlMs: number
  leftMs(): number
  warrant(cluster: ClusterId): Warrant
  /** Fires when the lease is lost: renewals failed, or another token stands in the store. */
  readonly lost: AbortSignal
}

export interface Leases {
  /** `who` is for people (verb, pid). Takes it at once where the holder's boot is gone or its process dead, else after its deadline. */
  acquire(who: string): Promise<Acquired>
  holder(): Promise<{ readonly by: string; readonly pid: number; readonly leftMs: number } | undefined>
}
