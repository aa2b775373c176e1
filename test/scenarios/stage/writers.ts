/** Clients that remember what was acknowledged, in a process of their own. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Gap, Verdict } from '../../../src/lab/sandbox/index.ts'

export interface At {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
}

export type Order =
  | { readonly do: 'start'; readonly at: At; readonly count: number; readonly everyMs: number }
  | { readonly do: 'stats'; readonly overMs: number }
  | { readonly do: 'stop'; readonly withinMs: number }
  | { readonly do: 'verify'; readonly at: At }

export interface Stats {
  readonly acknowledged: number
  readonly unanswered: number
  readonly refused: number
  readonly longestGapMs: number
  readonly sinceLastMs: number
  readonly errors: Readonly<Record<string, number>>
  readonly gaps: readonly Gap[]
}

export interface Reply {
  readonly n: number
  readonly value?: readonly Stats[] | readonly Verdict[] | 'started' | 'stopped'
  readonly error?: string
}

export class Writers implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #asked = new Map<number, (reply: Reply) => void>()
  #n = 0

  private constructor() {
    const path = join(import.meta.dirname, 'writers-child.ts')
    this.#child = fork(path, [], { execArgv: ['--disable-warning=ExperimentalWarning'], stdio: 'inherit' })
    this.#child.on('message', (reply: Reply) => this.#asked.get(reply.n)?.(reply))
    this.#child.on('exit', () => {
      for (const [n, settle] of this.#asked) settle({ n, error: 'the writers process has ended' })
    })
  }

  static async start(at: At, how: { readonly count: number; readonly everyMs: number }): Promise<Writers> {
    const writers = new Writers()
    await writers.#ask({ do: 'start', at, ...how })
    return writers
  }

  async #ask(order: Order): Promise<Reply['value']> {
    const n = ++this.#n
    const reply = await new Promise<Reply>((settle) => {
      this.#asked.set(n, settle)
      this.#child.send({ n, order })
    })
    this.#asked.delete(n)
    if (reply.error !== undefined) throw new Error(`writers: ${reply.error}`)
    return reply.value
  }

  async stats(overMs = 20): Promise<readonly Stats[]> {
    return (await this.#ask({ do: 'stats', overMs })) as readonly Stats[]
  }

  async acknowledged(): Promise<number> {
    return (await this.stats()).reduce((sum, s) => sum + s.acknowledged, 0)
  }

  /** Each writer's longest time without an acknowledgement. */
  async longestGapMs(): Promise<number> {
    return Math.max(...(await this.stats()).map((s) => s.longestGapMs))
  }

  async stop(withinMs = 3000): Promise<void> {
    await this.#ask({ do: 'stop', withinMs })
  }

  async verify(at: At): Promise<{ readonly lost: number; readonly contradicted: number; readonly extra: number }> {
    const verdicts = (await this.#ask({ do: 'verify', at })) as readonly Verdict[]
    const sum = (key: keyof Verdict): number => verdicts.reduce((total, v) => total + v[key].length, 0)
    return { lost: sum('lost'), contradicted: sum('contradicted'), extra: sum('extra') }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }
}
