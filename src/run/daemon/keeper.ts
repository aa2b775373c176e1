import type { Diagnosis } from '../../model/diagnosis.ts'
import { type Instant, instant } from '../../model/ids.ts'
import type { RefusalReason } from '../../model/plan.ts'
import type { Topology } from '../../model/topology.ts'
import type { RecoveryRecord } from '../../ports/journal.ts'
import type { HeldLease } from '../../ports/lease.ts'
import { Books } from './books.ts'
import { Clearing } from './clearing.ts'
import { continueOpen } from './continue.ts'
import { type Examination, examine } from './examine.ts'
import type { Office } from './office.ts'
import { Remedies, type Unfinished } from './remedies.ts'
import { sentenceOf } from './sentence.ts'
import { Wake } from './wake.ts'

export interface KeeperParts {
  readonly office: Office
  /** The lease as held now; undefined while another Regent acts, or none is held: then only watched and told. */
  readonly lease: () => HeldLease | undefined
  readonly proven: (topology: Topology) => readonly string[]
}

/** What the keeper last concluded of its cluster: for every face. */
export interface View {
  readonly topology: Topology
  readonly diagnosis: Diagnosis
  readonly sentence: string
  readonly refusals: readonly RefusalReason[]
}

/** Each try sends every route a withdrawal: without a pause a winner that may not be opened yet would make a storm of them. */
const NOT_OPENED_MS = 1000

/** Keeps one cluster writable: look, assemble, diagnose, plan, permit, run; one sentence per cycle. */
export class Keeper {
  readonly office: Office
  readonly books: Books
  readonly #parts: KeeperParts
  readonly #wake: Wake
  readonly #clearing: Clearing
  #view: View | undefined
  readonly #remedies: Remedies
  /** The last try to go on with what is not finished: its winner answered, and could not be opened. */
  #notOpened: { readonly left: Unfinished; readonly again: Instant } | undefined
  /** A person's command and the automatic cycle never act on one cluster at once. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(parts: KeeperParts) {
    this.#parts = parts
    this.office = parts.office
    this.books = new Books(parts.office)
    this.#wake = new Wake(parts.office.clock)
    this.#clearing = new Clearing(parts.office)
    const { office, proven } = parts
    this.#remedies = new Remedies({ office, books: this.books, proven, ring: () => this.#wake.ring() })
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
      const left = lease ? await this.#goOn(lease) : undefined
      const seen = await examine(this.office, this.books)
      const at = this.office.clock.wall()
      // Stored after the remedy: the recovery's own intent carries the verdict, and is durable before its first change.
      this.#tell(seen)
      // Once more: what an older holder left on a server that has answered only since must not come after our first change.
      if (lease && (await this.acting())) {
        this.#remedies.reviveRoutes()
        await this.#remedies.apply(seen, lease, left)
      }
      await this.books.note(seen.topology, seen.diagnosis, at)
    } catch (error) {
      const says = `this cycle broke: ${error instanceof Error ? error.message : String(error)}`
      this.office.tell({ kind: 'trouble', cluster: this.office.cluster, at: this.office.clock.wall(), says })
    }
  }

  /** What is not finished comes first. Resolves with the recovery that cannot go on with its minted winner, if there is one. */
  async #goOn(lease: HeldLease): Promise<Unfinished | undefined> {
    const record = this.books.unfinished()
    if (!record) return undefined
    const held = this.#held(record)
    if (held) return held
    const continued = await continueOpen(this.office, lease, async () => (await this.acting()) !== undefined)
    if (continued === 'ended' || typeof continued === 'object') await this.#remedies.settle()
    if (typeof continued === 'object') {
      const left = { record, winner: 'not_opened', because: continued.because } as const
      this.#notOpened = { left, again: instant(this.office.clock.now() + NOT_OPENED_MS) }
      return left
    }
    if (continued === 'waits_for_winner' || continued === 'winner_dropped') return { record, winner: continued }
    if (continued !== 'winner_was_open') return undefined
    // The books may still have the reign as it was before it was recorded as open.
    await this.books.reload()
    return { record, winner: continued }
  }

  /** One that does not answer any more is judged at once. */
  #held(record: RecoveryRecord): Unfinished | undefined {
    const { observer, clock } = this.office
    const last = this.#notOpened
    if (last?.left.record.id !== record.id || clock.now() >= last.again) return undefined
    const winner = record.plans.findLast((p) => p.mints)?.mints?.winner
    const answers = winner !== undefined && observer.sightingOf(winner)?.latest.kind === 'answered'
    return answers ? { ...last.left, record } : undefined
  }

  #tell({ topology, diagnosis, tookMs }: Examination): void {
    const { cluster, clock, tell } = this.office
    const sentence = sentenceOf(topology, diagnosis)
    const before = this.#view?.diagnosis.primary.row
    this.#view = {
      topology,
      diagnosis,
      sentence,
      refusals: this.#remedies.refusals(),
    }
    if (before !== diagnosis.primary.row) tell({ kind: 'verdict', cluster, at: clock.wall(), diagnosis, tookMs })
    tell({ kind: 'cycle', cluster, at: clock.wall(), topology, diagnosis, sentence })
  }
}
