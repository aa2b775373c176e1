import { type Address, printAddress } from '../../model/address.ts'
import type { Account, TlsSettings } from '../../model/cluster.ts'
import { failed, type Outcome } from '../../model/outcome.ts'
import { problem } from '../../model/problem.ts'
import { connect } from '../../mysql/driver.ts'
import { type Failure, printFailure, SessionError } from '../../mysql/errors.ts'
import type { ResultSets, Session } from '../../mysql/session.ts'

/** What one packet was answered. */
export type Said =
  | { readonly kind: 'answered'; readonly sets: ResultSets }
  /** The server's own error; what stood before it in the packet has run. */
  | { readonly kind: 'refused'; readonly code: number; readonly says: string }
  /** No answer: the signal fired or the connection ended. The connection cannot be used again. */
  | { readonly kind: 'cut'; readonly says: string }

/** A connection that carries several statements in one packet. */
export interface Wire {
  readonly threadId: number
  say(sql: string, signal: AbortSignal): Promise<Said>
  destroy(): void
  /** The peer closed it, or it broke. */
  onClose(listener: () => void): void
}

export type Connected =
  | { readonly kind: 'connected'; readonly wire: Wire }
  | { readonly kind: 'failed'; readonly outcome: Outcome }

export type Connect = (address: Address, signal: AbortSignal) => Promise<Connected>

/** Every wait of a change ends by its step's signal; this bound is only there because the session demands one. */
const LONGEST_MS = 3_600_000
const LOGIN_WITHIN_MS = 5000

export interface Login {
  readonly account: Account
  readonly tls: TlsSettings
}

export function connectAs(login: Login): Connect {
  return async (address, signal) => {
    try {
      const session = await connect(address, {
        user: login.account.user,
        password: login.account.password,
        tls: login.tls,
        connectTimeoutMs: LOGIN_WITHIN_MS,
        multipleStatements: true,
        signal,
      })
      return { kind: 'connected', wire: wireOf(session) }
    } catch (error) {
      if (!(error instanceof SessionError)) throw error
      return { kind: 'failed', outcome: notConnected(address, login.account.user, error.failure) }
    }
  }
}

function wireOf(session: Session): Wire {
  return {
    threadId: session.threadId,
    say: (sql, signal) => say(session, sql, signal),
    destroy: () => session.destroy(),
    onClose: (listener) => session.onClose(() => listener()),
  }
}

async function say(session: Session, sql: string, signal: AbortSignal): Promise<Said> {
  try {
    return { kind: 'answered', sets: await session.query(sql, { deadlineMs: LONGEST_MS, signal }) }
  } catch (error) {
    if (!(error instanceof SessionError)) throw error
    const { failure } = error
    if (failure.kind === 'statement') return { kind: 'refused', code: failure.errno, says: failure.message }
    return { kind: 'cut', says: printFailure(failure) }
  }
}

function notConnected(address: Address, user: string, failure: Failure): Outcome {
  const server = printAddress(address)
  const denied = failure.kind === 'denied' && failure.denial === 'access_denied'
  const known = denied
    ? problem('access_denied', { server, user, why: failure.message })
    : problem('unreachable', { server, user, host: address.host, port: address.port, why: printFailure(failure) })
  return failed(known.code, known.says, known.tryThis)
}
