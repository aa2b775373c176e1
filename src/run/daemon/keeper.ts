import { adoptable } from '../../decide/recover/adopt.ts'
import { permit } from '../../decide/recover/permit.ts'
import type { Diagnosis } from '../../model/diagnosis.ts'
import type { ServerId } from '../../model/ids.ts'
import type { RecoveryKind, RefusalReason } from '../../model/plan.ts'
import type { Topology } from '../../model/topology.ts'
import type { HeldLease } from '../../ports/lease.ts'
import { Books } from './books.ts'
import { Clearing } from './clearing.ts'
import { continueOpen } from './continue.ts'
import { type Examination, examine } from './examine.ts'
import type { Office } from './office.ts'
import { notProven, onUnproven, waitsForWinner } from './reasons.ts'
import { recover } from './recovery.ts'
import { rehearse } from './rehearse.ts'
import { restoreOrder, type Standing } from './returning.ts'
import { repairRoutes } from './routes.ts'
import { sentenceOf } from './sentence.ts'
import { act } from './single.ts'
import { Wake } from './wake.ts'

export interface KeeperParts {
  readonly office: Office
  /** The lease as held now; undefined while another Regent acts, or none is held: then only watched and told. */
  readonly lease: () => HeldLease | undefined
  readonly proven: (topology: Topology) => readonly string[]
}

interface Repair {
  readonly kind: 'adopt' | 'reopen' | 'fence'
  readonly subject: ServerId
  readonly because: string
  readonly unsound?: boolean
}

/** What the keeper last concluded of its cluster: for every face. */
export interface View {
  readonly topology: Topology
  readonly diagnosis: Diagnosis
  readonly sentence: string
  readonly refusals: readonly RefusalReason[]
}

const KEEP_ROUTES_MS = 1000
const REVIVE_MS = 5000
/** As many as it takes until the planners' code is warm. */
const REHEARSALS = 10
/** A failover that had to be taken back after act 1 is not begun again at once: each try cuts a primary that may be serving. */
const RETRY_FAILOVER_MS = 10_000

/** Keeps one cluster writable: look, assemble, diagnose, plan, permit, run; one sentence per cycle. */
export class Keeper {
  readonly office: Office
  readonly books: Books
  readonly #parts: KeeperParts
  readonly #wake: Wake
  readonly #clearing: Clearing
  #view: View | undefined
  #refusals: readonly RefusalReason[] = []
  #routesAt = Number.NEGATIVE_INFINITY
  #revivedAt = Number.NEGATIVE_INFINITY
  #rehearsals = 0
  #retryAt = Number.NEGATIVE_INFINITY
  readonly #standing: Standing = new Map()
  readonly #toldRoutes = new Map<string, string>()
  /** A person's command and the automatic cycle never act on one cluster at once. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(parts: KeeperParts) {
    this.#parts = parts
    this.office = parts.office
    this.books = new Books(parts.office)
    this.#wake = new Wake(parts.office.clock)
    this.#clearing = new Clearing(parts.office)
  }

  view(): View | undefined {
    return this.#view
  }

  /** The right to act, once what an older holder left waiting has been ended; undefined while somebody else has it. */
  async acting(): Promise<HeldLease | undefined> {
    const lease = this.#parts.lease()
    if (!lease || !(await this.#clearing.clear(lease))) return undefined
    return lease.leftMs() > 0 ? lease : undefined
  }

  /** Runs until the signal fires. */
  async keep(signal: AbortSignal): Promise<void> {
    const { observer, store, cluster, config } = this.office
    const known = await store.servers(cluster)
    using _news = observer.onNews(() => this.#wake.ring())
    observer.start(
      known.map((r) => r.address),
      signal,
    )
    while (!signal.aborted) {
      await this.exclusively(() => this.#cycle())
      await this.#wake.next(config.policy.lookEveryMs, signal)
    }
    await this.#turn
  }

  /** Looks once at everything, for verbs without a daemon. */
  async once(): Promise<View> {
    const { observer, store, cluster } = this.office
    const known = await store.servers(cluster)
    await observer.discover(known.map((r) => r.address))
    await this.books.reload()
    const seen = await examine(this.office, this.books)
    await this.books.note(seen.topology, seen.diagnosis, this.office.clock.wall())
    this.#tell(seen)
    return this.#view ?? { topology: seen.topology, diagnosis: seen.diagnosis, sentence: '', refusals: [] }
  }

  /** Waits for its turn: commands and cycles of one cluster run one after the other. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async #cycle(): Promise<void> {
    try {
      await this.books.refresh()
      // With books that cannot be read nothing is changed: a pause, or another reign, may stand in them.
      const lease = this.books.isCurrent() ? await this.acting() : undefined
      const unfinished = this.books.openRecovery()
      if (lease && unfinished) {
        const continued = await continueOpen(this.office, lease, async () => (await this.acting()) !== undefined)
        if (continued === 'ended') await this.#settle()
        if (continued === 'waits_for_winner')
          this.#deny(unfinished.kind, [waitsForWinner(unfinished, this.office.config.alias)])
      }
      const seen = await examine(this.office, this.books)
      const at = this.office.clock.wall()
      // Stored after the remedy: the recovery's own intent carries the verdict, and is durable before its first change.
      this.#tell(seen)
      // Once more: what an older holder left on a server that has answered only since must not come after our first change.
      if (lease && (await this.acting())) {
        await this.#reviveRoutes()
        await this.#remedy(seen, lease)
      }
      await this.books.note(seen.topology, seen.diagnosis, at)
    } catch (error) {
      const says = `this cycle broke: ${error instanceof Error ? error.message : String(error)}`
      this.office.tell({ kind: 'trouble', cluster: this.office.cluster, at: this.office.clock.wall(), says })
    }
  }

  #tell({ topology, diagnosis, tookMs }: Examination): void {
    const { cluster, clock, tell } = this.office
    const sentence = sentenceOf(topology, diagnosis)
    const before = this.#view?.diagnosis.primary.row
    this.#view = {
      topology,
      diagnosis,
      sentence,
      refusals: [...this.#refusals, ...[...this.#standing.values()].flat()],
    }
    if (before !== diagnosis.primary.row) tell({ kind: 'verdict', cluster, at: clock.wall(), diagnosis, tookMs })
    tell({ kind: 'cycle', cluster, at: clock.wall(), topology, diagnosis, sentence })
  }

  async #remedy(seen: Examination, lease: HeldLease): Promise<void> {
    const { diagnosis, topology } = seen
    const { remedy, primary, because } = diagnosis.primary
    switch (remedy) {
      case 'fail_over':
        return primary === undefined ? undefined : this.#failOver(seen, primary, lease)
      case 'adopt':
        return this.#mayRepair(topology) ? this.#adopt(topology, lease) : undefined
      case 'reopen':
        return primary === undefined || !this.#mayRepair(topology)
          ? undefined
          : this.#single({ kind: 'reopen', subject: primary, because }, lease)
      case 'fence_stale':
        return this.#fenceStale(seen, lease)
      case 'none':
        this.#refusals = []
        if (primary !== undefined) await this.#rehearseOnce(primary)
        if (this.#mayRepair(topology))
          await restoreOrder(this.office, { topology, books: this.books, lease }, this.#standing)
        return this.#keepRoutes(lease)
      case 'watch':
      case 'look_again':
      case 'tell':
        return undefined
    }
  }

  /**
   * Also under a pause, and on versions that no test ran on: an older reign that takes writes is the harm itself, and closing it takes
   * nothing from the present one. Only `recovery: ask` leaves it to a person. The primary of the present reign is another matter:
   * what an unproven version says of its history may be misread, and closing it ends all writing.
   */
  async #fenceStale({ diagnosis, topology }: Examination, lease: HeldLease): Promise<void> {
    if (this.office.config.policy.recovery === 'ask') return
    const { primary, targets, because } = diagnosis.primary
    const unproven = this.#parts.proven(topology)
    for (const stale of targets) {
      const unsound = stale === primary
      if (unsound && unproven.length > 0) this.#deny('fence', [notProven(unproven, `regent fence ${stale}`)])
      else await this.#single({ kind: 'fence', subject: stale, because: onUnproven(because, unproven), unsound }, lease)
    }
  }

  async #failOver(seen: Examination, primary: ServerId, lease: HeldLease): Promise<void> {
    const { policy } = this.office.config
    const answer = permit({
      ...this.books.permitFacts(),
      alias: this.office.config.alias,
      policy,
      unprovenVersions: this.#parts.proven(seen.topology),
    })
    if (answer.kind === 'denied') return this.#deny('failover', answer.reasons)
    if (this.office.clock.now() < this.#retryAt) return
    const fresh = seen.stopped ? seen : await examine(this.office, this.books, { everyone: true })
    if (fresh.diagnosis.primary.remedy !== 'fail_over') return
    const state = fresh.stopped ? 'refused' : 'silent'
    const order = {
      kind: 'failover',
      subject: primary,
      subjectState: state,
      stopped: fresh.stopped,
      automatic: true,
      because: fresh.diagnosis.primary.because,
    } as const
    const end = await recover(this.office, order, lease)
    // The next round of looks is soon enough to ask again: a refusal that stands never becomes a busy loop.
    if (end.kind === 'refused') {
      if (end.undone) this.#retryAt = this.office.clock.now() + RETRY_FAILOVER_MS
      return this.#deny('failover', end.reasons)
    }
    this.#refusals = []
    await this.#settle()
  }

  /** What is repaired without being asked: nothing while paused, under `recovery: ask`, or on versions that no test ran on. */
  #mayRepair(topology: Topology): boolean {
    const { policy, alias } = this.office.config
    const unprovenVersions = this.#parts.proven(topology)
    const { now, pause } = this.books.permitFacts()
    return permit({ alias, policy, now, unprovenVersions, ...(pause ? { pause } : {}) }).kind === 'granted'
  }

  async #rehearseOnce(primary: ServerId): Promise<void> {
    if (this.#rehearsals >= REHEARSALS) return
    this.#rehearsals += 1
    // Nothing depends on it, so nothing is lost where the store cannot be read just now; the books tell of that.
    await rehearse(this.office, primary).catch(() => undefined)
  }

  /** Also while the primary is in trouble: a route party that does not run cannot show that it is closed. Beside the cycle, never in its way. */
  async #reviveRoutes(): Promise<void> {
    const { clock, revive, tell, cluster } = this.office
    if (clock.now() - this.#revivedAt < REVIVE_MS) return
    this.#revivedAt = clock.now()
    void revive().then(
      (problems) => {
        for (const says of problems) tell({ kind: 'trouble', cluster, at: clock.wall(), says })
      },
      (error: unknown) => tell({ kind: 'trouble', cluster, at: clock.wall(), says: String(error) }),
    )
  }

  /** Once a second is soon enough for what nobody should have changed. */
  async #keepRoutes(lease: HeldLease): Promise<void> {
    const reign = this.books.reign()
    const now = this.office.clock.now()
    if (
      this.office.config.policy.recovery === 'ask' ||
      reign?.state !== 'open' ||
      now - this.#routesAt < KEEP_ROUTES_MS
    )
      return
    this.#routesAt = now
    await repairRoutes(this.office, { reign, lease, told: this.#toldRoutes })
  }

  #deny(what: RecoveryKind, reasons: readonly RefusalReason[]): void {
    const same = this.#refusals.map((r) => r.code).join() === reasons.map((r) => r.code).join()
    this.#refusals = reasons
    const { cluster, clock, tell } = this.office
    if (!same) tell({ kind: 'refused', cluster, at: clock.wall(), what, reasons })
  }

  async #adopt(topology: Topology, lease: HeldLease): Promise<void> {
    const choice = adoptable(topology, { open: false })
    if ('reasons' in choice) return this.#deny('adopt', choice.reasons)
    await this.#single(
      { kind: 'adopt', subject: choice.server, because: 'all seeds answer, and it is the one writable root' },
      lease,
    )
  }

  async #single(repair: Repair, lease: HeldLease): Promise<void> {
    if (!this.books.mayTry(repair.kind, repair.subject)) return
    const end = await act(this.office, { ...repair, subjectState: 'answers', stopped: false, automatic: true }, lease)
    if (end.kind === 'refused') this.#deny(repair.kind, end.reasons)
    await this.#settle()
  }

  /** After a change every reading from before it is stale: nothing is concluded until all have been looked at again. */
  async #settle(): Promise<void> {
    const { observer, config } = this.office
    await Promise.all([this.books.reload(), observer.lookAtAll('live', config.policy.suspectAfterMs)])
    this.#wake.ring()
  }
}
