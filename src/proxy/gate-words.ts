/** What the gate hears, what it answers, and what it says of itself. */
import type { Address } from '../model/address.ts'
import type { ClusterId, Instant } from '../model/ids.ts'
import type { RouteMessage } from '../model/route.ts'

export type GateEvent =
  | { readonly kind: 'client_connected'; readonly client: number; readonly at: Instant }
  | { readonly kind: 'client_gone'; readonly client: number; readonly at: Instant }
  /** The server has said its first bytes on this attempt. */
  | { readonly kind: 'greeted'; readonly client: number; readonly attempt: number; readonly at: Instant }
  /** Refused, reset or closed before any byte came from the server. */
  | {
      readonly kind: 'backend_failed'
      readonly client: number
      readonly attempt: number
      readonly why: string
      readonly at: Instant
    }
  | { readonly kind: 'session_ended'; readonly client: number; readonly at: Instant }
  /** No byte of this client is let through to its server any more. */
  | { readonly kind: 'held'; readonly client: number; readonly at: Instant }
  | { readonly kind: 'close_session'; readonly client: number; readonly how: CloseHow; readonly at: Instant }
  | { readonly kind: 'close_all'; readonly at: Instant }
  | { readonly kind: 'tick'; readonly at: Instant }

/** `flushed`: what the server has said still reaches the client. */
export type CloseHow = 'at_once' | 'flushed'

export type GateEffect =
  | { readonly kind: 'connect'; readonly client: number; readonly attempt: number; readonly to: Address }
  /** Drop the attempt; its client goes on waiting. */
  | { readonly kind: 'abandon'; readonly client: number }
  | { readonly kind: 'pipe'; readonly client: number }
  /** What was held of the client's bytes goes on to its server. */
  | { readonly kind: 'release'; readonly client: number }
  /** Tell the client why, in its protocol, and close. */
  | { readonly kind: 'refuse'; readonly client: number; readonly says: string }
  | { readonly kind: 'close'; readonly client: number; readonly how: CloseHow }

export interface GateOptions {
  readonly cluster: ClusterId
  /** The cluster's name for people. */
  readonly alias: string
  /** Longest time that a client waits for its first byte, and that a session is held: a client must not hang for ever. */
  readonly boundMs: number
  /** The last message that an earlier process of this proxy accepted: for ordering only, never to serve from. */
  readonly remembered: RouteMessage | undefined
}

/** What connecting to the primary looks like from here: one more pair of eyes. */
export type LastConnect =
  | { readonly kind: 'never' }
  | { readonly kind: 'greeted'; readonly to: Address; readonly at: Instant }
  | { readonly kind: 'failed'; readonly to: Address; readonly why: string; readonly at: Instant }
