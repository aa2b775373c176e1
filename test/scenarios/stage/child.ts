/** A daemon as a process of its own, so that it can be frozen and killed: `regent watch` on the generated configuration. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** One line of its log. */
export type Line = Readonly<Record<string, unknown>> & { readonly msg: string }

const MAIN = join(import.meta.dirname, '../../../src/main.ts')
const REDIRECT = join(import.meta.dirname, 'redirect.ts')

export interface Beside {
  /** Connections of the daemon to the one port go to the other. */
  readonly redirect?: { readonly from: number; readonly to: number }
  /** A loopback address from which all its connections come. */
  readonly from?: string
  readonly apiPort: number
}

/** Steps of a failover, not those of an adoption or a repair. */
const FAILOVER_STEP =
  /^(withdraw|seal|start_applier|drain|attach|stop_applier|source_on|count|barrier|open|announce|crown|reset)/

export class WatchChild implements AsyncDisposable {
  readonly lines: Line[] = []
  readonly #child: ChildProcess
  readonly #onLine: ((line: Line) => void)[] = []
  #said = ''

  constructor(configPath: string, { redirect, from, apiPort }: Beside) {
    const preload = redirect || from ? ['--import', REDIRECT] : []
    const args = ['--disable-warning=ExperimentalWarning', ...preload, MAIN, 'watch', '--config', configPath]
    const env = {
      ...process.env,
      REGENT_API_LISTEN: `127.0.0.1:${apiPort}`,
      ...(redirect ? { REGENT_TEST_REDIRECT: `${redirect.from}:${redirect.to}` } : {}),
      ...(from ? { REGENT_TEST_FROM: from } : {}),
    }
    this.#child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let rest = ''
    this.#child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = `${rest}${chunk}`.split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) this.#take(line)
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#said += chunk
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  get exitCode(): number | null {
    return this.#child.exitCode
  }

  /** What it wrote to stderr. */
  get said(): string {
    return this.#said
  }

  onLine(listener: (line: Line) => void): void {
    this.#onLine.push(listener)
  }

  /** Does it, at once, when the n-th line about a step of a failover is told; resolves with that line's words. */
  atStepLine(n: number, act: () => void): Promise<string> {
    let seen = 0
    return new Promise((resolve) => {
      this.onLine((line) => {
        if (!line.msg.startsWith('step ') || !FAILOVER_STEP.test(String(line['step']))) return
        seen += 1
        if (seen !== n) return
        act()
        resolve(`${line.msg} ${line['step']}`)
      })
    })
  }

  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child.kill('SIGCONT')
  }

  async kill(): Promise<void> {
    if (this.ended) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }

  has(message: string, facts: Readonly<Record<string, unknown>> = {}): boolean {
    return this.lines.some((l) => l.msg === message && Object.entries(facts).every(([key, value]) => l[key] === value))
  }

  text(): string {
    return `${this.lines.map((line) => JSON.stringify(line)).join('\n')}\n${this.#said}`
  }

  #take(text: string): void {
    try {
      const line: Line = JSON.parse(text)
      this.lines.push(line)
      for (const listener of this.#onLine) listener(line)
    } catch {
      this.#said += `${text}\n`
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}
