import type { Address } from './address.ts'
import type { Instant } from './ids.ts'
import type { ServerStatus } from './server.ts'

/** Why a server that is alive does not serve us. None of these is ever a death by itself. */
export type Denial =
  | 'too_many_connections'
  | 'access_denied'
  | 'host_blocked'
  | 'shutting_down'
  | 'starting_up'
  | 'other'

/**
 * What one look learned. `sentAt`: when its first byte left; `at`: when the outcome was known. Both monotonic.
 * Every outcome is a value: a look never throws.
 */
export type Look =
  | { readonly kind: 'answered'; readonly sentAt: Instant; readonly at: Instant; readonly status: ServerStatus }
  /** The kernel of that host refused a connection that was opened by this look. */
  | { readonly kind: 'refused'; readonly sentAt: Instant; readonly at: Instant; readonly code: string }
  /** A standing connection was closed by the peer; nothing new has been tried yet. */
  | { readonly kind: 'closed'; readonly sentAt: Instant; readonly at: Instant; readonly code: string }
  /** Alive, but it does not let us in. */
  | {
      readonly kind: 'denied'
      readonly sentAt: Instant
      readonly at: Instant
      readonly denial: Denial
      readonly errno: number
      readonly message: string
    }
  /** Nothing came back within the deadline, or the network says unreachable. */
  | { readonly kind: 'silent'; readonly sentAt: Instant; readonly at: Instant; readonly code: string }
  /** It answered, but what it said cannot be used (unknown flavour, missing privilege): for the operator. */
  | {
      readonly kind: 'unusable'
      readonly sentAt: Instant
      readonly at: Instant
      readonly problem: string
      readonly tryThis: string
    }

export type LookKind = Look['kind']

/** What a single new TCP connection met: the evidence for a refusal, apart from any login. */
export type Knock = {
  readonly address: Address
  readonly outcome: 'refused' | 'reset' | 'accepted' | 'silent'
  readonly at: Instant
}
