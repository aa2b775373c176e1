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
import { elapsedMs, type Instant, later } from '../model/ids.ts'
import { acceptRoute, type RouteMessage, type RouteVerdict } from '../model/route.ts'
import { Waiting } from './gate-waiting.ts'
import type { CloseHow, GateEffect, GateEvent, GateOptions, LastConnect } from './gate-words.ts'

export type { CloseHow, GateEffect, GateEvent, GateOptions, LastConnect } from './gate-words.ts'

export class Gate {
  readonly #options: GateOptions
  /** Highest accepted message: orders what comes. */
  #last: RouteMessage | undefined
  /** What clients are led by. Empty after a start, whatever was remembered: the switchover that was missed would be served backwards. */
  #inForce: RouteMessage | undefined
  readonly #waiting = new Waiting()
  readonly #sessions = new Map<number, Address>()
  /** Since when, in the order in which they were held. */
  readonly #held = new Map<number, Instant>()
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
    return this.#waiting.size
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
    const since = [this.#waiting.firstSince, this.#held.values().next().value]
    const bounds = since.map((start) => start !== undefined && later(start, boundMs))
    const retries = this.#inForce?.kind === 'open' && this.#waiting.retryAt
    const [due] = [...bounds, retries].filter((at) => at !== false && at !== undefined).sort((a, b) => a - b)
    return due
  }

  handle(event: GateEvent): readonly GateEffect[] {
    switch (event.kind) {
      case 'client_connected':
        this.#waiting.add(event.client, event.at)
        return this.#connectWaiting(event.at)
      case 'client_gone':
      case 'session_ended':
        return this.#forget(event.client, event.at)
      case 'held':
        if (this.#sessions.has(event.client) && !this.#held.has(event.client)) this.#held.set(event.client, event.at)
        return []
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
    this.#waiting.settle()
    const effects = [...this.#waiting.abandon((to) => !this.#leadsTo(to))]
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

  #greeted(client: number, attempt: number, at: Instant): readonly GateEffect[] {
    const to = this.#waiting.greeted(client, attempt)
    if (!to) return []
    this.#sessions.set(client, to)
    this.#lastConnect = { kind: 'greeted', to, at }
    return [{ kind: 'pipe', client }, ...this.#connectWaiting(at)]
  }

  #backendFailed({ client, attempt, why, at }: GateEvent & { kind: 'backend_failed' }): readonly GateEffect[] {
    const to = this.#waiting.failed(client, attempt, at)
    if (!to) return []
    this.#lastConnect = { kind: 'failed', to, why, at }
    return this.#connectWaiting(at)
  }

  #forget(client: number, at: Instant): readonly GateEffect[] {
    this.#sessions.delete(client)
    this.#held.delete(client)
    return this.#waiting.forget(client) ? [{ kind: 'abandon', client }, ...this.#connectWaiting(at)] : []
  }

  #connectWaiting(at: Instant): readonly GateEffect[] {
    return this.#inForce?.kind === 'open' ? this.#waiting.connect(this.#inForce.primary, at) : []
  }

  #expire(at: Instant): readonly GateEffect[] {
    return this.#waiting.expired(at, this.#options.boundMs).flatMap(({ client, waitedMs, attempted }): GateEffect[] => {
      if (attempted) this.#lastConnect = { kind: 'failed', to: attempted, why: 'no answer', at }
      const refuse: GateEffect = { kind: 'refuse', client, says: this.#noPrimary(waitedMs) }
      return attempted ? [{ kind: 'abandon', client }, refuse] : [refuse]
    })
  }

  #noPrimary(waitedMs: number): string {
    const { alias } = this.#options
    const waited = `${(waitedMs / 1000).toFixed(waitedMs < 1000 ? 1 : 0)} s`
    const route = this.#inForce
    const begin = `regent proxy: no primary for ${waited}, cluster ${alias}`
    if (route?.kind !== 'open') return `${begin} (${route ? 'its route is withdrawn' : 'no route was announced yet'})`
    const seen = this.#lastConnect
    const why = seen.kind === 'failed' && sameAddress(seen.to, route.primary) ? seen.why : 'no answer'
    return `${begin} (${printAddress(route.primary)}: ${why})`
  }
}
