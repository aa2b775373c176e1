/**
 * Who may reach which server, and who waits. No I/O, no clock, no timers: events carry their time, effects are returned and carried
 * out by the wire, so that properties can be tested and the simulator can drive it. It keeps its own maps instead of returning
 * copies: two thousand clients that come back at once would copy two thousand entries four thousand times.
 *
 * Invariants: a client is led to no address but that of the route in force; a withdrawn route, or none, leads nowhere; once a route
 * to one server is in force, every session to another one is over or held: it says nothing any more to its server, and ends when it
 * has its last answer, or at the bound; a client that was shown no byte may wait and be tried again, because a MySQL server speaks
 * first: nothing of that client has reached any server.
 */
import { type Address, printAddress, sameAddress } from '../model/address.ts'
import { type ClusterId, elapsedMs, type Instant, later } from '../model/ids.ts'
import { acceptRoute, type RouteMessage, type RouteVerdict } from '../model/route.ts'

export type GateEvent =
  | { readonly kind: 'client_connected'; readonly client: number; readonly at: Instant }
  | { readonly kind: 'client_gone'; readonly client: number; readonly at: Instant }
  /** The server has said its first bytes on this attempt. */
  | { readonly kind: 'greeted'; readonly client: number; readonly attempt: number; readonly at: Instant }
  /** Refused, reset or closed before any byte came from the server. */
  | {
      readonly kind: 'backend_failed'
      readonly client: number
      readonly attempt: number
      readonly why: string
      readonly at: Instant
    }
  | { readonly kind: 'session_ended'; readonly client: number; readonly at: Instant }
  /** No byte of this client is let through to its server any more. */
  | { readonly kind: 'held' | 'released'; readonly client: number; readonly at: Instant }
  | { readonly kind: 'close_session'; readonly client: number; readonly how: CloseHow; readonly at: Instant }
  | { readonly kind: 'close_all'; readonly at: Instant }
  | { readonly kind: 'tick'; readonly at: Instant }

/** `flushed`: what the server has said still reaches the client. */
export type CloseHow = 'at_once' | 'flushed'

export type GateEffect =
  | { readonly kind: 'connect'; readonly client: number; readonly attempt: number; readonly to: Address }
  /** Drop the attempt; its client goes on waiting. */
  | { readonly kind: 'abandon'; readonly client: number }
  | { readonly kind: 'pipe'; readonly client: number }
  /** What was held of the client's bytes goes on to its server. */
  | { readonly kind: 'release'; readonly client: number }
  /** Tell the client why, in its protocol, and close. */
  | { readonly kind: 'refuse'; readonly client: number; readonly says: string }
  | { readonly kind: 'close'; readonly client: number; readonly how: CloseHow }

export interface GateOptions {
  readonly cluster: ClusterId
  /** The cluster's name for people. */
  readonly alias: string
  /** Longest time that a client waits for its first byte, and that a session is held: a client must not hang for ever. */
  readonly boundMs: number
  /** The last message that an earlier process of this proxy accepted: for ordering only, never to serve from. */
  readonly remembered: RouteMessage | undefined
}

/** What connecting to the primary looks like from here: one more pair of eyes. */
export type LastConnect =
  | { readonly kind: 'never' }
  | { readonly kind: 'greeted'; readonly to: Address; readonly at: Instant }
  | { readonly kind: 'failed'; readonly to: Address; readonly why: string; readonly at: Instant }

interface Attempt {
  readonly number: number
  readonly to: Address
  readonly round: number
}
interface Unserved {
  readonly since: Instant
  readonly attempt: Attempt | undefined
}

/** More at once overflow the listen queue of a MariaDB with default settings (80): the kernel drops those and tries again after 1 s. */
const MAX_CONNECTING = 64
const FIRST_BACKOFF_MS = 10
const LONGEST_BACKOFF_MS = 100

export class Gate {
  readonly #options: GateOptions
  /** Highest accepted message: orders what comes. */
  #last: RouteMessage | undefined
  /** What clients are led by. Empty after a start, whatever was remembered: the switchover that was missed would be served backwards. */
  #inForce: RouteMessage | undefined
  /** In the order in which they came, so that the first one's bound is always the next to expire. */
  readonly #unserved = new Map<number, Unserved>()
  readonly #sessions = new Map<number, Address>()
  /** Since when, in the order in which they were held. */
  readonly #held = new Map<number, Instant>()
  #connecting = 0
  #attempts = 0
  /** Attempts of one round fail together (the server died): they lengthen the backoff once. */
  #round = 0
  #failures = 0
  #retryAt: Instant | undefined
  #lastConnect: LastConnect = { kind: 'never' }

  constructor(options: GateOptions) {
    this.#options = options
    this.#last = options.remembered
  }

  get inForce(): RouteMessage | undefined {
    return this.#inForce
  }
  get last(): RouteMessage | undefined {
    return this.#last
  }
  get waiting(): number {
    return this.#unserved.size
  }
  get sessions(): ReadonlyMap<number, Address> {
    return this.#sessions
  }
  get lastConnect(): LastConnect {
    return this.#lastConnect
  }

  /** When a `tick` is due; undefined while nobody waits or is held. */
  nextDue(): Instant | undefined {
    const { boundMs } = this.#options
    const since = [this.#unserved.values().next().value?.since, this.#held.values().next().value]
    const bounds = since.map((start) => start !== undefined && later(start, boundMs))
    const retries = this.#inForce?.kind === 'open' && this.#connecting < this.#unserved.size && this.#retryAt
    const [due] = [...bounds, retries].filter((at) => at !== false && at !== undefined).sort((a, b) => a - b)
    return due
  }

  handle(event: GateEvent): readonly GateEffect[] {
    switch (event.kind) {
      case 'client_connected':
        this.#unserved.set(event.client, { since: event.at, attempt: undefined })
        return this.#connectWaiting(event.at)
      case 'client_gone':
      case 'session_ended':
        return this.#forget(event.client, event.at)
      case 'held':
        if (this.#sessions.has(event.client) && !this.#held.has(event.client)) this.#held.set(event.client, event.at)
        return []
      case 'released':
        return this.#release(event.client)
      case 'greeted':
        return this.#greeted(event.client, event.attempt, event.at)
      case 'backend_failed':
        return this.#backendFailed(event)
      case 'close_session':
        return this.#sessions.has(event.client) ? [this.#close(event.client, event.how)] : []
      case 'close_all':
        return [...this.#sessions.keys()].map((client) => this.#close(client, 'at_once'))
      case 'tick':
        return [...this.#expire(event.at), ...this.#letGo(event.at), ...this.#connectWaiting(event.at)]
    }
  }

  /** A route message. Refused ones change nothing. */
  route(
    message: RouteMessage,
    at: Instant,
  ): { readonly verdict: RouteVerdict; readonly effects: readonly GateEffect[] } {
    const verdict =
      message.cluster === this.#options.cluster ? acceptRoute(this.#last, message) : 'refused_other_cluster'
    if (verdict !== 'accepted' && verdict !== 'same') return { verdict, effects: [] }
    this.#last = message
    this.#inForce = message
    this.#settle()
    const effects = [...this.#abandonAttempts((to) => !this.#leadsTo(to))]
    // Sessions survive a withdrawal: closing them is a decision of its own.
    if (message.kind === 'open') effects.push(...this.#partSessions())
    return { verdict, effects: [...effects, ...this.#connectWaiting(at)] }
  }

  /** Whether the route in force leads to another server, so that a session to this one is of a former primary. */
  leadsElsewhere(to: Address): boolean {
    return this.#inForce?.kind === 'open' && !this.#leadsTo(to)
  }

  #leadsTo(to: Address): boolean {
    return this.#inForce?.kind === 'open' && sameAddress(to, this.#inForce.primary)
  }

  /**
   * A primary was named. Held sessions to it go on (an undo costs them nothing); held ones to another server were told to end
   * between statements, and can do no harm meanwhile. Every other session would go on talking to a server that is the primary no more.
   */
  #partSessions(): readonly GateEffect[] {
    return [...this.#sessions].flatMap(([client, to]): readonly GateEffect[] => {
      if (!this.#leadsTo(to)) return this.#held.has(client) ? [] : [this.#close(client, 'at_once')]
      return this.#held.delete(client) ? [{ kind: 'release', client }] : []
    })
  }

  /** Never to a former primary: what is held of its sessions' clients must not reach it. */
  #release(client: number): readonly GateEffect[] {
    const to = this.#sessions.get(client)
    if (!to || this.leadsElsewhere(to) || !this.#held.delete(client)) return []
    return [{ kind: 'release', client }]
  }

  /** Whoever held them is gone, or their last answer does not end. */
  #letGo(at: Instant): readonly GateEffect[] {
    const effects: GateEffect[] = []
    for (const [client, since] of this.#held) {
      if (elapsedMs(since, at) < this.#options.boundMs) break
      const to = this.#sessions.get(client)
      this.#held.delete(client)
      if (to) effects.push(this.leadsElsewhere(to) ? this.#close(client, 'at_once') : { kind: 'release', client })
    }
    return effects
  }

  #close(client: number, how: CloseHow): GateEffect {
    this.#sessions.delete(client)
    this.#held.delete(client)
    return { kind: 'close', client, how }
  }

  #greeted(client: number, number: number, at: Instant): readonly GateEffect[] {
    const waiting = this.#unserved.get(client)
    if (waiting?.attempt?.number !== number) return []
    this.#unserved.delete(client)
    this.#connecting--
    this.#sessions.set(client, waiting.attempt.to)
    this.#settle()
    this.#lastConnect = { kind: 'greeted', to: waiting.attempt.to, at }
    return [{ kind: 'pipe', client }, ...this.#connectWaiting(at)]
  }

  #backendFailed(event: GateEvent & { kind: 'backend_failed' }): readonly GateEffect[] {
    const waiting = this.#unserved.get(event.client)
    const attempt = waiting?.attempt
    if (!waiting || attempt?.number !== event.attempt) return []
    this.#unserved.set(event.client, { since: waiting.since, attempt: undefined })
    this.#connecting--
    this.#lastConnect = { kind: 'failed', to: attempt.to, why: event.why, at: event.at }
    if (attempt.round === this.#round) {
      this.#retryAt = later(event.at, Math.min(FIRST_BACKOFF_MS * 2 ** this.#failures, LONGEST_BACKOFF_MS))
      this.#failures++
      this.#round++
    }
    return this.#connectWaiting(event.at)
  }

  #forget(client: number, at: Instant): readonly GateEffect[] {
    this.#sessions.delete(client)
    this.#held.delete(client)
    const waiting = this.#unserved.get(client)
    if (!this.#unserved.delete(client) || !waiting?.attempt) return []
    this.#connecting--
    return [{ kind: 'abandon', client }, ...this.#connectWaiting(at)]
  }

  #connectWaiting(at: Instant): readonly GateEffect[] {
    const route = this.#inForce
    if (route?.kind !== 'open' || (this.#retryAt !== undefined && at < this.#retryAt)) return []
    this.#retryAt = undefined
    const effects: GateEffect[] = []
    for (const [client, { since, attempt }] of this.#unserved) {
      if (this.#connecting >= MAX_CONNECTING) break
      if (attempt) continue
      const number = ++this.#attempts
      this.#unserved.set(client, { since, attempt: { number, to: route.primary, round: this.#round } })
      this.#connecting++
      effects.push({ kind: 'connect', client, attempt: number, to: route.primary })
    }
    return effects
  }

  #expire(at: Instant): readonly GateEffect[] {
    const effects: GateEffect[] = []
    for (const [client, { since, attempt }] of this.#unserved) {
      if (elapsedMs(since, at) < this.#options.boundMs) break
      this.#unserved.delete(client)
      if (attempt) {
        this.#connecting--
        effects.push({ kind: 'abandon', client })
      }
      effects.push({ kind: 'refuse', client, says: this.#noPrimary(elapsedMs(since, at)) })
    }
    return effects
  }

  #abandonAttempts(which: (to: Address) => boolean): readonly GateEffect[] {
    const effects: GateEffect[] = []
    for (const [client, { since, attempt }] of this.#unserved) {
      if (!attempt || !which(attempt.to)) continue
      this.#unserved.set(client, { since, attempt: undefined })
      this.#connecting--
      effects.push({ kind: 'abandon', client })
    }
    return effects
  }

  #settle(): void {
    this.#failures = 0
    this.#retryAt = undefined
    this.#round++
  }

  #noPrimary(waitedMs: number): string {
    const { alias } = this.#options
    const waited = `${(waitedMs / 1000).toFixed(waitedMs < 1000 ? 1 : 0)} s`
    const route = this.#inForce
    const begin = `regent proxy: no primary for ${waited}, cluster ${alias}`
    if (route?.kind !== 'open') return `${begin} (${route ? 'its route is withdrawn' : 'no route was announced yet'})`
    const seen = this.#lastConnect
    return `${begin} (${printAddress(route.primary)}: ${seen.kind === 'failed' ? seen.why : 'no answer'})`
  }
}
