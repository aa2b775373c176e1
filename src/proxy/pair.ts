import { connect, type Socket } from 'node:net'
import type { Address } from '../model/address.ts'
import type { Instant } from '../model/ids.ts'
import type { CloseHow } from './gate.ts'
import type { Traffic } from './idle.ts'
import { errorGreeting } from './refusal.ts'

/** What a pair reports. Nothing is reported of an attempt that was abandoned, nor of a pair that was closed by its owner. */
export interface PairEvents {
  readonly clientGone: (id: number) => void
  readonly greeted: (id: number, attempt: number) => void
  readonly failed: (id: number, attempt: number, why: string) => void
  readonly sessionEnded: (id: number) => void
}

interface Attempt {
  readonly number: number
  readonly to: Address
  readonly socket: Socket
  /** The first bytes of the server, kept until the gate lets them through. */
  greeting: Buffer | undefined
}

/** A client speaks second: more than this before the greeting is nobody's login, and is not read. */
const EARLY_BYTES = 16_384
/** A client that takes no bytes any more must not keep a dead session. */
const FLUSH_MS = 1000

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
  #early: Buffer[] = []
  #earlyBytes = 0
  #lastFrom: 'client' | 'server' | 'none' = 'none'
  #lastAt: Instant
  #heldSince: Instant | undefined
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
    client.on('error', () => client.destroy())
    client.on('data', (bytes: Buffer) => this.#fromClient(bytes))
    client.on('end', () => this.#clientEnded())
    client.on('close', () => this.#clientClosed())
    client.on('drain', () => this.#attempt?.socket.resume())
  }

  get traffic(): Traffic {
    const unsent = this.#attempt?.socket.writableLength ?? 0
    return { lastFrom: this.#lastFrom, lastAt: this.#lastAt, heldSince: this.#heldSince, unsent }
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
    const socket = connect({ host: to.host, port: to.port, noDelay: true, allowHalfOpen: true })
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
    this.#fromServer(attempt, greeting)
    for (const bytes of this.#early) this.#fromClient(bytes)
    this.#early = []
    this.#resumeClient()
  }

  refuse(says: string): void {
    this.#over = true
    this.#flushAndClose(errorGreeting(says))
  }

  close(how: CloseHow): void {
    this.#over = true
    const backend = this.#attempt?.socket
    this.#attempt = undefined
    if (how === 'at_once') {
      backend?.resetAndDestroy()
      this.client.resetAndDestroy()
      return
    }
    backend?.destroySoon()
    this.#flushAndClose()
  }

  hold(): boolean {
    if (!this.#piping || this.#over || this.#heldSince !== undefined) return false
    this.#heldSince = this.#now()
    this.client.pause()
    return true
  }

  release(): void {
    if (this.#heldSince === undefined) return
    this.#heldSince = undefined
    this.#resumeClient()
  }

  #fromClient(bytes: Buffer): void {
    if (this.#over) return
    if (!this.#piping) {
      this.#early.push(bytes)
      this.#earlyBytes += bytes.length
      if (this.#earlyBytes > EARLY_BYTES) this.client.pause()
      return
    }
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
    if (this.#heldSince === undefined && !blocked) this.client.resume()
  }

  /** A client that has said its last word may still be waiting for an answer: the server decides when the session ends. */
  #clientEnded(): void {
    if (this.#over) return
    if (this.#piping) this.#attempt?.socket.end()
    else this.client.destroy()
  }

  #clientClosed(): void {
    if (this.#over) return
    this.#over = true
    const backend = this.#attempt?.socket
    this.#attempt = undefined
    // What was read from the client is still delivered, as the network would have done.
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
    if (how === 'ended') this.#flushAndClose()
    else this.client.destroySoon()
    this.#events.sessionEnded(this.id)
  }

  #flushAndClose(last?: Buffer): void {
    if (last) this.client.end(last)
    this.client.destroySoon()
    if (!this.client.destroyed) this.client.setTimeout(FLUSH_MS, () => this.client.destroy())
  }
}
