/** The daemon of the demo: a child `regent watch` on the generated configuration, exactly what a user would run. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const MAIN = join(import.meta.dirname, '../../../main.ts')
/** It gives its lease back and closes its connections; a loaded machine needs a while for that. */
const END_WITHIN_MS = 5000

export class Watcher implements AsyncDisposable {
  readonly logFile: string
  readonly #child: ChildProcess
  readonly #ended: Promise<void>
  #how: string | undefined

  private constructor(child: ChildProcess, logFile: string) {
    this.#child = child
    this.logFile = logFile
    this.#ended = new Promise((resolve) => {
      const end = (how: string): void => {
        this.#how = how
        resolve()
      }
      child.once('error', (error) => end(error.message))
      child.once('exit', (code, signal) => end(signal ?? `exit code ${code}`))
    })
  }

  /** In a process group of its own: Ctrl-C is the demo's, which then ends it in its turn. */
  static start(config: string, logFile: string): Watcher {
    const log = openSync(logFile, 'a', 0o600)
    try {
      const args = [...process.execArgv, MAIN, 'watch', '--config', config]
      const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', log, log] })
      return new Watcher(child, logFile)
    } finally {
      closeSync(log)
    }
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** How it ended; undefined while it runs. */
  get how(): string | undefined {
    return this.#how
  }

  async lastLines(count: number): Promise<readonly string[]> {
    const text = await readFile(this.logFile, 'utf8').catch(() => '')
    return text.trimEnd().split('\n').slice(-count)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      if (this.#how !== undefined) return
      this.#child.kill(signal)
      await Promise.race([this.#ended, sleep(END_WITHIN_MS)])
    }
  }
}
