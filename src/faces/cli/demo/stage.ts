/** What the demo has set up: servers, the daemon on them, clients that write, and what is told about all three. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Sandbox } from '../../../lab/sandbox/index.ts'
import { printAddress } from '../../../model/address.ts'
import { ProblemError, problem } from '../../../model/problem.ts'
import type { Client, ClusterJson, EventJson } from '../../api/contract.ts'
import { SANDBOX_CLUSTER } from '../commands/sandbox-config.ts'
import { watchLogOf } from '../commands/sandbox-place.ts'
import type { Up } from '../commands/sandbox-up.ts'
import type { Runners } from '../runners.ts'
import { follow } from './follow.ts'
import { Load } from './load.ts'
import type { Screen } from './screen.ts'
import { namer, Teller } from './teller.ts'
import { Watcher } from './watcher.ts'

export interface StageParts {
  readonly runners: Runners
  readonly screen: Screen
  readonly signal: AbortSignal
}

/** One write every so many ms. */
export const WRITE_EVERY_MS = 5
/** Starting Node, looking at four servers and logging in on them takes half a second; two busy cores ten times that. */
const HEALTHY_WITHIN_MS = 30_000
const LOOK_AGAIN_MS = 100

export class Stage implements AsyncDisposable {
  readonly up: Up
  readonly client: Client
  readonly screen: Screen
  readonly signal: AbortSignal
  readonly watcher: Watcher
  /** Puts short names in the place of addresses. */
  name: (text: string) => string
  readonly #listeners = new Set<(event: EventJson) => void>()
  readonly #end = new AbortController()
  #following: Promise<void> = Promise.resolve()
  #load: Load | undefined
  #latest: ClusterJson | undefined

  constructor(up: Up, { runners, screen, signal }: StageParts) {
    this.up = up
    this.screen = screen
    this.signal = signal
    this.client = runners.remote([up.json.api.url], up.json.api.token)
    this.watcher = Watcher.start(up.json.config, watchLogOf(up.dir))
    this.name = namer(new Map(up.sandbox.servers.map((server) => [printAddress(server), server.id])))
  }

  get sandbox(): Sandbox {
    return this.up.sandbox
  }

  /** The daemon watches a healthy cluster, and clients write. */
  async open(): Promise<void> {
    const cluster = await this.healthy()
    this.#nameServers(cluster)
    const teller = new Teller(this.screen, (text) => this.name(text))
    this.listen((event) => teller.take(event))
    this.listen((event) => {
      if (event.kind === 'cluster') this.#latest = event.cluster
    })
    const tell = (event: EventJson): void => {
      for (const listener of this.#listeners) listener(event)
    }
    this.#following = follow(this.up.json.api.url, tell, this.#end.signal)
    const { proxy, users } = this.up.json
    this.#load = await Load.start({ ...proxy, ...users.app, everyMs: WRITE_EVERY_MS })
    void this.#reportWriter()
  }

  get load(): Load {
    if (this.#load === undefined) throw new Error('the stage is not open')
    return this.#load
  }

  /** As the daemon last told it; undefined before that. */
  get latest(): ClusterJson | undefined {
    return this.#latest
  }

  listen(listener: (event: EventJson) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  cluster(): Promise<ClusterJson> {
    return this.client.cluster(SANDBOX_CLUSTER)
  }

  /** Once the daemon says that it is healthy: before that its view may be that of a moment ago. */
  async primary(): Promise<string> {
    return this.until('a healthy primary', HEALTHY_WITHIN_MS, async () => {
      const { verdict, primary } = await this.cluster()
      return verdict === 'healthy' ? this.serverAt(primary) : undefined
    })
  }

  serverAt(address: string | undefined): string {
    const found = this.sandbox.servers.find((server) => printAddress(server) === address)
    if (found) return found.id
    throw failure(`the primary (${address ?? 'none'}) is no server of the sandbox`)
  }

  addressOf(id: string): string {
    return printAddress(this.sandbox.server(id))
  }

  /** Looks again and again; whoever ends the demo, and a daemon that ended, end the waiting. */
  async until<T>(what: string, withinMs: number, look: () => Promise<T | undefined>): Promise<T> {
    const deadline = performance.now() + withinMs
    for (;;) {
      this.signal.throwIfAborted()
      const found = await look()
      if (found !== undefined) return found
      if (this.watcher.how !== undefined) throw failure(`regent watch ended (${this.watcher.how})`)
      if (performance.now() > deadline) throw failure(`not within ${withinMs / 1000} s: ${what}`)
      await sleep(LOOK_AGAIN_MS, undefined, { signal: this.signal })
    }
  }

  /** Every server that runs has its place, the proxy leads to the primary, and acknowledgements are counted. */
  async healthy(): Promise<ClusterJson> {
    return this.until('a healthy cluster, as regent watch sees it', HEALTHY_WITHIN_MS, async () => {
      const cluster = await this.cluster().catch(() => undefined)
      return cluster && isWhole(cluster) ? cluster : undefined
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort()
    await this.#load?.stop()
    await this.#following
    await this.client.end()
    await this.watcher[Symbol.asyncDispose]()
  }

  #nameServers(cluster: ClusterJson): void {
    const names = new Map(this.sandbox.servers.map((server) => [printAddress(server), server.id]))
    for (const { id, address } of cluster.servers) if (id !== undefined) names.set(id, names.get(address) ?? address)
    this.name = namer(names)
  }

  /** The page shows what the clients feel; that nobody shows it is no reason to stop. */
  async #reportWriter(): Promise<void> {
    const { url, token } = this.up.json.api
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
    while (!this.#end.signal.aborted) {
      const body = JSON.stringify(this.load.stats())
      await fetch(`${url}/api/v1/writer`, { method: 'POST', headers, body, signal: this.#end.signal })
        .then((answer) => answer.body?.cancel())
        .catch(() => undefined)
      await sleep(1000, undefined, { signal: this.#end.signal }).catch(() => undefined)
    }
  }
}

export const failure = (what: string): ProblemError =>
  new ProblemError(problem('sandbox_failed', { what, fix: 'run it again with --keep and look at the logs' }))

function isWhole({ verdict, primary, servers, routes }: ClusterJson): boolean {
  const others = servers.filter(({ address, look }) => address !== primary && look === 'answered')
  const stream = others.filter(({ sources }) => sources.some(({ receiver }) => receiver === 'running'))
  const source = servers.find(({ address }) => address === primary)?.semiSync
  const counted = source === undefined || !source.source || source.clients >= Math.max(1, stream.length)
  return (
    verdict === 'healthy' &&
    others.length > 0 &&
    stream.length === others.length &&
    counted &&
    routes.every(({ state }) => state === 'open')
  )
}
