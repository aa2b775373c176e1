/** The demo's clients: one writer after the other, so that each can be judged when it has ended while the next one writes. */
import { type SqlConnection, startWriter, type Writer, type WriterRequest } from '../../../lab/sandbox/index.ts'

export interface LoadStats {
  readonly acknowledged: number
  readonly unanswered: number
  readonly lastAckAgoMs: number
  readonly longestGapMs: number
}

export interface Judged {
  readonly acknowledged: number
  /** `writer/n` of each write that was acknowledged and is not there. */
  readonly lost: readonly string[]
  /** Written, though the server had said that it was not. */
  readonly contradicted: readonly string[]
}

export class Load implements AsyncDisposable {
  readonly #request: Omit<WriterRequest, 'name'>
  readonly #ended: { readonly name: string; readonly writer: Writer }[] = []
  #current: { readonly name: string; readonly writer: Writer }

  private constructor(request: Omit<WriterRequest, 'name'>, current: { name: string; writer: Writer }) {
    this.#request = request
    this.#current = current
  }

  static async start(request: Omit<WriterRequest, 'name'>): Promise<Load> {
    return new Load(request, { name: 'demo-1', writer: await startWriter({ ...request, name: 'demo-1' }) })
  }

  get writer(): Writer {
    return this.#current.writer
  }

  /** The present writer ends, so that what it remembers is complete; another goes on. */
  async renew(): Promise<void> {
    await this.#current.writer.stop()
    this.#ended.push(this.#current)
    const name = `demo-${this.#ended.length + 1}`
    this.#current = { name, writer: await startWriter({ ...this.#request, name }) }
  }

  /** Of all writers that have ended: every acknowledged write must be on that server. */
  async judge(connection: SqlConnection): Promise<Judged> {
    const lost: string[] = []
    const contradicted: string[] = []
    for (const { name, writer } of this.#ended) {
      const verdict = await writer.verify(connection)
      lost.push(...verdict.lost.map((n) => `${name}/${n}`))
      contradicted.push(...verdict.contradicted.map((n) => `${name}/${n}`))
    }
    const acknowledged = this.#ended.reduce((sum, { writer }) => sum + writer.stats().acknowledged, 0)
    return { acknowledged, lost, contradicted }
  }

  stats(): LoadStats {
    const present = this.writer.stats()
    const all = [...this.#ended.map(({ writer }) => writer.stats()), present]
    return {
      acknowledged: all.reduce((sum, one) => sum + one.acknowledged, 0),
      unanswered: all.reduce((sum, one) => sum + one.unanswered, 0),
      lastAckAgoMs: present.sinceLastMs,
      longestGapMs: Math.max(...all.map((one) => one.longestGapMs)),
    }
  }

  /** Ends the last writer too; `judge` then covers all. */
  async stop(): Promise<void> {
    if (this.#ended.includes(this.#current)) return
    await this.#current.writer.stop()
    this.#ended.push(this.#current)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
