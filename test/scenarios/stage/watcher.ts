/**
 * Looks at every server all the time, by connections of its own, and notes when two of them were writable at once. Only what
 * is certain counts: a server was writable from the answer to a look until the sending of a later one, with no other answer
 * and no lost connection between them.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Sandbox, SqlConnection } from '../../../src/lab/sandbox/index.ts'

export interface Stretch {
  readonly server: string
  readonly from: number
  to: number
}

export interface Overlap {
  readonly servers: readonly [string, string]
  readonly ms: number
}

const LOOK_EVERY_MS = 20

export class Watcher implements AsyncDisposable {
  readonly #sandbox: Sandbox
  readonly #stretches: Stretch[] = []
  readonly #open = new Map<string, Stretch>()
  readonly #latest = new Map<string, boolean | undefined>()
  readonly #connections = new Map<string, SqlConnection>()
  readonly #stopping = new AbortController()
  readonly #loops: readonly Promise<void>[]

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox
    this.#loops = sandbox.servers.map((server) => this.#watch(server.id))
  }

  /** As each was last seen. */
  writable(): readonly string[] {
    return this.#sandbox.servers.map((s) => s.id).filter((id) => this.#latest.get(id) === true)
  }

  stretches(): readonly Stretch[] {
    return this.#stretches
  }

  /** Every pair of stretches of two servers that have time in common. */
  overlaps(): readonly Overlap[] {
    return this.#stretches.flatMap((a, i) =>
      this.#stretches.slice(i + 1).flatMap((b): readonly Overlap[] => {
        const ms = Math.min(a.to, b.to) - Math.max(a.from, b.from)
        return a.server !== b.server && ms > 0 ? [{ servers: [a.server, b.server], ms: Math.round(ms) }] : []
      }),
    )
  }

  async #watch(id: string): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#lookWhileConnected(id)
      } catch {
        this.#lost(id)
      }
      await sleep(LOOK_EVERY_MS * 2, undefined, { signal: this.#stopping.signal }).catch(() => undefined)
    }
  }

  async #lookWhileConnected(id: string): Promise<void> {
    const connection = await this.#sandbox.sql(id)
    this.#connections.set(id, connection)
    try {
      while (!this.#stopping.signal.aborted) {
        const sentAt = performance.now()
        const [rows] = await connection.query({ sql: 'SELECT @@GLOBAL.read_only', rowsAsArray: true })
        this.#note(id, { sentAt, writable: Array.isArray(rows) && Array.isArray(rows[0]) && Number(rows[0][0]) === 0 })
        await sleep(LOOK_EVERY_MS)
      }
    } finally {
      connection.destroy()
    }
  }

  #note(id: string, look: { readonly sentAt: number; readonly writable: boolean }): void {
    this.#latest.set(id, look.writable)
    const stretch = this.#open.get(id)
    if (!look.writable) this.#open.delete(id)
    else if (stretch) stretch.to = look.sentAt
    else {
      const begun: Stretch = { server: id, from: performance.now(), to: performance.now() }
      this.#open.set(id, begun)
      this.#stretches.push(begun)
    }
  }

  #lost(id: string): void {
    this.#latest.set(id, undefined)
    this.#open.delete(id)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    for (const connection of this.#connections.values()) connection.destroy()
    await Promise.race([Promise.all(this.#loops), sleep(6000)])
  }
}
