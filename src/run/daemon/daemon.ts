import { printAddress } from '../../model/address.ts'
import type { ClusterConfig } from '../../model/cluster.ts'
import type { ClusterId } from '../../model/ids.ts'
import { ProblemError, problem } from '../../model/problem.ts'
import type { Topology } from '../../model/topology.ts'
import type { Version } from '../../model/version.ts'
import type { Announcer } from '../../ports/announcers.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Ids } from '../../ports/ids.ts'
import type { Journal } from '../../ports/journal.ts'
import type { HeldLease, Leases } from '../../ports/lease.ts'
import type { Servers } from '../../ports/servers.ts'
import type { Store } from '../../ports/store.ts'
import { type Prepared, prepareSessions } from './clearing.ts'
import type { DaemonEvent, DaemonListener } from './events.ts'
import { Keeper } from './keeper.ts'
import { Observer } from './observer.ts'
import type { Office } from './office.ts'
import { Questions } from './questions.ts'

/** One cluster's own parts: accounts and TLS differ from cluster to cluster. */
export interface ClusterParts {
  readonly config: ClusterConfig
  readonly servers: Servers
  openRoutes(cluster: ClusterId): Promise<OpenedRoutes>
}

export interface OpenedRoutes {
  readonly announcers: ReadonlyMap<string, Announcer>
  revive(): Promise<readonly string[]>
}

export interface DaemonParts {
  readonly clusters: readonly ClusterParts[]
  readonly store: Store
  readonly journal: Journal
  readonly leases: Leases
  readonly clock: Clock
  readonly ids: Ids
  /** Whether this project's tests ran on that version. */
  readonly isProven: (version: Version) => boolean
}

/** While another Regent holds the lease, or ours was lost, it is asked for again this often. */
const ASK_LEASE_EVERY_MS = 1000
/** A change session is opened beforehand on each server; one that broke is opened again by the next change or by this round. */
const PREPARE_EVERY_MS = 5000

/** Of one cluster: what stands ready on which server is remembered from round to round. */
interface Round {
  readonly office: Office
  readonly prepared: Prepared
}

export type Started =
  | { readonly kind: 'started' }
  | { readonly kind: 'taken'; readonly by: string; readonly leftMs: number }

/** The program that watches: one keeper per cluster, one lease for them all. */
export class Daemon {
  readonly #parts: DaemonParts
  readonly #listeners = new Set<DaemonListener>()
  readonly #keepers = new Map<string, Keeper>()
  #lease: HeldLease | undefined

  constructor(parts: DaemonParts) {
    this.#parts = parts
  }

  listen(listener: DaemonListener): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  keepers(): readonly Keeper[] {
    return [...this.#keepers.values()]
  }

  /** By alias, by cluster id, or by any member's address. */
  keeper(name: string): Keeper | undefined {
    const direct = this.#keepers.get(name)
    if (direct) return direct
    return this.keepers().find(
      (k) =>
        k.office.cluster === name ||
        k.office.observer.sightings().some((s) => printAddress(s.address) === name || s.id === name),
    )
  }

  lease(): HeldLease | undefined {
    return this.#lease && this.#lease.leftMs() > 0 ? this.#lease : undefined
  }

  /** Takes the lease and begins; a second acting Regent on the same store is refused. */
  async start(who: string): Promise<Started> {
    const acquired = await this.#parts.leases.acquire(who)
    if (acquired.kind === 'taken') return acquired
    this.#lease = acquired.lease
    for (const cluster of this.#parts.clusters) await this.#open(cluster)
    return { kind: 'started' }
  }

  /** Opens the offices without keeping anything: for verbs that look once. */
  async openOnce(): Promise<void> {
    for (const cluster of this.#parts.clusters) await this.#open(cluster)
  }

  /**
   * For a verb that acts once: the same lease as the daemon's, or a refusal that names who acts. Its route parties are started, and
   * whatever an older holder left waiting on the servers is ended before its first change.
   */
  async startOnce(who: string): Promise<void> {
    const started = await this.start(who)
    if (started.kind === 'taken')
      throw new ProblemError(problem('lease_taken', { by: started.by, left: started.leftMs }))
    for (const keeper of this.keepers()) {
      for (const says of await keeper.office.revive())
        keeper.office.tell({ kind: 'trouble', cluster: keeper.office.cluster, at: this.#parts.clock.wall(), says })
      await keeper.once()
      if (this.#lease) await prepareSessions(keeper.office, this.#lease)
    }
  }

  async giveBack(): Promise<void> {
    for (const keeper of this.keepers()) keeper.office.servers.release()
    await giveBack(this.#lease)
    this.#lease = undefined
  }

  /** Keeps all clusters until the signal fires, then gives the lease back. */
  async run(who: string, signal: AbortSignal): Promise<void> {
    const silence = (): void => {
      for (const keeper of this.keepers()) keeper.office.questions.end()
    }
    if (signal.aborted) silence()
    else signal.addEventListener('abort', silence, { once: true })
    await Promise.all([
      ...this.keepers().map((keeper) => keeper.keep(signal)),
      this.#holdLease(who, signal),
      this.#prepare(signal),
    ])
    await this.giveBack()
  }

  async #open(parts: ClusterParts): Promise<void> {
    const { store, journal, clock, ids } = this.#parts
    const { config, servers } = parts
    const cluster = await clusterIdOf(this.#parts, config)
    const routes = await parts.openRoutes(cluster)
    const observer = new Observer({ cluster, config, servers, clock })
    const tell = (event: DaemonEvent): void => {
      for (const listener of this.#listeners) listener(event)
    }
    const questions = new Questions(clock)
    const office: Office = {
      cluster,
      config,
      observer,
      servers,
      ...routes,
      store,
      journal,
      clock,
      ids,
      tell,
      questions,
    }
    const proven = (topology: Topology): readonly string[] => unproven(this.#parts, config, topology)
    this.#keepers.set(config.alias, new Keeper({ office, lease: () => this.lease(), proven }))
  }

  /** A process that was frozen finds its lease gone when it wakes: it only watches until it gets one again. */
  async #holdLease(who: string, signal: AbortSignal): Promise<void> {
    const { clock, leases } = this.#parts
    while (!signal.aborted) {
      await clock.sleep(ASK_LEASE_EVERY_MS, signal).catch(() => undefined)
      if (signal.aborted || this.lease()) continue
      const lost = this.#lease
      this.#lease = undefined
      await giveBack(lost)
      const acquired = await leases.acquire(who).catch(() => undefined)
      if (acquired?.kind === 'held') this.#lease = acquired.lease
    }
  }

  async #prepare(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts
    const rounds = this.keepers().map(({ office }): Round => ({ office, prepared: new Map() }))
    while (!signal.aborted) {
      const lease = this.lease()
      if (lease) await Promise.all(rounds.map(({ office, prepared }) => prepareSessions(office, lease, prepared)))
      const known = this.keepers().some((keeper) => keeper.view() !== undefined)
      await clock.sleep(lease && known ? PREPARE_EVERY_MS : ASK_LEASE_EVERY_MS / 4, signal).catch(() => undefined)
    }
  }
}

/** Minted once per alias; the primary's name has no part in it. */
async function clusterIdOf({ store, clock, ids }: DaemonParts, config: ClusterConfig): Promise<ClusterId> {
  const known = (await store.clusters()).find((c) => c.alias === config.alias)
  if (known) return known.id
  return store.addCluster({ id: ids.cluster(), alias: config.alias, createdAt: clock.wall() })
}

function unproven({ isProven }: DaemonParts, config: ClusterConfig, topology: Topology): readonly string[] {
  const versions = topology.members.flatMap((m) => (m.sighting.answer ? [m.sighting.answer.status.version] : []))
  const names = versions.filter((v) => !isProven(v)).map((v) => `${v.flavour} ${v.numbers[0]}.${v.numbers[1]}`)
  return [...new Set(names)].filter((name) => !config.policy.trustVersions.includes(name))
}

/** A lease that cannot be given back runs out by itself. */
async function giveBack(lease: HeldLease | undefined): Promise<void> {
  try {
    await lease?.[Symbol.asyncDispose]()
  } catch {
    return
  }
}
