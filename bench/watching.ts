/** `regent watch` as a user would run it: a process of its own on a configuration file. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const THIS_CHECKOUT = join(import.meta.dirname, '..')

export class WatchProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  #said = ''

  /** `checkout`: whose Regent runs. */
  constructor(configPath: string, checkout: string) {
    // It becomes Regent: its pid is the daemon's.
    const program = join(checkout, 'bin/regent')
    this.#child = spawn(program, ['watch', '--config', configPath], { stdio: ['ignore', 'pipe', 'pipe'] })
    const keep = (text: string): void => {
      this.#said = `${this.#said}${text}`.slice(-20_000)
    }
    this.#child.stdout?.setEncoding('utf8').on('data', keep)
    this.#child.stderr?.setEncoding('utf8').on('data', keep)
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** The end of its log. */
  get said(): string {
    return this.#said
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.ended) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 5000)
    await gone
    clearTimeout(late)
  }
}

/** A proxy outlives the daemon that started it: it is found by the path of a configuration that only this bench has. */
export function endProcessesWith(configPath: string): void {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0')
      if (words.includes(configPath)) process.kill(Number(name), 'SIGTERM')
    } catch {
      // Gone in between: that is what was wanted.
    }
  }
}
