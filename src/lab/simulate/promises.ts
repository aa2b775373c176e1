import type { Plan } from '../../model/plan.ts'
import type { ModelServer } from './server.ts'
import type { Universe } from './universe.ts'

/**
 * What must never be seen, looked at after every event: two servers that clients can write to at once, an opening by Regent's hand
 * beside another server that takes writes and is not shut off from its clients, or that its plan demanded to be read-only, and a
 * change by an older holder of the lease after a newer one's first on the same server.
 */
export class Promises {
  readonly broken: string[] = []
  readonly #universe: Universe
  readonly #said = new Set<string>()
  #effectsSeen = 0
  readonly #newest = new Map<string, number>()

  /** `planOf`: by which this server is being opened. */
  constructor(universe: Universe, planOf: (opened: ModelServer) => Plan | undefined) {
    this.#universe = universe
    universe.timeline.watch(() => {
      this.#onePrimary()
      this.#oneHolder()
    })
    universe.whenOpened((opened) => {
      this.#openedAlone(opened)
      this.#closedAsDemanded(opened, planOf(opened))
    })
  }

  #onePrimary(): void {
    const open = this.#universe.servers.filter((s) => takesWrites(s) && this.#clientsReach(s))
    if (open.length > 1) this.#say(`two primaries: clients can write to ${open.map((s) => s.name).join(' and ')}`)
  }

  #openedAlone(opened: ModelServer): void {
    const others = this.#universe.servers.filter((s) => s !== opened && takesWrites(s) && this.#clientsReach(s))
    if (others.length > 0)
      this.#say(`${opened.name} was opened while clients can write to ${others.map((s) => s.name).join(', ')}`)
  }

  /** Two writable servers are seen also where routes hide one of them from every client. */
  #closedAsDemanded(opened: ModelServer, plan: Plan | undefined): void {
    const old = this.#universe.servers.find((s) => s !== opened && s.id === plan?.subject)
    if (plan?.fence.demand.atLeast !== 'readonly' || old?.life !== 'up' || old.access !== 'writable') return
    if (this.#universe.linked('regent', old.name))
      this.#say(`${opened.name} was opened while ${old.name}, which its plan demanded to be read-only, takes writes`)
  }

  /** By a route that leads there, by a session that is still open, or directly, where there is no route at all. */
  #clientsReach(server: ModelServer): boolean {
    const { routes } = this.#universe
    if (routes.length === 0) return true
    const led = routes.some((r) => r.message?.kind === 'open' && this.#universe.at(r.message.primary) === server)
    return led || server.sessions.some((s) => s.open)
  }

  #oneHolder(): void {
    const { effects } = this.#universe
    for (; this.#effectsSeen < effects.length; this.#effectsSeen++) {
      const effect = effects[this.#effectsSeen]
      if (effect === undefined) continue
      const newest = this.#newest.get(effect.server) ?? 0
      if (effect.token < newest)
        this.#say(`${effect.what} on ${effect.server} by token ${effect.token}, after a change by token ${newest}`)
      this.#newest.set(effect.server, Math.max(newest, effect.token))
    }
  }

  #say(what: string): void {
    if (this.#said.has(what)) return
    this.#said.add(what)
    this.broken.push(`at ${(this.#universe.timeline.now % 1_000_000).toFixed(1)}: ${what}`)
  }
}

const takesWrites = (server: ModelServer): boolean => server.life !== 'down' && server.access === 'writable'
