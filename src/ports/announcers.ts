import type { RouteMessage } from '../model/route.ts'

/** How many client sessions a route still carries. A program that was not asked to count them leaves it `unknown`: never taken for 0. */
export type SessionsOpen = number | 'unknown'

export type Confirmation =
  /** Read back: it believes exactly what it was told. */
  | { readonly kind: 'confirmed'; readonly readBack: RouteMessage; readonly sessionsOpen: SessionsOpen }
  /** It took the message, but cannot be read back: no proof. */
  | { readonly kind: 'unproven'; readonly why: string }
  | { readonly kind: 'refused'; readonly why: string; readonly has?: RouteMessage }
  /** No answer within the deadline: its route counts as not withdrawn. */
  | { readonly kind: 'unreachable'; readonly why: string }

export type RouteReading =
  | { readonly kind: 'known'; readonly message: RouteMessage; readonly sessionsOpen: SessionsOpen }
  /** It answers and leads clients nowhere, because nobody has told it a route since it started. `refusesBelow`: what it still remembers. */
  | { readonly kind: 'empty'; readonly refusesBelow?: RouteMessage }
  | { readonly kind: 'unknown'; readonly why: string }

export interface SessionsClosed {
  readonly closed: number
  readonly remaining: number
}

/** One registered route: a way clients reach the primary. Every signal carries the deadline; no method throws. */
export interface Announcer {
  /** Unique in the configuration of its cluster. */
  readonly name: string
  /** Can hold new connections, list sessions and close them. */
  readonly can: { readonly hold: boolean }
  withdraw(message: RouteMessage, signal: AbortSignal): Promise<Confirmation>
  announce(message: RouteMessage, signal: AbortSignal): Promise<Confirmation>
  read(signal: AbortSignal): Promise<RouteReading>
  /** All sessions, at once. Where nobody answers: nothing closed, and at least one remaining. */
  closeSessions?(how: 'at_once', signal: AbortSignal): Promise<SessionsClosed>
  /**
   * Client bytes of every open session are held back from now on, until the session is closed, the old primary is announced again,
   * or the route's own bound passes. Called before the look whose idle peers are handed to `closeIdle`; without it, and without
   * `watch`, the first `closeIdle` only holds, and the second one closes.
   */
  hold?(signal: AbortSignal): Promise<{ readonly held: number }>
  /** As `hold`, but nobody is held: `closeIdle` leaves sessions alone whose client has said something in between. */
  watch?(signal: AbortSignal): Promise<{ readonly watched: number }>
  /**
   * Closes those sessions to the old primary that the server shows idle (`idlePeers`: host:port of the session's own end, as the
   * server sees it, looked at after the session was held or watched) and on which the last bytes came from the server. The remaining
   * ones are held: they get the rest of the answer under way, and their server hears nothing more of them.
   */
  closeIdle?(idlePeers: readonly string[], signal: AbortSignal): Promise<SessionsClosed>
}
