import { printAddress } from '../../model/address.ts'
import type { Diagnosis } from '../../model/diagnosis.ts'
import type { ServerId, WallTime } from '../../model/ids.ts'
import type { Reign } from '../../model/reign.ts'
import type { Topology } from '../../model/topology.ts'
import type { RecoveryRecord } from '../../ports/journal.ts'
import { OPEN_STATES } from '../../ports/journal.ts'
import type { Order, ServerRecord } from '../../ports/store.ts'
import type { Office } from './office.ts'

/** Standing orders are read again this often: a `pause` given elsewhere holds from then on. */
const REREAD_MS = 1000
/** A repair that was refused or failed is not tried again before this. */
const RETRY_MS = 5000

type Trouble = 'read' | 'write'
const DONE: { readonly [T in Trouble]: string } = { read: 'read', write: 'written to' }

/** What the store says of this cluster, kept at hand so that a cycle costs no read; and what a cycle has to remember. */
export class Books {
  readonly #office: Office
  #reigns: readonly Reign[] = []
  #orders: readonly Order[] = []
  #recoveries: readonly RecoveryRecord[] = []
  #minting: RecoveryRecord | undefined
  #servers: readonly ServerRecord[] = []
  #lastCompleted: WallTime | undefined
  #askedAt = Number.NEGATIVE_INFINITY
  #current = false
  readonly #troubled = new Set<Trouble>()
  #noted = new Map<string, string>()
  readonly #tried = new Map<string, number>()

  constructor(office: Office) {
    this.#office = office
  }

  /** Never rejects: without its store Regent goes on watching and telling, with what it last read. */
  async refresh(): Promise<void> {
    const now = this.#office.clock.now()
    if (now - this.#askedAt < REREAD_MS) return
    this.#askedAt = now
    await this.reload().catch(() => undefined)
  }

  /** Rejects with what keeps the store from being read; then the books are not current until they have been read again. */
  async reload(): Promise<void> {
    const { clock } = this.#office
    try {
      await this.#read()
      this.#askedAt = clock.now()
      this.#current = true
      this.#recovered('read')
    } catch (error) {
      this.#current = false
      this.#failed('read', error)
      throw error
    }
  }

  /**
   * The last reading of the store succeeded. While it is false nobody may act on what stands here: a pause, a reign or a recovery may
   * have been written by another Regent since.
   */
  isCurrent(): boolean {
    return this.#current
  }

  async #read(): Promise<void> {
    const { store, journal, cluster, clock } = this.#office
    const [reigns, orders, recoveries, lastCompleted] = await Promise.all([
      store.reigns(cluster),
      store.orders(cluster, clock.wall()),
      journal.list(cluster, 20),
      journal.lastCompleted(cluster, 'failover', true),
    ])
    this.#reigns = [...reigns].sort((a, b) => a.epoch - b.epoch)
    this.#recoveries = recoveries
    await this.#readOpening()
    this.#office.observer.noteReigned(reigns.map((r) => r.primary))
    this.#orders = orders
    this.#lastCompleted = lastCompleted
  }

  /** Whom the minted winner was, a process that never read it knows from here alone. */
  async #readOpening(): Promise<void> {
    const { store, journal, cluster } = this.#office
    const reign = this.#reigns.at(-1)
    const opening = reign?.state === 'opening' ? reign : undefined
    this.#minting = opening?.recovery === undefined ? undefined : await journal.read(opening.recovery)
    const unfinished = reign !== undefined && this.openRecovery()?.id === reign.recovery
    this.#servers = opening || unfinished ? await store.servers(cluster) : []
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
    const present = this.reign()
    // Of this reign only: one given before it would leave a primary that died since to come back writable beside its successor.
    const released = this.#orders
      .filter((o) => o.kind === 'unfence' && (present === undefined || o.from >= present.at))
      .map((o) => o.server)
    return new Set(this.#reigns.map((r) => r.primary).filter((id) => id !== present?.primary && !released.includes(id)))
  }

  openRecovery(): RecoveryRecord | undefined {
    return this.#recoveries.find((r) => OPEN_STATES.includes(r.state))
  }

  /** The open one; or, ended or not, the one that minted a reign which is still only being opened. */
  unfinished(): RecoveryRecord | undefined {
    return this.openRecovery() ?? this.#minting
  }

  /** Servers and addresses as the store has them, until the recovery that minted the present reign has ended. */
  remembered(): readonly ServerRecord[] {
    return this.#servers
  }

  permitFacts() {
    const now = this.#office.clock.wall()
    const pause = this.#orders.find((o) => o.kind === 'pause' && o.until > now)
    const lastCompleted = this.#lastCompleted
    const open = this.openRecovery()
    return {
      now,
      ...(pause ? { pause } : {}),
      ...(lastCompleted === undefined ? {} : { lastCompleted }),
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

  /** A server that is found again after it was forgotten is written down again. */
  forget(server: ServerId): void {
    for (const key of [`server ${server}`, `reading ${server}`]) this.#noted.delete(key)
  }

  /**
   * Stores what another process would need: identities and addresses, the primary's reading on every change of its followers, verdicts.
   * Never rejects: what could not be written is written with a later cycle.
   */
  async note(topology: Topology, diagnosis: Diagnosis, at: WallTime): Promise<void> {
    try {
      await this.#write(topology, diagnosis, at)
      this.#recovered('write')
    } catch (error) {
      this.#failed('write', error)
    }
  }

  async #write(topology: Topology, diagnosis: Diagnosis, at: WallTime): Promise<void> {
    const { store, cluster, config } = this.#office
    for (const { id, sighting } of topology.members)
      await this.#once(`server ${id}`, printAddress(sighting.address), () =>
        store.rememberServer({ id, cluster, address: sighting.address, seenAt: at }),
      )
    const primary = topology.members.find((m) => m.id === this.reign()?.primary)
    const look = primary?.sighting.latest
    if (primary && look?.kind === 'answered') {
      const { status } = look
      const { attached, semiSync, access } = status
      await this.#once(`reading ${primary.id}`, JSON.stringify([attached, semiSync, access]), () =>
        store.rememberReading(cluster, { server: primary.id, at, status }),
      )
    }
    const { verdict, row } = diagnosis.primary
    const body = (): string => JSON.stringify({ alias: config.alias, diagnosis })
    await this.#once('verdict', row, () => store.addEvidence({ cluster, at, verdict, body: body() }))
  }

  /** Remembered only once it is written. */
  async #once(key: string, value: string, write: () => Promise<void>): Promise<void> {
    if (this.#noted.get(key) === value) return
    await write()
    this.#noted.set(key, value)
  }

  /** Told once, not with every cycle, and its end as well. */
  #failed(what: Trouble, error: unknown): void {
    if (this.#troubled.has(what)) return
    this.#troubled.add(what)
    this.#say(`the store cannot be ${DONE[what]}: ${error instanceof Error ? error.message : String(error)}`)
  }

  #recovered(what: Trouble): void {
    if (this.#troubled.delete(what)) this.#say(`the store can be ${DONE[what]} again`)
  }

  #say(says: string): void {
    const { cluster, clock, tell } = this.#office
    tell({ kind: 'trouble', cluster, at: clock.wall(), says })
  }
}
