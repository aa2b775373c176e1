/**
 * What every story needs: real servers, a configuration, a daemon inside this process or beside it, the proxy as in production,
 * clients that remember, and a watcher that fails the story when two servers were writable at once.
 */
import { existsSync, rmSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Composed, composeDaemon } from '../../src/compose.ts'
import type { Client, ClusterJson, EndJson, RecoveryJson, ServerJson } from '../../src/faces/api/contract.ts'
import { LocalClient } from '../../src/faces/api/local.ts'
import { HttpClient } from '../../src/faces/cli/http-client.ts'
import { freePorts } from '../../src/lab/sandbox/free-ports.ts'
import { type Sandbox, type Shape, type SqlConnection, startSandbox } from '../../src/lab/sandbox/index.ts'
import type { RegentConfig } from '../../src/model/cluster.ts'
import type { DaemonEvent } from '../../src/run/daemon/index.ts'
import { type Beside, WatchChild } from './stage/child.ts'
import { endAll, pidsWith } from './stage/leftovers.ts'
import { ALIAS, type Place, type Settings, writeSettings } from './stage/settings.ts'
import { until, within } from './stage/waiting.ts'
import { Watcher } from './stage/watcher.ts'
import { flavour, words } from './stage/words.ts'
import { Writers } from './stage/writers.ts'

export { throughout, until, within } from './stage/waiting.ts'
export { flavour, soak, words } from './stage/words.ts'

export interface StageRequest extends Settings {
  readonly shape?: Shape
  readonly semiSync?: boolean
  readonly waitCount?: number
  readonly extraServerOptions?: readonly string[]
}

export type KindOf<K extends DaemonEvent['kind']> = Extract<DaemonEvent, { readonly kind: K }>

interface Parts {
  readonly sandbox: Sandbox
  readonly place: Place
  readonly path: string
  readonly config: RegentConfig
}

/** Servers as the sandbox leaves them: replicating, all read-only. Nobody watches yet. */
export async function setStage(request: StageRequest = {}): Promise<Stage> {
  const dir = await mkdtemp(join(tmpdir(), 'regent-stage-'))
  const { shape = '1+2', semiSync = true, waitCount, extraServerOptions, ...settings } = request
  let sandbox: Sandbox | undefined
  try {
    sandbox = await startSandbox({
      server: flavour,
      shape,
      semiSync,
      dir: join(dir, 'box'),
      ...(waitCount === undefined ? {} : { waitCount }),
      ...(extraServerOptions ? { extraServerOptions } : {}),
    })
    const [proxyPort = 0, apiPort = 0] = await freePorts(2)
    const place = { dir, proxyPort, apiPort }
    const policy = { ...(semiSync ? { semi_sync: { wait_count: waitCount ?? 1 } } : {}), ...settings.policy }
    const { path, config } = await writeSettings(sandbox, place, { ...settings, policy })
    return new Stage({ sandbox, place, path, config })
  } catch (error) {
    await sandbox?.down()
    await rm(dir, { recursive: true, force: true })
    throw error
  }
}

export class Stage implements AsyncDisposable {
  readonly sandbox: Sandbox
  readonly config: RegentConfig
  readonly configPath: string
  readonly watcher: Watcher
  /** What the daemon inside this process told; cycles are not kept. */
  readonly events: DaemonEvent[] = []
  readonly #place: Place
  readonly #closing = new AsyncDisposableStack()
  readonly #connections: SqlConnection[] = []
  #inside: { readonly composed: Composed; readonly stop: AbortController; readonly running: Promise<void> } | undefined
  #client: Client | undefined
  #overlapsTold = false

  constructor({ sandbox, place, path, config }: Parts) {
    this.sandbox = sandbox
    this.config = config
    this.configPath = path
    this.#place = place
    this.watcher = new Watcher(sandbox)
    process.once('exit', this.#sweep)
  }

  get client(): Client {
    if (!this.#client) throw new Error('no Regent watches yet')
    return this.#client
  }

  // ---- Regent

  /** A daemon in this process. */
  async watchInside(): Promise<void> {
    const composed = await composeDaemon(this.config, {
      onTrouble: (says) => void this.events.push({ kind: 'trouble', cluster: '' as never, at: 0 as never, says }),
      spawnProxies: true,
    })
    const { daemon } = composed
    daemon.listen((event) => void (event.kind !== 'cycle' && this.events.push(event)))
    const started = await daemon.start('the stage')
    if (started.kind === 'taken') throw new Error(`the lease is held by ${started.by}`)
    for (const keeper of daemon.keepers()) {
      const troubles = await keeper.office.revive()
      if (troubles.length > 0) throw new Error(troubles.join('; '))
    }
    const stop = new AbortController()
    this.#inside = { composed, stop, running: daemon.run('the stage', stop.signal) }
    this.#client = new LocalClient(daemon)
    await this.#untilSeen()
  }

  async endInside(): Promise<void> {
    if (!this.#inside) return
    this.#inside.stop.abort()
    await this.#inside.running
    await this.#inside.composed.end()
    this.#inside = undefined
  }

  /** `regent watch` as a process. It ends with the stage. */
  async watchBeside(how: Omit<Beside, 'apiPort'> = {}): Promise<WatchChild> {
    const [apiPort = 0] = await freePorts(1)
    const child = this.#closing.use(new WatchChild(this.configPath, { ...how, apiPort }))
    await until('the daemon serves its API', () => child.has('the page and the API are served') || child.ended, {
      seen: () => child.text(),
    })
    if (child.ended) throw new Error(`regent watch ended with ${child.exitCode}: ${child.text()}`)
    const token = (await readFile(join(this.config.storeDir, 'api.token'), 'utf8')).trim()
    this.#client = new HttpClient([`http://127.0.0.1:${apiPort}`], token)
    await this.#untilSeen(() => child.text())
    return child
  }

  #untilSeen(seen = (): string | Promise<string> => this.story()): Promise<void> {
    const alive = this.sandbox.servers.filter((s) => this.sandbox.isAlive(s.id)).length
    return until(
      'all servers that live are seen',
      async () => (await this.cluster()).servers.filter((s) => s.id !== undefined).length >= alive,
      { seen },
    )
  }

  /** The first reign: s1 is opened, all others follow it, and it commits. */
  async open(): Promise<void> {
    const end = await this.client.run(ALIAS, { verb: 'adopt', open: true, server: this.address('s1') })
    if (end.kind !== 'done') throw new Error(`adopt: ${JSON.stringify(end)}`)
    await this.untilHealthy('s1')
    await this.run('s1', 'CREATE DATABASE IF NOT EXISTS app')
  }

  command(json: Parameters<Client['run']>[1]): Promise<EndJson> {
    return within(60_000, `the command ${json.verb}`, this.client.run(ALIAS, json)).catch(async (error: unknown) => {
      throw new Error(`${String(error)}\n${await this.story()}`)
    })
  }

  cluster(): Promise<ClusterJson> {
    return this.client.cluster(ALIAS)
  }

  /** A server as Regent shows it. */
  async shown(id: string): Promise<ServerJson | undefined> {
    return (await this.cluster()).servers.find((s) => s.address === this.address(id))
  }

  history(): Promise<readonly RecoveryJson[]> {
    return this.client.history(ALIAS, 50)
  }

  async recoveries(kind: string): Promise<readonly RecoveryJson[]> {
    return (await this.history()).filter((r) => r.kind === kind)
  }

  happened<K extends DaemonEvent['kind']>(kind: K): readonly KindOf<K>[] {
    return this.events.filter((e): e is KindOf<K> => e.kind === kind)
  }

  /** The primary that Regent reigns by is this one, open, healthy; everybody else who is alive follows it with both threads. */
  async untilHealthy(id: string, withinMs = 20_000): Promise<void> {
    await until(`${id} is the healthy primary and is followed by all`, () => this.#isHealthy(id), {
      withinMs,
      seen: () => this.story(),
    })
  }

  async #isHealthy(id: string): Promise<boolean> {
    const { verdict, primary, reignState, servers, openRecovery } = await this.cluster()
    if (verdict !== 'healthy' || primary !== this.address(id) || reignState !== 'open') return false
    // A new primary is well before the last step of its recovery has ended.
    if (openRecovery !== undefined) return false
    const others = servers.filter((s) => s.address !== primary && s.look === 'answered')
    const follow = others.every((s) => s.sources.length === 1 && s.sources[0]?.from === primary && bothRun(s))
    return follow && (await this.writable()).join() === id
  }

  /** Which server the recorded reign names. */
  async primary(): Promise<string | undefined> {
    const { primary } = await this.cluster()
    return this.sandbox.servers.find((s) => `${s.host}:${s.port}` === primary)?.id
  }

  /** A finished failover has put somebody else in office. */
  async untilReplaced(old: string, withinMs = 20_000): Promise<string> {
    await until(
      `${old} is replaced`,
      async () => {
        const now = await this.primary()
        return now !== undefined && now !== old && (await this.cluster()).reignState === 'open'
      },
      { withinMs, seen: () => this.story() },
    )
    return (await this.primary()) ?? ''
  }

  /** For messages of failed stories: what Regent saw and did. */
  async story(): Promise<string> {
    const cluster = await this.cluster().catch((error: unknown) => String(error))
    const told = this.events.map((e) => {
      if (e.kind === 'step')
        return `step ${e.event.step.id} ${e.event.state} ${JSON.stringify(e.event.outcome ?? '').slice(0, 200)}`
      if (e.kind === 'verdict') return `verdict ${e.diagnosis.primary.row}: ${e.diagnosis.primary.because}`
      if (e.kind === 'plan') return `plan act ${e.plan.act}: ${e.plan.steps.map((s) => s.id).join(' ')}`
      return JSON.stringify(e)
    })
    return `${JSON.stringify(cluster)}\n${told.slice(-80).join('\n')}`.slice(0, 20_000)
  }

  // ---- servers

  address(id: string): string {
    const { host, port } = this.sandbox.server(id)
    return `${host}:${port}`
  }

  get replicas(): readonly string[] {
    return this.sandbox.servers.map((s) => s.id).filter((id) => id !== 's1')
  }

  async run(id: string, ...statements: readonly string[]): Promise<void> {
    const connection = await this.sandbox.sql(id)
    try {
      for (const statement of statements) await connection.query(statement)
    } finally {
      connection.destroy()
    }
  }

  /** A session of its own, ended with the stage. */
  async session(id: string, user: 'admin' | 'app' = 'admin'): Promise<SqlConnection> {
    const connection = await this.sandbox.sql(id, user)
    this.#connections.push(connection)
    return connection
  }

  /** A client of the application, through the proxy. */
  async clientSession(): Promise<SqlConnection> {
    const { default: mysql } = await import('mysql2/promise')
    const connection = await mysql.createConnection({ ...this.proxy, connectTimeout: 15_000 })
    connection.on('error', () => undefined)
    this.#connections.push(connection)
    return connection
  }

  /** The first cell of the first row, as text. */
  async ask(id: string, sql: string): Promise<string> {
    const connection = await this.sandbox.sql(id)
    try {
      const [rows] = await connection.query({ sql, rowsAsArray: true })
      const first: unknown = Array.isArray(rows) ? rows[0] : undefined
      return Array.isArray(first) ? String(first[0]) : ''
    } finally {
      connection.destroy()
    }
  }

  /** The server's own words on its channel. */
  async channel(id: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const connection = await this.sandbox.sql(id)
    try {
      const [rows] = await connection.query(words.status)
      const first: unknown = Array.isArray(rows) ? rows[0] : undefined
      return typeof first === 'object' && first !== null ? { ...first } : undefined
    } finally {
      connection.destroy()
    }
  }

  /** Which servers take writes, asked now, each by itself. */
  async writable(): Promise<readonly string[]> {
    const alive = this.sandbox.servers.filter((s) => this.sandbox.isAlive(s.id))
    const answers = await Promise.all(
      alive.map(async ({ id }) => ((await this.ask(id, 'SELECT @@GLOBAL.read_only')) === '0' ? [id] : [])),
    )
    return answers.flat()
  }

  /** How the servers stand, in their own words: what no story may change where nothing was to be changed. */
  async arrangement(): Promise<Readonly<Record<string, string>>> {
    const alive = this.sandbox.servers.filter((s) => this.sandbox.isAlive(s.id))
    const entries = alive.map(async ({ id }): Promise<readonly [string, string]> => {
      const channel = (await this.channel(id)) ?? {}
      const source = Number(channel['Source_Port'] ?? channel['Master_Port'] ?? 0)
      const threads = `${channel[words.receiver] ?? '-'}/${channel[words.applier] ?? '-'}`
      const closed = await this.ask(id, 'SELECT @@GLOBAL.read_only')
      return [id, `read_only=${closed} source=${source} ${threads}`]
    })
    return Object.fromEntries(await Promise.all(entries))
  }

  // ---- clients

  get proxy() {
    return { host: '127.0.0.1', port: this.#place.proxyPort, ...this.sandbox.users.app }
  }

  async writers(count = 4, everyMs = 5): Promise<Writers> {
    const at = this.config.clusters[0]?.routes.length ? this.proxy : { ...this.sandbox.server('s1'), ...this.app }
    const { host, port, user, password } = at
    const writers = this.#closing.use(await Writers.start({ host, port, user, password }, { count, everyMs }))
    await until('the writers write', async () => (await writers.acknowledged()) > 20)
    return writers
  }

  private get app() {
    return this.sandbox.users.app
  }

  /** Ends the writers and compares what they remember with what the server has. */
  verify(writers: Writers, id: string) {
    const { host, port } = this.sandbox.server(id)
    return writers.stop().then(() => writers.verify({ host, port, ...this.sandbox.users.admin }))
  }

  /** Where a story makes two servers writable at once by itself: what the watcher saw until now, which it then forgives. */
  expectOverlaps() {
    this.#overlapsTold = true
    return this.watcher.overlaps()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const overlaps = this.watcher.overlaps()
    const stretches = JSON.stringify(this.watcher.stretches())
    for (const connection of this.#connections) connection.destroy()
    // A frozen process ends nobody's waiting: first everything runs again, then it ends.
    for (const pid of pidsWith(this.#place.dir)) this.#wake(pid)
    await this.#closing.disposeAsync()
    await this.endInside()
    await this.watcher[Symbol.asyncDispose]()
    await this.sandbox.down()
    endAll(pidsWith(this.#place.dir))
    await rm(this.#place.dir, { recursive: true, force: true })
    process.off('exit', this.#sweep)
    if (overlaps.length > 0 && !this.#overlapsTold)
      throw new Error(`two servers were writable at once: ${JSON.stringify(overlaps)} of ${stretches}`)
  }

  /** A runner that gives up on a hanging story ends this process before anything is disposed of. */
  readonly #sweep = (): void => {
    endAll(pidsWith(this.#place.dir))
    rmSync(this.#place.dir, { recursive: true, force: true })
  }

  #wake(pid: number): void {
    if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGCONT')
  }

  /** Copies of a data directory and the like stand here. */
  async dir(name: string): Promise<string> {
    const path = join(this.#place.dir, name)
    await mkdir(path, { recursive: true })
    return path
  }
}

const bothRun = (server: ServerJson): boolean =>
  server.sources.every((s) => s.receiver === 'running' && s.applier === 'running')
