/** A daemon as a process of its own, so that it can be frozen and killed: `regent watch` on the generated configuration. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** One line of its log. */
export type Line = Readonly<Record<string, unknown>> & { readonly msg: string }

const MAIN = join(import.meta.dirname, '../../../src/main.ts')
const REDIRECT = join(import.meta.dirname, 'redirect.ts')

export class WatchChild implements AsyncDisposable {
  readonly lines: Line[] = []
  readonly #child: ChildProcess
  readonly #onLine: ((line: Line) => void)[] = []
  #said = ''

  constructor(configPath: string, redirect?: { readonly from: number; readonly to: number }) {
    const preload = redirect ? ['--import', REDIRECT] : []
    const args = ['--disable-warning=ExperimentalWarning', ...preload, MAIN, 'watch', '--config', configPath]
    const env = redirect ? { ...process.env, REGENT_TEST_REDIRECT: `${redirect.from}:${redirect.to}` } : process.env
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
