import type { Address } from '../../model/address.ts'
import { printAddress } from '../../model/address.ts'
import type { Account, TlsSettings } from '../../model/cluster.ts'
import { ProblemError, problem } from '../../model/problem.ts'
import { parseVersion } from '../../model/version.ts'
import { dialectFor } from '../../mysql/dialects/choose.ts'
import { connect } from '../../mysql/driver.ts'
import type { Reader } from '../../mysql/reader.ts'
import type { Session } from '../../mysql/session.ts'

/** Who logs in at a server, and how. The object of `tls` should be the same each time: its files are read once per object. */
export interface Login {
  readonly account: Account
  readonly tls: TlsSettings
}

/** A connection that is logged in, with its reader: what the reader remembers lives as long as the connection. */
export interface OpenLane {
  readonly session: Session
  readonly reader: Reader
}

export interface OpenOptions {
  readonly deadlineMs: number
  readonly signal: AbortSignal
  readonly onAccepted?: () => void
}

/** Rejects with a SessionError, or with a ProblemError where the server is none that Regent knows. */
export async function openLane(address: Address, login: Login, options: OpenOptions): Promise<OpenLane> {
  const session = await connect(address, {
    user: login.account.user,
    password: login.account.password,
    tls: login.tls,
    connectTimeoutMs: options.deadlineMs,
    multipleStatements: true,
    signal: options.signal,
    ...(options.onAccepted === undefined ? {} : { onAccepted: options.onAccepted }),
  })
  const version = parseVersion(session.serverVersion)
  const dialect = version === undefined ? undefined : dialectFor(version)
  if (dialect === undefined) {
    session.destroy()
    throw new ProblemError(
      problem('flavour_unknown', { server: printAddress(address), version: session.serverVersion }),
    )
  }
  return { session, reader: dialect.read.newReader() }
}
