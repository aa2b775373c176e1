import { recoveryId } from '../../model/ids.ts'
import { named } from '../../model/naming.ts'
import type { Daemon, DaemonEvent, DaemonListener, Keeper } from '../../run/daemon/index.ts'
import type { EventJson } from './contract.ts'
import { type ClusterSource, ClusterTeller } from './events-cluster.ts'
import { type RecoveryEvent, type RecoverySource, RecoveryTeller } from './events-recovery.ts'
import { readRoutes } from './local.ts'
import { namedReasons } from './named.ts'
import { clusterJson, namesIn } from './view.ts'

export interface FeedSource {
  listen(listener: DaemonListener): Disposable
  /** One cluster by its id. */
  cluster(id: string): (ClusterSource & RecoverySource) | undefined
}

type Listener = (event: EventJson) => void

/** What the daemon tells, as JSON. While nobody listens nothing is built and no route is read. */
export class EventFeed {
  readonly #source: FeedSource
  readonly #listeners = new Set<Listener>()
  readonly #clusters = new Map<string, ClusterTeller>()
  readonly #recoveries = new Map<string, RecoveryTeller>()
  #heard: Disposable | undefined

  constructor(source: FeedSource) {
    this.#source = source
  }

  readonly subscribe = (listener: Listener): Disposable => {
    this.#listeners.add(listener)
    this.#heard ??= this.#source.listen((event) => this.#take(event))
    return { [Symbol.dispose]: () => this.#leave(listener) }
  }

  #leave(listener: Listener): void {
    this.#listeners.delete(listener)
    if (this.#listeners.size > 0) return
    this.#heard?.[Symbol.dispose]()
    this.#heard = undefined
    for (const teller of [...this.#clusters.values(), ...this.#recoveries.values()]) teller.end()
    this.#clusters.clear()
    this.#recoveries.clear()
  }

  #emit(event: EventJson): void {
    for (const listener of this.#listeners) listener(event)
  }

  #take(event: DaemonEvent): void {
    switch (event.kind) {
      case 'cycle':
        this.#cluster(event.cluster)?.moved()
        break
      case 'verdict':
        this.#emit(event)
        break
      case 'refused':
        this.#emit({ ...event, reasons: namedReasons(event.reasons, this.#namesIn(event.cluster)) })
        break
      case 'trouble':
        this.#emit({ ...event, says: named(event.says, this.#namesIn(event.cluster)) })
        break
      case 'question':
      case 'answered':
        // Nothing is looked at while it is thought about: no cycle would tell of it.
        this.#cluster(event.cluster)?.moved()
        break
      case 'recovery_began':
      case 'plan':
      case 'recovery_ended':
        this.#takeRecovery(event)
        break
      case 'step':
        this.#takeRecovery(event)
        if (movesRoute(event.event)) this.#cluster(event.cluster)?.routeMoved()
    }
  }

  #namesIn(cluster: string): Readonly<Record<string, string>> {
    return this.#source.cluster(cluster)?.names() ?? {}
  }

  #takeRecovery(event: RecoveryEvent): void {
    const source = this.#source.cluster(event.cluster)
    if (!source) return
    const known = this.#recoveries.get(event.id)
    const teller = known ?? new RecoveryTeller(source, (recovery) => this.#emit({ kind: 'recovery', recovery }))
    if (teller.take(event)) this.#recoveries.delete(event.id)
    else this.#recoveries.set(event.id, teller)
  }

  #cluster(id: string): ClusterTeller | undefined {
    const known = this.#clusters.get(id)
    if (known) return known
    const source = this.#source.cluster(id)
    if (!source) return undefined
    const trouble = (says: string): void => this.#emit({ kind: 'trouble', cluster: id, at: Date.now(), says })
    const made = new ClusterTeller(source, (cluster) => this.#emit({ kind: 'cluster', cluster }), trouble)
    this.#clusters.set(id, made)
    return made
  }
}

const ROUTE_STEPS: ReadonlySet<string> = new Set(['withdraw_route', 'announce'])

const movesRoute = ({ state, step }: Extract<DaemonEvent, { readonly kind: 'step' }>['event']): boolean =>
  state === 'ended' && ROUTE_STEPS.has(step.kind)

/** The feed of a daemon in this process. */
export function daemonEvents(daemon: Daemon): EventFeed {
  return new EventFeed({
    listen: (listener) => daemon.listen(listener),
    cluster: (id) => {
      const keeper = daemon.keepers().find((k) => k.office.cluster === id)
      return keeper && sourceOf(keeper)
    },
  })
}

function sourceOf(keeper: Keeper): ClusterSource & RecoverySource {
  return {
    json: (readings) => {
      const view = keeper.view()
      return view && clusterJson(keeper, view, readings)
    },
    readRoutes: () => readRoutes(keeper),
    read: (id) => keeper.office.journal.read(recoveryId(id)),
    names: () => {
      const view = keeper.view()
      return view ? namesIn(view.topology) : {}
    },
  }
}
