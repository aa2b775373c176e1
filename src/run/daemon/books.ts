import { printAddress } from '../../model/address.ts'
import type { Diagnosis } from '../../model/diagnosis.ts'
import type { ServerId, WallTime } from '../../model/ids.ts'
import type { Reign } from '../../model/reign.ts'
import type { Topology } from '../../model/topology.ts'
import type { RecoveryRecord } from '../../ports/journal.ts'
import { OPEN_STATES } from '../../ports/journal.ts'
import type { Order } from '../../ports/store.ts'
import type { Office } from './office.ts'

/** Standing orders are read again this often: a `pause` given elsewhere holds from then on. */
const REREAD_MS = 1000
/** A repair that was refused or failed is not tried again before this. */
const RETRY_MS = 5000

/** What the store says of this cluster, kept at hand so that a cycle costs no read; and what a cycle has to remember. */
export class Books {
  readonly #office: Office
  #reigns: readonly Reign[] = []
  #orders: readonly Order[] = []
  #recoveries: readonly RecoveryRecord[] = []
  #readAt = Number.NEGATIVE_INFINITY
  #noted = new Map<string, string>()
  readonly #tried = new Map<string, number>()

  constructor(office: Office) {
    this.#office = office
  }

  async refresh(): Promise<void> {
    if (this.#office.clock.now() - this.#readAt >= REREAD_MS) await this.reload()
  }

  async reload(): Promise<void> {
    const { store, journal, cluster, clock } = this.#office
    const [reigns, orders, recoveries] = await Promise.all([
      store.reigns(cluster),
      store.orders(cluster, clock.wall()),
      journal.list(cluster, 20),
    ])
    this.#reigns = [...reigns].sort((a, b) => a.epoch - b.epoch)
    this.#orders = orders
    this.#recoveries = recoveries
    this.#readAt = clock.now()
  }

  reign(): Reign | undefined {
    return this.#reigns.at(-1)
  }

  reigns(): readonly Reign[] {
    return this.#reigns
  }

  orders(): readonly Order[] {
    return this.#orders
  }

  recoveries(): readonly RecoveryRecord[] {
    return this.#recoveries
  }

  /** Primaries of earlier reigns, without the present one and without those that an operator has released. */
  formerPrimaries(): ReadonlySet<ServerId> {
    const present = this.reign()?.primary
    const released = this.#orders.filter((o) => o.kind === 'unfence').map((o) => o.server)
    return new Set(this.#reigns.map((r) => r.primary).filter((id) => id !== present && !released.includes(id)))
  }

  openRecovery(): RecoveryRecord | undefined {
    return this.#recoveries.find((r) => OPEN_STATES.includes(r.state))
  }

  permitFacts() {
    const now = this.#office.clock.wall()
    const pause = this.#orders.find((o) => o.kind === 'pause' && o.until > now)
    const completed = this.#recoveries.filter(
      (r) => r.automatic && r.kind === 'failover' && r.state === 'done' && r.endedAt !== undefined,
    )
    const lastCompleted = Math.max(...completed.map((r) => r.endedAt ?? 0), Number.NEGATIVE_INFINITY)
    const open = this.openRecovery()
    return {
      now,
      ...(pause ? { pause } : {}),
      ...(Number.isFinite(lastCompleted) ? { lastCompleted } : {}),
      ...(open ? { openRecovery: open.id } : {}),
    }
  }

  /** Once per five seconds and server: a repair that cannot succeed makes no storm. */
  mayTry(what: string, server: ServerId): boolean {
    const key = `${what} ${server}`
    const now = this.#office.clock.now()
    const last = this.#tried.get(key)
    if (last !== undefined && now - last < RETRY_MS) return false
    this.#tried.set(key, now)
    return true
  }

  /** Stores what another process would need: identities and addresses, the primary's reading on every change of its followers, verdicts. */
  async note(topology: Topology, diagnosis: Diagnosis, at: WallTime): Promise<void> {
    const { store, cluster, config } = this.#office
    for (const { id, sighting } of topology.members)
      if (this.#isNew(`server ${id}`, printAddress(sighting.address)))
        await store.rememberServer({ id, cluster, address: sighting.address, seenAt: at })
    const primary = topology.members.find((m) => m.id === this.reign()?.primary)
    const look = primary?.sighting.latest
    if (primary && look?.kind === 'answered') {
      const { attached, semiSync, access } = look.status
      if (this.#isNew(`reading ${primary.id}`, JSON.stringify([attached, semiSync, access])))
        await store.rememberReading(cluster, { server: primary.id, at, status: look.status })
    }
    if (this.#isNew('verdict', diagnosis.primary.row))
      await store.addEvidence({
        cluster,
        at,
        verdict: diagnosis.primary.verdict,
        body: JSON.stringify({ alias: config.alias, diagnosis }),
      })
  }

  #isNew(key: string, value: string): boolean {
    if (this.#noted.get(key) === value) return false
    this.#noted.set(key, value)
    return true
  }
}
