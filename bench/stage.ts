/** Where benches run: real servers, the configuration that `sandbox up` generates, `regent watch` beside, an opened primary. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterJson, RecoveryJson } from '../src/faces/api/contract.ts'
import { SANDBOX_CLUSTER, sandboxConfig } from '../src/faces/cli/commands/sandbox-config.ts'
import { HttpClient } from '../src/faces/cli/http-client.ts'
import { type Flavour, freePorts, type Sandbox, type Shape, startSandbox } from '../src/lab/sandbox/index.ts'
import { endProcessesWith, THIS_CHECKOUT, WatchProcess } from './watching.ts'
import type { At } from './writing.ts'

export interface StageRequest {
  readonly server: Flavour
  readonly shape?: Shape
  /** Whose Regent runs; default this one. */
  readonly checkout?: string
  readonly onProgress?: (line: string) => void
}

/** A server that was killed recovers, answers and is repointed within this; else the bench says what it saw. */
const HEALTHY_WITHIN_MS = 60_000
const LOOK_EVERY_MS = 25

export class Stage implements AsyncDisposable {
  readonly server: Flavour
  readonly sandbox: Sandbox
  readonly #dir: string
  readonly #configPath: string
  readonly #proxyPort: number
  readonly #client: HttpClient
  readonly #watch: WatchProcess

  private constructor(parts: {
    readonly sandbox: Sandbox
    readonly dir: string
    readonly configPath: string
    readonly proxyPort: number
    readonly client: HttpClient
    readonly checkout: string
  }) {
    this.server = parts.sandbox.state.server
    this.sandbox = parts.sandbox
    this.#dir = parts.dir
    this.#configPath = parts.configPath
    this.#proxyPort = parts.proxyPort
    this.#client = parts.client
    this.#watch = new WatchProcess(parts.configPath, parts.checkout)
  }

  /** One primary with lossless semi-sync, opened and healthy. */
  static async set({ server, shape = '1+3', checkout = THIS_CHECKOUT, onProgress }: StageRequest): Promise<Stage> {
    const dir = await mkdtemp(join(tmpdir(), 'regent-bench-'))
    let stage: Stage | undefined
    let sandbox: Sandbox | undefined
    try {
      const boxDir = join(dir, 'box')
      sandbox = await startSandbox({
        server,
        shape,
        semiSync: true,
        dir: boxDir,
        ...(onProgress ? { onProgress } : {}),
      })
      const [proxyPort = 0, apiPort = 0] = await freePorts(2)
      const token = crypto.randomUUID()
      const api = { host: '127.0.0.1', port: apiPort }
      const storeDir = join(dir, 'store')
      await mkdir(storeDir, { mode: 0o700 })
      const proxy = { host: '127.0.0.1', port: proxyPort }
      const configPath = join(dir, 'regent.yaml')
      const text = sandboxConfig(sandbox.state, { storeDir, api, token, proxy, policy: { anti_flapping: '0s' } })
      await writeFile(configPath, text, { mode: 0o600 })
      const client = new HttpClient([`http://${api.host}:${api.port}`], token)
      stage = new Stage({ sandbox, dir, configPath, proxyPort, client, checkout })
      await stage.#open()
      return stage
    } catch (error) {
      if (stage) await stage[Symbol.asyncDispose]()
      else await sandbox?.down()
      await rm(dir, { recursive: true, force: true })
      throw error
    }
  }

  async #open(): Promise<void> {
    await this.until('every server is seen', ({ servers }) => count(servers) === this.sandbox.servers.length)
    const end = await this.#client.run(SANDBOX_CLUSTER, { verb: 'adopt', open: true, server: this.address('s1') })
    if (end.kind !== 'done') throw new Error(`adopt: ${JSON.stringify(end)}`)
    await this.untilHealthy()
  }

  address(id: string): string {
    const { host, port } = this.sandbox.server(id)
    return `${host}:${port}`
  }

  /** For the application's user, through the proxy. */
  get proxy(): At {
    return { host: '127.0.0.1', port: this.#proxyPort, ...this.sandbox.users.app }
  }

  get watchPid(): number {
    return this.#watch.pid
  }

  cluster(): Promise<ClusterJson> {
    return this.#client.cluster(SANDBOX_CLUSTER)
  }

  /** Id of the server whose reign it is. */
  async primary(): Promise<string> {
    const { primary } = await this.cluster()
    const found = this.sandbox.servers.find((s) => this.address(s.id) === primary)
    if (!found) throw new Error(`no server of the sandbox is the primary: ${primary}`)
    return found.id
  }

  /** For the administrator, at the present primary. */
  async atPrimary(): Promise<At> {
    const { host, port } = this.sandbox.server(await this.primary())
    return { host, port, ...this.sandbox.users.admin }
  }

  async latestRecovery(kind: 'failover' | 'switchover'): Promise<RecoveryJson | undefined> {
    return (await this.#client.history(SANDBOX_CLUSTER, 5)).find((recovery) => recovery.kind === kind)
  }

  /** Of every server but this one. */
  async stopAppliers(primary: string): Promise<void> {
    const sql = this.server === 'mysql' ? 'STOP REPLICA SQL_THREAD' : 'STOP SLAVE SQL_THREAD'
    for (const { id } of this.sandbox.servers) {
      if (id === primary) continue
      const connection = await this.sandbox.sql(id)
      await connection.query(sql).finally(() => connection.destroy())
    }
  }

  async switchOver(): Promise<void> {
    const end = await this.#client.run(SANDBOX_CLUSTER, { verb: 'switchover', by: 'bench', reason: 'a measurement' })
    if (end.kind !== 'done') throw new Error(`switchover: ${JSON.stringify(end)}`)
  }

  async until(what: string, holds: (cluster: ClusterJson) => boolean, withinMs = HEALTHY_WITHIN_MS): Promise<void> {
    const deadline = performance.now() + withinMs
    let seen: ClusterJson | undefined
    while (seen === undefined || !holds(seen)) {
      if (this.#watch.ended || performance.now() > deadline)
        throw new Error(`${what}: not so.\n${JSON.stringify(seen)}\n${this.#watch.said}`)
      seen = await this.cluster().catch(() => undefined)
      if (seen === undefined || !holds(seen)) await sleep(LOOK_EVERY_MS)
    }
  }

  /**
   * Every server answers and follows the present, open, healthy primary; or one that was killed came back with a transaction that
   * nobody else has (written to its binlog, never acknowledged), and stays out, as it must.
   */
  async untilHealthy(): Promise<'complete' | 'errant'> {
    let errant = false
    await this.until('the cluster is healthy and complete', (cluster) => {
      errant = cluster.servers.some((s) => s.findings.some(({ finding }) => finding === 'errant_transactions'))
      return cluster.verdict === 'healthy' && cluster.reignState === 'open' && (errant || isComplete(cluster))
    })
    return errant ? 'errant' : 'complete'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch[Symbol.asyncDispose]()
    endProcessesWith(this.#configPath)
    await this.sandbox.down()
    await rm(this.#dir, { recursive: true, force: true })
  }
}

function isComplete({ primary, servers }: ClusterJson): boolean {
  const others = servers.filter((s) => s.address !== primary)
  const clients = servers.find((s) => s.address === primary)?.semiSync.clients ?? 0
  const follow = others.every(
    ({ look, sources: [first] }) =>
      look === 'answered' && first?.from === primary && first?.receiver === 'running' && first?.applier === 'running',
  )
  return follow && clients === others.length
}

const count = (servers: ClusterJson['servers']): number => servers.filter((s) => s.id !== undefined).length
