import { createServer, type Server, type Socket } from 'node:net'
import { type Address, printAddress } from '../model/address.ts'
import { elapsedMs, type Instant } from '../model/ids.ts'
import { type Problem, problem } from '../model/problem.ts'
import type { ProxySession, SessionsCount } from '../model/proxy-control.ts'
import type { RouteMessage, RouteVerdict } from '../model/route.ts'
import type { Gate, GateEffect, GateEvent } from './gate.ts'
import { betweenStatements, spokeLately } from './idle.ts'
import { Pair, type PairEvents } from './pair.ts'
import { isPeer } from './peer.ts'

export interface WireOptions {
  readonly listen: Address
  readonly gate: Gate
  readonly now: () => Instant
}

/** Carries out what the gate decides, on real sockets. */
export class Wire {
  readonly #options: WireOptions
  readonly #server: Server
  readonly #pairs = new Map<number, Pair>()
  readonly #events: PairEvents
  #clients = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: WireOptions) {
    this.#options = options
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket))
    this.#events = {
      clientGone: (client) => this.#drive({ kind: 'client_gone', client, at: this.#now() }),
      sessionEnded: (client) => this.#drive({ kind: 'session_ended', client, at: this.#now() }),
      greeted: (client, attempt) => this.#drive({ kind: 'greeted', client, attempt, at: this.#now() }),
      spoke: (client) => this.#drive({ kind: 'close_session', client, how: 'flushed', at: this.#now() }),
      failed: (client, attempt, why) => this.#drive({ kind: 'backend_failed', client, attempt, why, at: this.#now() }),
    }
  }

  /** Undefined once clients are accepted (they wait until there is a route), or why not. */
  listen(): Promise<Problem | undefined> {
    const { listen } = this.#options
    return new Promise((resolve) => {
      const refused = (error: NodeJS.ErrnoException): void => resolve(cannotListen(listen, error))
      this.#server.once('error', refused)
      this.#server.listen({ host: listen.host, port: listen.port, backlog: 1024 }, () => {
        this.#server.off('error', refused)
        this.#server.on('error', () => undefined) // one accept that failed (no descriptor left) must not end all sessions
        resolve(undefined)
      })
    })
  }

  /** Where it really listens: the port that the kernel chose, where 0 was asked for. */
  get address(): Address {
    const bound = this.#server.address()
    return typeof bound === 'object' && bound
      ? { host: this.#options.listen.host, port: bound.port }
      : this.#options.listen
  }

  route(message: RouteMessage): RouteVerdict {
    const { verdict, effects } = this.#options.gate.route(message, this.#now())
    this.#carryOut(effects)
    return verdict
  }

  closeAll(): SessionsCount {
    const closed = this.#options.gate.sessions.size
    this.#drive({ kind: 'close_all', at: this.#now() })
    return { closed, remaining: this.#options.gate.sessions.size }
  }

  /** From now on it is known which clients say anything; none is held for it. */
  watch(): { readonly watched: number } {
    const pairs = this.#former()
    for (const pair of pairs) pair.watch()
    return { watched: pairs.length }
  }

  /**
   * Sessions that were watched or held before this call are closed where they are idle; the others are held from now on. Where
   * another primary has been named, this is about those that do not lead to it.
   */
  async closeIdle(idlePeers: readonly string[]): Promise<SessionsCount> {
    // All that lies in our sockets is read first: the server's word may have overtaken the end of its answer.
    await new Promise((resolve) => setImmediate(resolve))
    const at = this.#now()
    const idle = this.#former().filter(
      (pair) => pair.isLoggingIn || (betweenStatements(pair.traffic, at) && isPeer(pair.localEnd, idlePeers)),
    )
    const ends = idle.filter(
      (pair) => pair.isLoggingIn || !pair.canBeTold || pair.hasKept || !spokeLately(pair.traffic, at),
    )
    for (const pair of ends) this.#drive({ kind: 'close_session', client: pair.id, how: 'flushed', at })
    const rest = this.#former()
    for (const pair of rest) this.#hold(pair)
    for (const pair of idle) pair.endOnWord()
    return { closed: ends.length, remaining: rest.length }
  }

  hold(): number {
    return this.#sessions().filter((pair) => this.#hold(pair)).length
  }

  sessions(): readonly ProxySession[] {
    const at = this.#now()
    return this.#sessions().flatMap((pair) => describe(pair, at) ?? [])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer)
    const { sessions } = this.#options.gate
    for (const pair of this.#pairs.values()) {
      if (sessions.has(pair.id)) pair.close('at_once')
      else {
        pair.abandon()
        pair.refuse('regent proxy: it is being stopped')
      }
    }
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #now(): Instant {
    return this.#options.now()
  }

  #sessions(): readonly Pair[] {
    return [...this.#options.gate.sessions.keys()].flatMap((id) => this.#pairs.get(id) ?? [])
  }

  /** Sessions that do not lead where the route leads now; all of them while it leads nowhere. */
  #former(): readonly Pair[] {
    const { gate } = this.#options
    if (gate.inForce?.kind !== 'open') return this.#sessions()
    return this.#sessions().filter(({ to }) => to && gate.leadsElsewhere(to))
  }

  #hold(pair: Pair): boolean {
    const holds = pair.hold()
    if (holds) this.#drive({ kind: 'held', client: pair.id, at: this.#now() })
    return holds
  }

  #accept(socket: Socket): void {
    const id = ++this.#clients
    this.#pairs.set(id, new Pair(id, socket, { events: this.#events, now: this.#options.now }))
    socket.once('close', () => this.#pairs.delete(id))
    this.#drive({ kind: 'client_connected', client: id, at: this.#now() })
  }

  #drive(event: GateEvent): void {
    this.#carryOut(this.#options.gate.handle(event))
  }

  #carryOut(effects: readonly GateEffect[]): void {
    for (const effect of effects) apply(effect, this.#pairs.get(effect.client))
    this.#arm()
  }

  #arm(): void {
    clearTimeout(this.#timer)
    const due = this.#options.gate.nextDue()
    if (due === undefined) return
    this.#timer = setTimeout(
      () => this.#drive({ kind: 'tick', at: this.#now() }),
      Math.max(1, Math.ceil(elapsedMs(this.#now(), due))),
    )
  }
}

function apply(effect: GateEffect, pair: Pair | undefined): void {
  if (effect.kind === 'connect') pair?.connect(effect.to, effect.attempt)
  else if (effect.kind === 'refuse') pair?.refuse(effect.says)
  else if (effect.kind === 'close') pair?.close(effect.how)
  else if (effect.kind === 'abandon') pair?.abandon()
  else if (effect.kind === 'release') pair?.release()
  else pair?.pipe()
}

function describe(pair: Pair, at: Instant): ProxySession | undefined {
  const { to, localEnd, traffic } = pair
  if (!to || !localEnd) return undefined
  return {
    id: pair.id,
    client: pair.clientEnd,
    to,
    localEnd: printAddress(localEnd),
    lastFrom: traffic.lastFrom,
    lastAgoMs: Math.round(elapsedMs(traffic.lastAt, at)),
    openedAgoMs: Math.round(elapsedMs(pair.openedAt, at)),
    fromClient: pair.bytesFromClient,
    fromServer: pair.bytesFromServer,
    held: pair.isHeld,
  }
}

function cannotListen(listen: Address, error: NodeJS.ErrnoException): Problem {
  const address = printAddress(listen)
  if (error.code === 'EADDRINUSE') return problem('port_taken', { address, port: listen.port })
  return problem('refused', {
    why: `the proxy cannot listen on ${address}: ${error.message}`,
    fix: 'name an address of this host, and a port from 1024 on unless it runs as root (proxy: listen)',
  })
}
