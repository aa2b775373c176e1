import { assemble } from '../../decide/discover/assemble.ts'
import { whomToProbe } from '../../decide/discover/frontier.ts'
import { sight } from '../../decide/discover/sight.ts'
import { type Address, printAddress } from '../../model/address.ts'
import type { ClusterConfig } from '../../model/cluster.ts'
import type { ClusterId, ServerId } from '../../model/ids.ts'
import type { Look } from '../../model/look.ts'
import type { Reign } from '../../model/reign.ts'
import type { Sighting } from '../../model/sighting.ts'
import type { Topology } from '../../model/topology.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Depth, Watching } from '../../ports/servers.ts'
import { Forgotten } from './forgotten.ts'
import { type PastReading, PastReadings } from './past.ts'

/** Slow-moving parts are read with every tenth look: five seconds at the default interval. */
const FULL_EVERY = 10
/** While a server is in trouble it is looked at this often. */
const TROUBLE_EVERY_MS = 100

export interface ObserverParts {
  readonly cluster: ClusterId
  readonly config: ClusterConfig
  readonly servers: Watching
  readonly clock: Clock
}

/** Something changed that may change a verdict. */
export type NewsListener = (address: Address, look: Look) => void

/** Sees the servers of one cluster: every look of this process goes through it and is folded into what is known. */
export class Observer {
  readonly #parts: ObserverParts
  readonly #sightings = new Map<string, Sighting>()
  readonly #looping = new Map<string, Address>()
  readonly #forgotten = new Forgotten()
  readonly #past = new PastReadings()
  readonly #listeners = new Set<NewsListener>()
  #signal: AbortSignal | undefined
  #reigned: ReadonlySet<ServerId> = new Set()

  constructor(parts: ObserverParts) {
    this.#parts = parts
  }

  onNews(listener: NewsListener): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /** Watches until the signal fires: the seeds, and whatever they and their replicas name. */
  start(extra: readonly Address[], signal: AbortSignal): void {
    this.#signal = signal
    const closed = this.#parts.servers.onClosed((address, look) => {
      if (this.#sightings.has(printAddress(address))) this.#fold(address, look)
    })
    signal.addEventListener('abort', () => closed[Symbol.dispose](), { once: true })
    for (const address of [...this.#parts.config.seeds, ...extra]) this.#watch(address)
  }

  /** Looks at everything from the seeds on, until nobody names an unknown address any more. For one-shot verbs. */
  async discover(extra: readonly Address[] = []): Promise<void> {
    const tried = new Set<string>()
    let pending: readonly Address[] = [...this.#parts.config.seeds, ...extra]
    while (pending.length > 0) {
      for (const address of pending) tried.add(printAddress(address))
      await Promise.all(pending.map((address) => this.look(address, 'full')))
      pending = this.#named().filter((address) => !tried.has(printAddress(address)))
    }
  }

  async look(
    address: Address,
    depth: Depth,
    deadlineMs: number = this.#parts.config.policy.lookDeadlineMs,
  ): Promise<Sighting> {
    const look = await this.#parts.servers.look(address, depth, deadlineMs)
    return this.#fold(address, look)
  }

  /** Every server of the cluster at once: a slow or dead one delays nobody beyond the deadline. */
  async lookAtAll(depth: Depth, deadlineMs: number): Promise<void> {
    await Promise.all([...this.#sightings.values()].map((s) => this.look(s.address, depth, deadlineMs)))
  }

  async lookAt(ids: readonly ServerId[], depth: Depth, deadlineMs: number): Promise<void> {
    const wanted = [...this.#sightings.values()].filter((s) => s.id !== undefined && ids.includes(s.id))
    await Promise.all(wanted.map((s) => this.look(s.address, depth, deadlineMs)))
  }

  topology(reign: Reign | undefined): Topology {
    const { cluster, config, clock } = this.#parts
    return assemble({
      cluster,
      alias: config.alias,
      sightings: [...this.#sightings.values()],
      declared: config.servers,
      at: clock.now(),
      reign,
      seeds: config.seeds,
      reigned: this.#reigned,
    })
  }

  /** Primaries of all reigns: whoever once led this cluster is never taken for another's. */
  noteReigned(primaries: readonly ServerId[]): void {
    this.#reigned = new Set(primaries)
  }

  addressOf(id: ServerId): Address | undefined {
    return this.sightingOf(id)?.address
  }

  sightingOf(id: ServerId): Sighting | undefined {
    const known = [...this.#sightings.values()].filter((s) => s.id === id)
    return known.find((s) => s.latest.kind === 'answered') ?? known[0]
  }

  /** That this run of it took writes says no more that a person closed it: a recovery did, and could not open it again. */
  closedByUs(id: ServerId): void {
    for (const [key, sighting] of this.#sightings) {
      if (sighting.id !== id || !('writableAt' in sighting)) continue
      const { writableAt: _, ...rest } = sighting
      this.#sightings.set(key, rest)
    }
  }

  /** Of a server while it took writes, newest first. */
  pastReadings(id: ServerId): readonly PastReading[] {
    return this.#past.of(id)
  }

  sightings(): readonly Sighting[] {
    return [...this.#sightings.values()]
  }

  /** Addresses whose first look is still under way: what stands there is not known. */
  unlooked(): readonly Address[] {
    return [...this.#looping.values()].filter(
      (address) => !this.#sightings.has(printAddress(address)) && !this.#forgotten.has(address),
    )
  }

  /** All sightings of one server: of an identity, or of an address that never answered. */
  forget(sightings: readonly Sighting[]): void {
    this.#forgotten.add(sightings, this.#parts.clock.now())
    for (const { address, id } of sightings) {
      if (id !== undefined) this.#past.forget(id)
      this.#sightings.delete(printAddress(address))
      this.#parts.servers.forget(address)
    }
  }

  #fold(address: Address, look: Look): Sighting {
    const key = printAddress(address)
    if (this.#forgotten.drops(address, look, this.sightings()))
      return sight(undefined, address, look, this.#parts.clock.wall())
    const before = this.#sightings.get(key)
    const sighting = sight(before, address, look, this.#parts.clock.wall())
    this.#sightings.set(key, sighting)
    if (look.kind === 'answered' && sighting.answer) this.#past.note(sighting.answer)
    if (before === undefined || isNews(before, sighting))
      for (const listener of this.#listeners) listener(address, look)
    if (this.#signal) for (const unknown of this.#named()) this.#watch(unknown)
    return sighting
  }

  #named(): readonly Address[] {
    const known = this.sightings()
    return [...whomToProbe(known).filter((a) => !this.#forgotten.has(a)), ...this.#forgotten.namedBy(known)]
  }

  #watch(address: Address): void {
    const key = printAddress(address)
    const signal = this.#signal
    if (!signal || signal.aborted || this.#looping.has(key)) return
    this.#looping.set(key, address)
    void this.#loop(address, signal).finally(() => this.#looping.delete(key))
  }

  async #loop(address: Address, signal: AbortSignal): Promise<void> {
    const { policy } = this.#parts.config
    for (let turn = 0; !signal.aborted; turn++) {
      const known = turn === 0 || this.#sightings.has(printAddress(address))
      if (!known) return
      // In trouble the deadline is short: silence is confirmed by looks, and each may confirm no more than its own length.
      const inTrouble = this.#sightings.get(printAddress(address))?.troubleSince !== undefined
      const sighting = await this.look(
        address,
        turn % FULL_EVERY === 0 ? 'full' : 'live',
        inTrouble ? policy.suspectAfterMs : policy.lookDeadlineMs,
      )
      const pause =
        sighting.latest.kind === 'answered'
          ? policy.lookEveryMs
          : sighting.answer
            ? TROUBLE_EVERY_MS
            : policy.lookEveryMs
      await this.#parts.clock.sleep(pause, signal).catch(() => undefined)
    }
  }
}

/** A first answer, an end of answers, another kind of trouble, or a changed access or channel: what a verdict may depend on. */
function isNews(before: Sighting, after: Sighting): boolean {
  if (before.latest.kind !== after.latest.kind) return true
  if (before.latest.kind !== 'answered' || after.latest.kind !== 'answered') return false
  const a = before.latest.status
  const b = after.latest.status
  if (a.id !== b.id || a.access !== b.access || a.channels.length !== b.channels.length) return true
  return a.channels.some((channel, i) => {
    const other = b.channels[i]
    return (
      channel.receiver !== other?.receiver ||
      channel.applier !== other.applier ||
      channel.receiverError?.code !== other.receiverError?.code
    )
  })
}
