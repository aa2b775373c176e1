import { connect, type Socket } from 'node:net'
import type { Address } from '../model/address.ts'
import type { Instant } from '../model/ids.ts'
import { closeSoon, endWithin, FLUSH_MS, flushAndClose } from './farewell.ts'
import type { CloseHow } from './gate.ts'
import type { Traffic } from './idle.ts'
import { errorAnswer, errorGreeting } from './refusal.ts'
import { Hello, Statements } from './speech.ts'

/** What a pair reports. Nothing is reported of an attempt that was abandoned, nor of a pair that was closed by its owner. */
export interface PairEvents {
  readonly clientGone: (id: number) => void
  readonly greeted: (id: number, attempt: number) => void
  readonly failed: (id: number, attempt: number, why: string) => void
  readonly sessionEnded: (id: number) => void
  /** A client that was held until its next word has said it. */
  readonly spoke: (id: number) => void
}

interface Attempt {
  readonly number: number
  readonly to: Address
  readonly socket: Socket
  /** The first bytes of the server, kept until the gate lets them through. */
  greeting: Buffer | undefined
}

/** What is read of a client while nothing of it is let through: before the greeting (more is nobody's login), and while held. */
const KEPT_BYTES = 16_384
/** A server notices clients whose host is gone by probing them. Through a proxy it probes the proxy: the proxy probes both ends. */
const KEEPALIVE_MS = 60_000

/** One client, and the server connection that it was given, if any. Passes bytes untouched, in both directions with backpressure. */
export class Pair {
  readonly id: number
  readonly client: Socket
  readonly openedAt: Instant
  readonly #events: PairEvents
  readonly #now: () => Instant
  #attempt: Attempt | undefined
  #piping = false
  #over = false
  #clientSaidAll = false
  #greetingBytes = 0
  /** Read, and not let through. */
  #kept: Buffer[] = []
  #keptBytes = 0
  readonly #hello = new Hello()
  /** Reads to the end of a statement that is to be refused. */
  #refusing: Statements | undefined
  #lastFrom: 'client' | 'server' | 'none' = 'none'
  #lastAt: Instant
  #heldSince: Instant | undefined
  #endsOnWord = false
  #watched: { readonly since: Instant; readonly fromClient: number } | undefined
  bytesFromClient = 0
  bytesFromServer = 0

  constructor(id: number, client: Socket, with_: { readonly events: PairEvents; readonly now: () => Instant }) {
    this.id = id
    this.client = client
    this.#events = with_.events
    this.#now = with_.now
    this.openedAt = this.#now()
    this.#lastAt = this.openedAt
    client.setNoDelay(true)
    client.setKeepAlive(true, KEEPALIVE_MS)
    client.on('error', () => client.destroy())
    client.on('data', (bytes: Buffer) => this.#fromClient(bytes))
    client.on('end', () => this.#clientEnded())
    client.on('close', () => this.#clientClosed())
    client.on('drain', () => this.#attempt?.socket.resume())
  }

  get traffic(): Traffic {
    const unsent = (this.#attempt?.socket.writableLength ?? 0) + this.client.writableLength
    const watched = this.#watched?.fromClient === this.bytesFromClient ? this.#watched.since : undefined
    return { lastFrom: this.#lastFrom, lastAt: this.#lastAt, silentSince: this.#heldSince ?? watched, unsent }
  }
  /** It can be told in its own protocol why it ends. */
  get canBeTold(): boolean {
    return this.#hello.isPlain
  }
  get hasKept(): boolean {
    return this.#keptBytes > 0
  }
  get isHeld(): boolean {
    return this.#heldSince !== undefined
  }
  /** It is logging in, or has not even begun to: the server has said nothing after its greeting, so no statement was answered. */
  get isLoggingIn(): boolean {
    return this.#piping && this.bytesFromServer === this.#greetingBytes
  }
  get to(): Address | undefined {
    return this.#attempt?.to
  }
  /** Our own end of the server connection: how the server's process list names this session. */
  get localEnd(): { readonly host: string; readonly port: number } | undefined {
    const { localAddress, localPort } = this.#attempt?.socket ?? {}
    return localAddress !== undefined && localPort !== undefined ? { host: localAddress, port: localPort } : undefined
  }
  get clientEnd(): string {
    return `${this.client.remoteAddress ?? '?'}:${this.client.remotePort ?? 0}`
  }

  connect(to: Address, number: number): void {
    if (this.#over) return
    const socket = connect({ host: to.host, port: to.port, noDelay: true, allowHalfOpen: true })
    socket.setKeepAlive(true, KEEPALIVE_MS)
    const attempt: Attempt = { number, to, socket, greeting: undefined }
    this.#attempt = attempt
    socket.on('error', (error) => this.#backendOver(attempt, error.message, 'broken'))
    socket.on('end', () => this.#backendOver(attempt, 'it closed the connection before its greeting', 'ended'))
    socket.on('close', () => this.#backendOver(attempt, 'it closed the connection before its greeting', 'broken'))
    socket.on('data', (bytes: Buffer) => this.#fromServer(attempt, bytes))
    socket.on('drain', () => this.#resumeClient())
  }

  abandon(): void {
    const attempt = this.#attempt
    this.#attempt = undefined
    attempt?.socket.destroy()
  }

  /** Called from within `greeted`: no byte of the server can have come in between. */
  pipe(): void {
    const attempt = this.#attempt
    if (!attempt?.greeting) return
    this.#piping = true
    const greeting = attempt.greeting
    attempt.greeting = undefined
    this.#greetingBytes = greeting.length
    this.#fromServer(attempt, greeting)
    this.#letThrough()
  }

  refuse(says: string): void {
    this.#over = true
    flushAndClose(this.client, errorGreeting(says))
  }

  /** `flushed`: a statement that was held back is answered, where that is possible, and was not executed for certain. */
  close(how: CloseHow): void {
    this.#over = true
    this.#heldSince = undefined
    const backend = this.#attempt?.socket
    this.#attempt = undefined
    if (how === 'at_once') {
      backend?.resetAndDestroy()
      this.client.resetAndDestroy()
      return
    }
    backend?.destroySoon()
    if (this.hasKept && this.canBeTold) this.#refuseKept()
    else flushAndClose(this.client)
  }

  /** From now on it is known whether the client has said anything, without holding it. */
  watch(): void {
    this.#watched = { since: this.#now(), fromClient: this.bytesFromClient }
  }

  hold(): boolean {
    if (!this.#piping || this.#over || this.#heldSince !== undefined) return false
    this.#heldSince = this.#now()
    return true
  }

  /** For a session that is held: what its client says next is its end. */
  endOnWord(): void {
    this.#endsOnWord = true
  }

  release(): void {
    if (this.#heldSince === undefined || this.#over) return
    this.#heldSince = undefined
    this.#endsOnWord = false
    this.#letThrough()
  }

  #letThrough(): void {
    const kept = this.#kept
    this.#kept = []
    this.#keptBytes = 0
    for (const bytes of kept) this.#fromClient(bytes)
    if (this.#clientSaidAll) this.#attempt?.socket.end()
    this.#resumeClient()
  }

  #fromClient(bytes: Buffer): void {
    if (this.#refusing) this.#refuseStatement(bytes)
    if (this.#over) return
    if (!this.#piping || this.isHeld) {
      this.#kept.push(bytes)
      this.#keptBytes += bytes.length
      if (this.#keptBytes > KEPT_BYTES) this.client.pause()
      if (this.#endsOnWord) this.#events.spoke(this.id)
      return
    }
    this.#hello.take(bytes)
    this.bytesFromClient += bytes.length
    this.#lastFrom = 'client'
    this.#lastAt = this.#now()
    if (this.#attempt && !this.#attempt.socket.write(bytes)) this.client.pause()
  }

  #fromServer(attempt: Attempt, bytes: Buffer): void {
    if (this.#over || attempt !== this.#attempt) return
    if (!this.#piping) {
      attempt.greeting = bytes
      this.#events.greeted(this.id, attempt.number)
      return
    }
    this.bytesFromServer += bytes.length
    this.#lastFrom = 'server'
    this.#lastAt = this.#now()
    if (!this.client.write(bytes)) attempt.socket.pause()
  }

  #resumeClient(): void {
    const blocked = this.#attempt?.socket.writableNeedDrain ?? false
    if (!blocked && (!this.isHeld || this.#keptBytes <= KEPT_BYTES)) this.client.resume()
  }

  #refuseKept(): void {
    this.#refusing = new Statements()
    endWithin(this.client, FLUSH_MS)
    for (const bytes of this.#kept) this.#refuseStatement(bytes)
    this.client.resume()
  }

  /** The error is sent once the statement is there to its end: a client that is still sending would not read it. */
  #refuseStatement(bytes: Buffer): void {
    const statements = this.#refusing
    if (!statements) return
    statements.take(bytes)
    if (!statements.isStrange && !statements.isWhole) return
    this.#refusing = undefined
    const { owed } = statements
    flushAndClose(this.client, statements.isStrange || owed === undefined ? undefined : errorAnswer(owed))
  }

  /** A client that has said its last word may still be waiting for an answer: the server decides when the session ends. */
  #clientEnded(): void {
    if (this.#over) return
    this.#clientSaidAll = true
    if (!this.#piping) this.client.destroy()
    // What is held comes first, if it ever goes on.
    else if (this.#keptBytes === 0) this.#attempt?.socket.end()
  }

  #clientClosed(): void {
    if (this.#over) return
    this.#over = true
    const backend = this.#attempt?.socket
    this.#attempt = undefined
    // What was let through is still delivered, as the network would have done.
    if (this.#piping) backend?.destroySoon()
    else backend?.destroy()
    this.#events[this.#piping ? 'sessionEnded' : 'clientGone'](this.id)
  }

  #backendOver(attempt: Attempt, why: string, how: 'ended' | 'broken'): void {
    if (this.#over || attempt !== this.#attempt) return
    this.#attempt = undefined
    attempt.socket.destroy()
    if (!this.#piping) {
      this.#events.failed(this.id, attempt.number, why)
      return
    }
    this.#over = true
    // Pools take a closed connection for what it is and reconnect; one left open would hang them until their own timeout.
    if (how === 'ended') flushAndClose(this.client)
    else closeSoon(this.client)
    this.#events.sessionEnded(this.id)
  }
}
