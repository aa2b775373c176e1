import { NET_MS } from './latency.ts'
import type { ModelServer, Session } from './server.ts'
import type { Transaction } from './transaction.ts'
import type { RoutePlace, Universe } from './universe.ts'

export interface Acknowledged {
  readonly transaction: Transaction
  readonly at: number
}

/**
 * A client that writes all the time and remembers what was acknowledged. It goes by its route, or, where there is none, to whichever
 * of the servers takes its writes; it keeps a session until that is closed, or a write is refused.
 */
export class Writer {
  readonly acknowledged: Acknowledged[] = []
  readonly #universe: Universe
  readonly #route: RoutePlace | undefined
  readonly #everyMs: number
  #session: Session | undefined
  #peer = 40_000
  #turn = 0
  #stopped = false

  constructor(universe: Universe, route: RoutePlace | undefined, everyMs: number) {
    this.#universe = universe
    this.#route = route
    this.#everyMs = everyMs
    this.#again()
  }

  stop(): void {
    this.#stopped = true
  }

  #again(): void {
    this.#universe.timeline.after(this.#everyMs, () => {
      if (this.#stopped) return
      this.#attempt()
      this.#again()
    })
  }

  #attempt(): void {
    const session = this.#session?.open ? this.#session : this.#connect()
    if (session === undefined || session.busy) return
    const server = this.#universe.named(session.server)
    if (!this.#universe.linked('clients', server.name)) return
    session.busy = true
    this.#universe.timeline.after(NET_MS, () =>
      this.#universe.write(server, session, (kind, transaction) =>
        this.#universe.timeline.after(NET_MS, () => {
          // An answer that was under way when the connection was cut reaches nobody.
          if (!session.open) return
          session.busy = false
          if (kind === 'ok' && transaction) this.acknowledged.push({ transaction, at: this.#universe.timeline.now })
          else this.#leave(session)
        }),
      ),
    )
  }

  #leave(session: Session): void {
    session.open = false
    for (const server of this.#universe.servers) server.sessions = server.sessions.filter((s) => s.open)
  }

  #connect(): Session | undefined {
    const server = this.#target()
    if (server?.life !== 'up' || !this.#universe.linked('clients', server.name)) return undefined
    this.#peer += 1
    const session: Session = {
      peer: `clients:${this.#peer}`,
      server: server.name,
      ...(this.#route ? { route: this.#route.name } : {}),
      open: true,
      busy: false,
    }
    server.sessions.push(session)
    this.#session = session
    return session
  }

  #target(): ModelServer | undefined {
    if (this.#route) {
      const { message } = this.#route
      return message?.kind === 'open' ? this.#universe.at(message.primary) : undefined
    }
    this.#turn += 1
    return this.#universe.servers[this.#turn % this.#universe.servers.length]
  }
}
