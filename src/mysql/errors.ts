/**
 * What an error of a connection says about the server behind it. Only `refused` is a word of that host's kernel and only
 * `silent` is silence; a server that answers with any error of its own is alive, however useless it is to us.
 */
import type { Denial } from '../model/look.ts'

export type Failure =
  /** A new connection met a port where nobody listens. */
  | { readonly kind: 'refused'; readonly code: string }
  /** The peer ended the connection, or ended us: reset, end of stream, KILL. */
  | { readonly kind: 'closed'; readonly code: string }
  /** Nothing came back in time, or the network says that nothing can. */
  | { readonly kind: 'silent'; readonly code: string }
  /** The server answered, and does not let us in (any more). */
  | { readonly kind: 'denied'; readonly denial: Denial; readonly errno: number; readonly message: string }
  /** One statement failed; the session stays usable. `statement`: which one of its packet, from 0. */
  | { readonly kind: 'statement'; readonly errno: number; readonly message: string; readonly statement: number }
  /** The caller's signal fired. What was sent may still take effect. */
  | { readonly kind: 'aborted'; readonly reason: string }
  /** What came back is not the protocol, or our own settings cannot be used. */
  | { readonly kind: 'broken'; readonly message: string }

/** Thrown by sessions. `failure` says what is known; `cause` keeps the driver's error. */
export class SessionError extends Error {
  readonly failure: Failure
  constructor(failure: Failure, cause?: unknown) {
    super(printFailure(failure), { cause })
    this.name = 'SessionError'
    this.failure = failure
  }
}

export function printFailure(failure: Failure): string {
  switch (failure.kind) {
    case 'refused':
    case 'closed':
    case 'silent':
      return `${failure.kind} (${failure.code})`
    case 'denied':
    case 'statement':
      return `error ${failure.errno}: ${failure.message}`
    case 'aborted':
      return failure.reason
    case 'broken':
      return failure.message
  }
}

/** Our own deadline's code, beside those of the operating system. */
export const DEADLINE = 'DEADLINE'

const KINDS_OF_CODES: ReadonlyMap<string, 'refused' | 'closed' | 'silent'> = new Map([
  ['ECONNREFUSED', 'refused'],
  ['ECONNRESET', 'closed'],
  ['ECONNABORTED', 'closed'],
  ['EPIPE', 'closed'],
  ['PROTOCOL_CONNECTION_LOST', 'closed'],
  ['ETIMEDOUT', 'silent'],
  ['EHOSTUNREACH', 'silent'],
  ['EHOSTDOWN', 'silent'],
  ['ENETUNREACH', 'silent'],
  ['ENETDOWN', 'silent'],
  ['EADDRNOTAVAIL', 'silent'],
  // A name that cannot be resolved says nothing about the server that once bore it.
  ['ENOTFOUND', 'silent'],
  ['EAI_AGAIN', 'silent'],
  [DEADLINE, 'silent'],
])

/** Client-side failures before login have no server errno; these are the client library's own numbers for them. */
const CLIENT_ERRNO: ReadonlyMap<string, number> = new Map([
  ['HANDSHAKE_NO_SSL_SUPPORT', 2026],
  ['HANDSHAKE_SSL_ERROR', 2026],
  ['AUTH_SWITCH_PLUGIN_ERROR', 2059],
])

/** Errors with which a living server turns a client away. Those of MHA's list of "alive" errors are among them. */
const DENIALS: ReadonlyMap<number, Denial> = new Map<number, Denial>([
  [1040, 'too_many_connections'],
  [1203, 'too_many_connections'],
  [1226, 'too_many_connections'],
  [1135, 'too_many_connections'],
  [1044, 'access_denied'],
  [1045, 'access_denied'],
  [1251, 'access_denied'],
  [1275, 'access_denied'],
  [1524, 'access_denied'],
  [1698, 'access_denied'],
  [1820, 'access_denied'],
  [1862, 'access_denied'],
  [3032, 'other'],
  [3118, 'access_denied'],
  [3955, 'access_denied'],
  [4151, 'access_denied'],
  [1042, 'host_blocked'],
  [1129, 'host_blocked'],
  [1130, 'host_blocked'],
  [1053, 'shutting_down'],
  [1079, 'shutting_down'],
  [3168, 'starting_up'],
])

/** KILL, and the server's idle timeout: the session is gone, which says nothing about the server. */
const SESSION_GONE = new Set([1927, 3169, 4031])

/** After these the server ends the session, also when they answer a statement. 3032: it was put into offline mode. */
const ENDS_SESSION = new Set([1053, 1079, 3032])

interface Known {
  readonly code: string
  readonly errno: number
  readonly message: string
}

/** While connecting and logging in: every error of the server is a denial. */
export function failureOfConnect(error: unknown): Failure {
  const known = knownOf(error)
  const ofNetwork = KINDS_OF_CODES.get(known.code)
  if (ofNetwork !== undefined) return { kind: ofNetwork, code: known.code }
  const errno = CLIENT_ERRNO.get(known.code) ?? known.errno
  if (errno > 0) return { kind: 'denied', denial: DENIALS.get(errno) ?? 'other', errno, message: known.message }
  return { kind: 'broken', message: known.message }
}

/** In a session that is logged in. `statement`: the one that was being answered. */
export function failureOfQuery(error: unknown, statement: number): Failure {
  const { code, errno, message } = knownOf(error)
  const ofNetwork = KINDS_OF_CODES.get(code)
  // A refusal can only meet a new connection; on a standing one the word would be false evidence.
  if (ofNetwork !== undefined) return { kind: ofNetwork === 'refused' ? 'closed' : ofNetwork, code }
  if (SESSION_GONE.has(errno)) return { kind: 'closed', code: code === '' ? `${errno}` : code }
  if (ENDS_SESSION.has(errno)) return { kind: 'denied', denial: DENIALS.get(errno) ?? 'other', errno, message }
  if (errno > 0) return { kind: 'statement', errno, message, statement }
  return { kind: 'broken', message }
}

function knownOf(error: unknown): Known {
  if (!(error instanceof Error)) return { code: '', errno: 0, message: String(error) }
  // Several addresses of one name were tried: each has its own error, the first is as good as any.
  if (error instanceof AggregateError && error.errors.length > 0) return knownOf(error.errors[0])
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  // The operating system's errnos are negative here; the server's are positive.
  const errno = 'errno' in error && typeof error.errno === 'number' ? error.errno : 0
  return { code, errno, message: error.message }
}
