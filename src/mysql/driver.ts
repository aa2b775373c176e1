/**
 * The one file that knows the driver. It promises what the driver does not: that every wait has a deadline, and that
 * nothing is ever asked of a connection whose last answer is still outstanding (the driver's own timeout leaves the
 * connection in its hands, and the next query then hangs for ever).
 */
import { connect as openSocket, type Socket } from 'node:net'
import { createConnection } from 'mysql2'
import type { Address } from '../model/address.ts'
import type { TlsSettings } from '../model/cluster.ts'
import { DEADLINE, type Failure, failureOfConnect, failureOfQuery, SessionError } from './errors.ts'
import type { QueryOptions, ResultSets, Rows, Session } from './session.ts'
import { sslOf } from './tls.ts'

export interface ConnectOptions {
  readonly user: string
  readonly password: string
  readonly tls: TlsSettings
  /** From the first packet until the login is accepted. */
  readonly connectTimeoutMs: number
  /** Lets one packet carry several statements. Only for texts into which no value was spliced by hand. */
  readonly multipleStatements: boolean
  readonly signal?: AbortSignal
  /** The peer's kernel accepted the connection; the login is still to come. */
  readonly onAccepted?: () => void
}

/** Within this a living server has closed its side; a frozen one must not keep the socket. */
const FAREWELL_MS = 100

type Connection = ReturnType<typeof createConnection>

/** Opens and logs in, or rejects with a {@link SessionError}; then nothing is left open. */
export async function connect(target: Address, options: ConnectOptions): Promise<Session> {
  const ssl = await sslOf(options.tls)
  const socket = openSocket({ host: target.host, port: target.port, noDelay: true })
  if (options.onAccepted !== undefined) socket.once('connect', options.onAccepted)
  const connection = createConnection({
    stream: () => socket,
    host: target.host,
    port: target.port,
    user: options.user,
    password: options.password,
    multipleStatements: options.multipleStatements,
    // Ours counts, because it destroys the socket instead of closing it politely.
    connectTimeout: 0,
    connectAttributes: { program_name: 'regent' },
    ...(ssl === undefined ? {} : { ssl }),
  })
  try {
    await loggedIn(connection, options)
  } catch (error) {
    connection.on('error', ignore)
    socket.destroy()
    throw error instanceof SessionError ? error : new SessionError(failureOfConnect(error), error)
  }
  return new DriverSession(connection, socket)
}

function ignore(): void {}

function loggedIn(connection: Connection, options: ConnectOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const wait = startWait(options.connectTimeoutMs, options.signal, (failure) => reject(new SessionError(failure)))
    connection.connect((error) => {
      wait.end()
      if (error) reject(error)
      else resolve()
    })
  })
}

/** Calls `fail` once, when the time is over or the signal fires, unless it was ended before. */
function startWait(ms: number, signal: AbortSignal | undefined, fail: (failure: Failure) => void): { end(): void } {
  const end = (): void => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
  const abort = (): void => {
    end()
    fail({ kind: 'aborted', reason: String(signal?.reason) })
  }
  const timer = setTimeout(
    () => {
      end()
      fail({ kind: 'silent', code: DEADLINE })
    },
    Math.max(0, ms),
  )
  if (signal?.aborted) abort()
  else signal?.addEventListener('abort', abort, { once: true })
  return { end }
}

class DriverSession implements Session {
  readonly threadId: number
  readonly serverVersion: string
  readonly #connection: Connection
  readonly #socket: Socket
  #ended: SessionError | undefined
  #busy = false
  #listeners: ((error: SessionError) => void)[] = []

  constructor(connection: Connection, socket: Socket) {
    this.#connection = connection
    this.#socket = socket
    this.threadId = connection.threadId
    this.serverVersion = greetedVersion(connection)
    connection.on('error', (error: unknown) => this.#lost(failureOfQuery(error, 0), error))
    // The end of the stream, not `close`, which follows only after our own side has been flushed.
    connection.on('end', () => this.#lost({ kind: 'closed', code: 'EOF' }))
    socket.on('close', () => this.#lost({ kind: 'closed', code: 'EOF' }))
  }

  get usable(): boolean {
    return this.#ended === undefined && !this.#busy
  }

  async query(sql: string, options: QueryOptions): Promise<ResultSets> {
    if (this.#ended !== undefined) throw this.#ended
    if (this.#busy) throw new SessionError({ kind: 'broken', message: 'this session is still busy with another query' })
    this.#busy = true
    try {
      return await this.#send(sql, options)
    } catch (error) {
      const failed = error instanceof SessionError ? error : new SessionError(failureOfQuery(error, 0), error)
      // A wait that we gave up is no news of the peer: nobody but the asker hears of it.
      if (failed.failure.kind === 'silent' || failed.failure.kind === 'aborted') this.#listeners = []
      if (failed.failure.kind !== 'statement') this.#end(failed)
      throw failed
    } finally {
      this.#busy = false
    }
  }

  #send(sql: string, options: QueryOptions): Promise<ResultSets> {
    return new Promise((resolve, reject) => {
      const wait = startWait(options.deadlineMs, options.signal, (failure) => reject(new SessionError(failure)))
      const sent = this.#connection.query({ sql, typeCast: asPrinted }, (error, rows, fields) => {
        wait.end()
        if (error === null) resolve(resultSets(rows, fields))
        else reject(new SessionError(failureOfQuery(error, statementOf(sent)), error))
      })
    })
  }

  onClose(listener: (error: SessionError) => void): void {
    if (this.#ended !== undefined) listener(this.#ended)
    else this.#listeners.push(listener)
  }

  destroy(): void {
    this.#listeners = []
    // A word of farewell costs nothing where nothing is outstanding, and spares the server's log an aborted connection.
    if (this.usable) {
      this.#ended = new SessionError({ kind: 'closed', code: 'DESTROYED' })
      this.#connection.end(ignore)
      this.#connection.once('end', () => this.#socket.destroy())
      setTimeout(() => this.#socket.destroy(), FAREWELL_MS).unref()
      return
    }
    this.#end(new SessionError({ kind: 'closed', code: 'DESTROYED' }))
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.destroy()
    return Promise.resolve()
  }

  #lost(failure: Failure, cause?: unknown): void {
    this.#end(
      new SessionError(failure.kind === 'statement' ? { kind: 'broken', message: failure.message } : failure, cause),
    )
  }

  #end(error: SessionError): void {
    if (this.#ended !== undefined) return
    this.#ended = error
    this.#socket.destroy()
    const listeners = this.#listeners
    this.#listeners = []
    for (const listener of listeners) listener(error)
  }
}

/** By the text protocol every value already is text; UTF-8 also where the server calls it binary. */
function asPrinted(field: { string(encoding: string): string | null }): string | null {
  return field.string('utf8')
}

/** The driver hands one answer as its rows and several as a list of them; `fields` tells the two apart. */
function resultSets(rows: unknown, fields: unknown): ResultSets {
  if (!Array.isArray(rows)) return [[]]
  const several = Array.isArray(fields) && fields.some((each) => each === undefined || Array.isArray(each))
  if (!several) return [rows]
  return rows.map((set: unknown): Rows => (Array.isArray(set) ? set : []))
}

/** The driver counts the result sets that were complete: the failing statement is the next one. */
function statementOf(sent: object): number {
  const index: unknown = Reflect.get(sent, '_resultIndex')
  return typeof index === 'number' ? index : 0
}

function greetedVersion(connection: Connection): string {
  const greeting: unknown = Reflect.get(connection, '_handshakePacket')
  const version: unknown =
    typeof greeting === 'object' && greeting !== null ? Reflect.get(greeting, 'serverVersion') : ''
  return typeof version === 'string' ? version : ''
}
