import type { ClusterConfig } from '../../model/cluster.ts'
import { DEFAULT_POLICY, type Policy } from '../../model/policy.ts'
import type { Flavour } from '../../model/version.ts'
import { Durable } from './durable.ts'
import { RegentProcess } from './process.ts'
import { Promises } from './promises.ts'
import type { ModelServer } from './server.ts'
import { Timeline } from './timeline.ts'
import { type RoutePlace, Universe } from './universe.ts'
import { Writer } from './writer.ts'

export interface SceneOptions {
  readonly flavour: Flavour
  /** Including the primary. */
  readonly servers: number
  /** 0: no semi-sync. */
  readonly waitCount: number
  readonly routes: readonly string[]
  readonly startsReadOnly: boolean
  readonly policy?: Partial<Policy>
  readonly writeEveryMs?: number
  /** All servers read-only and nobody adopted: for the first reign. */
  readonly closed?: boolean
}

export const A_SCENE: SceneOptions = {
  flavour: 'mysql',
  servers: 3,
  waitCount: 1,
  routes: ['proxy'],
  startsReadOnly: true,
}

/** A cluster, its clients, a store, and the processes of Regent that come and go. */
export class Scene {
  readonly options: SceneOptions
  readonly timeline = new Timeline()
  readonly universe: Universe
  readonly durable = new Durable()
  readonly promises: Promises
  readonly writer: Writer
  readonly processes: RegentProcess[] = []
  readonly config: ClusterConfig

  constructor(options: SceneOptions) {
    this.options = options
    this.universe = new Universe(
      this.timeline,
      Array.from({ length: options.servers }, (_, i) => ({
        name: `s${i + 1}`,
        numericId: i + 1,
        flavour: options.flavour,
        startsReadOnly: options.startsReadOnly,
      })),
    )
    this.universe.routes.push(...options.routes.map((name): RoutePlace => ({ name, reachable: true })))
    connect(this.universe, options)
    this.promises = new Promises(this.universe, (opened) => this.#planFor(opened))
    this.writer = new Writer(this.universe, this.universe.routes[0], options.writeEveryMs ?? 40)
    this.config = configOf(this.universe, options)
  }

  async regent(): Promise<RegentProcess> {
    const process = this.launch()
    await this.timeline.run(() => process.state !== 'starting', 2000)
    if (process.state === 'refused') throw new Error(`the lease is held by another:\n${this.tell()}`)
    return process
  }

  /** A process that begins as virtual time passes, or ends at once where another one holds the lease. */
  launch(): RegentProcess {
    const { universe, durable, config } = this
    const process = new RegentProcess({ name: `regent-${this.processes.length + 1}`, universe, durable, config })
    this.processes.push(process)
    void process.start()
    return process
  }

  /** The daemon has adopted the cluster, its routes lead to the primary, and clients write. */
  async steady(): Promise<RegentProcess> {
    const process = await this.regent()
    const settled = await this.timeline.run(
      () => this.reign()?.state === 'open' && this.led() && this.writer.acknowledged.length > 3,
      10_000,
    )
    if (!settled) throw new Error(`no steady state:\n${this.tell()}`)
    await this.timeline.pass(1200)
    return process
  }

  reign() {
    return this.durable.newestFirst(this.durable.clusters[0]?.id ?? ('c1' as never))[0]
  }

  /** Every route leads to the primary of the reign. */
  led(): boolean {
    const primary = this.reign()?.primary
    return this.universe.routes.every(
      (r) => r.message?.kind === 'open' && this.universe.at(r.message.primary)?.id === primary,
    )
  }

  primary(): ModelServer | undefined {
    const reign = this.reign()
    return this.universe.servers.find((s) => s.id === reign?.primary)
  }

  /** Clients write through to a server that lives, and have been answered since. */
  async writable(withinMs: number): Promise<boolean> {
    const before = this.writer.acknowledged.length
    return this.timeline.run(() => this.writer.acknowledged.length > before, withinMs)
  }

  openRecovery() {
    return [...this.durable.recoveries.values()].find((r) => ['act1', 'act2', 'undoing'].includes(r.record.state))
  }

  /** Of the recovery that is open, the act that opens this server. */
  #planFor({ id }: ModelServer) {
    return this.openRecovery()?.plans.findLast((p) => p.steps.some((s) => s.kind === 'open_server' && s.server === id))
  }

  /** Acknowledged transactions that this server does not have. */
  lostOn(server: ModelServer): number {
    return this.writer.acknowledged.filter((a) => !server.has(a.transaction)).length
  }

  tell(): string {
    const recoveries = [...this.durable.recoveries.values()].map(
      ({ record, plans }) =>
        `${record.id} ${record.kind} ${record.state} plans ${plans.length} ${record.refusals.map((r) => r.code).join(',')}`,
    )
    return [
      ...this.promises.broken,
      `${this.universe}`,
      `routes: ${this.universe.routes.map((r) => JSON.stringify(r.message)).join(' ')}`,
      ...recoveries,
      `reign ${JSON.stringify(this.reign())}`,
      ...this.processes.flatMap((p) => [p.life.name, ...p.said().slice(-60), ...p.broken.map(String)]),
    ].join('\n')
  }
}

/** s1 leads, the others follow it. */
export function connect(universe: Universe, options: Pick<SceneOptions, 'waitCount' | 'closed'>): void {
  const [primary, ...replicas] = universe.servers
  if (primary === undefined) return
  if (!options.closed) primary.access = 'writable'
  if (options.waitCount > 0) primary.source = { enabled: true, waitCount: options.waitCount }
  for (const replica of replicas) {
    replica.replicaSide = options.waitCount > 0
    replica.channel = {
      source: primary.address,
      receiver: 'running',
      applier: 'running',
      relay: [],
      heartbeats: 0,
      countedAt: universe.timeline.now,
      heartbeatMs: DEFAULT_POLICY.heartbeatMs,
      connectRetryMs: DEFAULT_POLICY.connectRetryMs,
      connecting: false,
    }
  }
}

function configOf(universe: Universe, options: SceneOptions): ClusterConfig {
  const account = { user: 'regent', password: '' }
  return {
    alias: 'shop',
    seeds: universe.servers.map((s) => s.address),
    monitor: account,
    replication: account,
    tls: { mode: 'off' },
    replicationTls: { mode: 'off' },
    servers: new Map(),
    untrustedAddresses: [],
    routes: [],
    policy: {
      ...DEFAULT_POLICY,
      routesAreComplete: true,
      startsReadOnly: options.startsReadOnly,
      antiFlappingMs: 0,
      ...options.policy,
    },
  }
}
