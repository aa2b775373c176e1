import { elapsedMs, type Instant } from '../model/ids.ts'

/** What the proxy saw pass on one session, and since when no client byte was let through. */
export interface Traffic {
  readonly lastFrom: 'client' | 'server' | 'none'
  readonly lastAt: Instant
  /** It was held then, or watched then and the client has said nothing since. */
  readonly silentSince: Instant | undefined
  /** Bytes of either side that the proxy has read and that its kernel has not taken yet: a slow client's answer is not over. */
  readonly unsent: number
}

/**
 * A client may send statements without waiting for answers. Between two of them the server's thread shows Sleep for microseconds,
 * with the next one already in its socket buffer: an answer counts as the last one only when nothing followed for this long.
 */
const SETTLED_MS = 3
/** Some packets have no answer (COM_STMT_CLOSE, COM_STMT_SEND_LONG_DATA): a server that still sleeps after this has taken them. */
const NO_ANSWER_MS = 100

/**
 * A client that said something so lately is about to say more: closed now, its next statement might cross our closing on the way and
 * never know whether it was executed. Where it can be told, it is told in answer to that statement instead.
 */
const LATELY_MS = 500

export const spokeLately = (traffic: Traffic, at: Instant): boolean => elapsedMs(traffic.lastAt, at) < LATELY_MS

/**
 * Whether a session that the server showed asleep, *in a look taken after it fell silent*, can be closed without a forwarded statement
 * going without its answer. The server's word alone is not enough: forwarded bytes may still lie in its socket buffer.
 */
export function betweenStatements(traffic: Traffic, at: Instant): boolean {
  if (traffic.silentSince === undefined || traffic.unsent > 0) return false
  const quietMs = elapsedMs(traffic.lastAt, at)
  switch (traffic.lastFrom) {
    case 'server':
      return quietMs >= SETTLED_MS
    case 'client':
      return quietMs >= NO_ANSWER_MS
    case 'none':
      return false
  }
}
