/** A client that writes through the proxy and remembers what was acknowledged, in a process of its own. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export interface At {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
}

export type Order =
  | { readonly do: 'start'; readonly at: At; readonly everyMs: number; readonly name: string }
  /** Times (wall, ms) of the last one before `since` and of all after it. */
  | { readonly do: 'acknowledgements'; readonly since: number }
  | { readonly do: 'stop' }
  /** Of all writers of this process: how many acknowledged rows are missing, and how many were acknowledged. */
  | { readonly do: 'verify'; readonly at: At }

export interface Reply {
  readonly n: number
  readonly value?: readonly number[] | undefined
  readonly error?: string
}

export class Writing implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #asked = new Map<number, (reply: Reply) => void>()
  #n = 0

  constructor() {
    const path = join(import.meta.dirname, 'writing-child.ts')
    this.#child = fork(path, [], { execArgv: ['--disable-warning=ExperimentalWarning'], stdio: 'inherit' })
    this.#child.on('message', (reply: Reply) => this.#asked.get(reply.n)?.(reply))
    this.#child.on('exit', () => {
      for (const [n, settle] of this.#asked) settle({ n, error: 'the writer process has ended' })
    })
  }

  async start(at: At, name: string, everyMs = 5): Promise<void> {
    await this.#ask({ do: 'start', at, everyMs, name })
  }

  async stop(): Promise<void> {
    await this.#ask({ do: 'stop' })
  }

  acknowledgements(since: number): Promise<readonly number[]> {
    return this.#ask({ do: 'acknowledgements', since })
  }

  async verify(at: At): Promise<{ readonly lost: number; readonly acknowledged: number }> {
    const [lost = Number.NaN, acknowledged = 0] = await this.#ask({ do: 'verify', at })
    return { lost, acknowledged }
  }

  async #ask(order: Order): Promise<readonly number[]> {
    const n = ++this.#n
    const reply = await new Promise<Reply>((settle) => {
      this.#asked.set(n, settle)
      this.#child.send({ n, order })
    })
    this.#asked.delete(n)
    if (reply.error !== undefined) throw new Error(`writer: ${reply.error}`)
    return reply.value ?? []
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }
}
