/** The desk of a person: a directory with a configuration, and the program as they run it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts, USERS } from '../../../src/lab/sandbox/index.ts'
import { endAll, pidsWith } from '../stage/leftovers.ts'
import { until } from '../stage/waiting.ts'

const MAIN = join(import.meta.dirname, '../../../src/main.ts')

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** A process of the program that goes on; what it prints is gathered. */
export class Running implements AsyncDisposable {
  readonly child: ChildProcess
  out = ''
  err = ''

  constructor(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv) {
    const node = ['--disable-warning=ExperimentalWarning', MAIN, ...args]
    this.child = spawn(process.execPath, node, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.out += text
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.err += text
    })
  }

  get ended(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }

  /** Until it has printed this; at once with all that it said where it ends before. */
  says(text: string | RegExp, withinMs = 15_000): Promise<void> {
    const said = () => (typeof text === 'string' ? this.out.includes(text) : text.test(this.out))
    const look = () => {
      if (!said() && this.ended) throw new Error(`it ended with ${this.child.exitCode}: ${this.out}${this.err}`)
      return said()
    }
    return until(`it says ${text}`, look, { withinMs, seen: () => `${this.out}${this.err}` })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.ended) return
    const gone = once(this.child, 'exit')
    this.child.kill('SIGTERM')
    const late = setTimeout(() => this.child.kill('SIGKILL'), 5000)
    await gone
    clearTimeout(late)
  }
}

/** Everything that a test may want to be wrong. */
export interface ClusterSettings {
  readonly seeds: readonly string[]
  readonly monitor?: { readonly user: string; readonly password: string }
  readonly replication?: { readonly user: string; readonly password: string }
  readonly more?: Readonly<Record<string, unknown>>
}

export class Desk implements AsyncDisposable {
  readonly dir: string
  readonly apiPort: number

  private constructor(dir: string, apiPort: number) {
    this.dir = dir
    this.apiPort = apiPort
  }

  static async open(): Promise<Desk> {
    const [apiPort = 0] = await freePorts(1)
    return new Desk(await mkdtemp(join(tmpdir(), 'regent-desk-')), apiPort)
  }

  get store(): string {
    return join(this.dir, 'store')
  }

  /** `root`: keys beside the clusters. JSON is YAML. */
  async configure(
    clusters: Readonly<Record<string, ClusterSettings>>,
    root: Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    const written = Object.entries(clusters).map(([alias, { seeds, monitor, replication, more }]) => [
      alias,
      { seeds, users: { monitor: monitor ?? USERS.monitor, replication: replication ?? USERS.replication }, ...more },
    ])
    const file = {
      store: 'store',
      api: { listen: `127.0.0.1:${this.apiPort}` },
      ...root,
      clusters: Object.fromEntries(written),
    }
    await this.write(JSON.stringify(file, undefined, 2))
  }

  /** The text of the configuration as it is. */
  write(text: string): Promise<void> {
    return writeFile(join(this.dir, 'regent.yaml'), text, { mode: 0o600 })
  }

  start(...args: readonly string[]): Running {
    return new Running(args, this.dir, { ...process.env, NO_COLOR: '1', REGENT_CONFIG: '', REGENT_API: '' })
  }

  async regent(...args: readonly string[]): Promise<Ended> {
    const running = this.start(...args)
    const late = setTimeout(() => running.child.kill('SIGKILL'), 60_000)
    // `close` and not `exit`: by then all of its output has come.
    await once(running.child, 'close')
    clearTimeout(late)
    return { code: running.child.exitCode, out: running.out, err: running.err }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    endAll(pidsWith(this.dir))
    await rm(this.dir, { recursive: true, force: true })
  }
}
