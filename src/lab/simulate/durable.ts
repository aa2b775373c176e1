import type { ClusterId, ServerId } from '../../model/ids.ts'
import type { StepRecord } from '../../model/outcome.ts'
import type { Plan } from '../../model/plan.ts'
import type { Reign } from '../../model/reign.ts'
import type { RecoveryRecord } from '../../ports/journal.ts'
import type { ClusterRecord, EvidenceRecord, Order, ServerRecord, StoredReading } from '../../ports/store.ts'
import type { Life } from './life.ts'

export interface LeaseRow {
  token: number
  held: boolean
  by: string
  deadline: number
  holder: Life | undefined
}

export interface StepRow {
  readonly token: number
  readonly tick: number
  readonly record: StepRecord | undefined
}

export interface RecoveryRow {
  record: Omit<RecoveryRecord, 'plans' | 'steps' | 'events'>
  readonly plans: Plan[]
  readonly steps: Map<string, StepRow>
  readonly events: { at: RecoveryRecord['startedAt']; says: string }[]
}

/** What outlives every process of Regent: the rows of one store. Values are copied in and out, as a database does. */
export class Durable {
  readonly lease: LeaseRow = { token: 0, held: false, by: '', deadline: 0, holder: undefined }
  readonly clusters: ClusterRecord[] = []
  readonly reigns: Reign[] = []
  readonly highestEpoch = new Map<ClusterId, number>()
  readonly routeNumbers = new Map<string, number>()
  /** By cluster and address: addresses are aliases, and each is that of one server. */
  readonly servers = new Map<string, ServerRecord>()
  readonly readings = new Map<string, StoredReading>()
  readonly orders: Order[] = []
  readonly evidence: EvidenceRecord[] = []
  readonly recoveries = new Map<string, RecoveryRow>()
  minted = 0

  holds(token: number): boolean {
    return this.lease.held && this.lease.token === token
  }

  /** For writes that have no other way to say no. */
  demand(token: number): void {
    if (!this.holds(token)) throw new Error(`the lease is lost: token ${token} is not the store's ${this.lease.token}`)
  }

  addCluster(record: ClusterRecord): ClusterId {
    const taken = this.clusters.find((c) => c.alias === record.alias && c.id !== record.id)
    if (taken) return taken.id
    const known = this.clusters.findIndex((c) => c.id === record.id)
    if (known < 0) this.clusters.push(record)
    else this.clusters[known] = { ...record, createdAt: this.clusters[known]?.createdAt ?? record.createdAt }
    return record.id
  }

  forget(cluster: ClusterId, server: ServerId): void {
    for (const [key, s] of this.servers) if (s.cluster === cluster && s.id === server) this.servers.delete(key)
    this.readings.delete(`${cluster} ${server}`)
  }

  /** How many orders it ended. */
  withdraw(cluster: ClusterId, order: { readonly kind: Order['kind']; readonly server: ServerId | undefined }): number {
    const stay = this.orders.filter((o) => o.cluster !== cluster || o.kind !== order.kind || o.server !== order.server)
    const ended = this.orders.length - stay.length
    this.orders.splice(0, this.orders.length, ...stay)
    return ended
  }

  mint(reign: Reign): boolean {
    if (reign.epoch <= (this.highestEpoch.get(reign.cluster) ?? 0)) return false
    this.highestEpoch.set(reign.cluster, reign.epoch)
    this.reigns.push(structuredClone(reign))
    return true
  }

  newestFirst(cluster: ClusterId): readonly Reign[] {
    const own = this.reigns.filter((r) => r.cluster === cluster)
    return structuredClone(own.sort((a, b) => b.epoch - a.epoch))
  }
}
