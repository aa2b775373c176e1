import type { ClusterId } from '../../model/ids.ts'
import type { Acquired, HeldLease, Leases } from '../../ports/lease.ts'
import type { Warrant } from '../../ports/servers.ts'
import type { Durable } from './durable.ts'
import type { Life } from './life.ts'
import type { Timeline } from './timeline.ts'

const TTL_MS = 5000
const RENEW_EVERY_MS = 1000

/** The lease of one store, as one process sees it: taken at once from a dead holder, else after its deadline. */
export function modelLeases(durable: Durable, timeline: Timeline, life: Life): Leases {
  const { lease } = durable
  return {
    acquire: (who): Promise<Acquired> =>
      life.outlive(
        Promise.resolve().then((): Acquired => {
          const taken = lease.held && lease.holder?.dead === false && lease.deadline > timeline.now
          if (taken) return { kind: 'taken', by: lease.by, leftMs: lease.deadline - timeline.now }
          Object.assign(lease, { token: lease.token + 1, held: true, by: who, holder: life })
          lease.deadline = timeline.now + TTL_MS
          return { kind: 'held', lease: new ModelLease(durable, timeline, life) }
        }),
      ),
    holder: async () => (lease.held ? { by: lease.by, pid: 1, leftMs: lease.deadline - timeline.now } : undefined),
  }
}

class ModelLease implements HeldLease {
  readonly token: number
  readonly ttlMs = TTL_MS
  readonly #durable: Durable
  readonly #timeline: Timeline
  readonly #life: Life
  readonly #lost = new AbortController()
  #renewedAt: number
  #ended = false

  constructor(durable: Durable, timeline: Timeline, life: Life) {
    this.token = durable.lease.token
    this.#durable = durable
    this.#timeline = timeline
    this.#life = life
    this.#renewedAt = timeline.now
    this.#renewLater()
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  leftMs(): number {
    return this.#ended ? 0 : TTL_MS - (this.#timeline.now - this.#renewedAt)
  }

  warrant(cluster: ClusterId): Warrant {
    return { cluster, token: this.token, leftMs: () => this.leftMs() }
  }

  /** The store was changed by another hand, or cannot be reached: for the tests of what happens then. */
  lose(): void {
    if (this.#ended) return
    this.#ended = true
    this.#lost.abort(new Error('the lease is lost'))
  }

  #renewLater(): void {
    this.#timeline.after(RENEW_EVERY_MS, () => this.#life.whenAwake(() => this.#renew()))
  }

  #renew(): void {
    if (this.#ended) return
    if (!this.#durable.holds(this.token)) {
      this.lose()
      return
    }
    this.#renewedAt = this.#timeline.now
    this.#durable.lease.deadline = this.#renewedAt + TTL_MS
    this.#renewLater()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    if (this.#durable.lease.token === this.token) this.#durable.lease.held = false
  }
}
