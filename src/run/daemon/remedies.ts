import { adoptable } from '../../decide/recover/adopt.ts'
import { permit } from '../../decide/recover/permit.ts'
import type { PrimaryVerdict } from '../../model/diagnosis.ts'
import type { ServerId } from '../../model/ids.ts'
import type { RecoveryKind, RefusalReason } from '../../model/plan.ts'
import type { Topology } from '../../model/topology.ts'
import type { RecoveryRecord } from '../../ports/journal.ts'
import type { HeldLease } from '../../ports/lease.ts'
import type { Books } from './books.ts'
import { type Examination, examine } from './examine.ts'
import { endOpened } from './forward.ts'
import type { Office } from './office.ts'
import { notProven, onUnproven, waitsForWinner } from './reasons.ts'
import { recover } from './recovery.ts'
import type { RecoveryEnd } from './recovery-end.ts'
import { rehearse } from './rehearse.ts'
import { restoreOrder, type Standing } from './returning.ts'
import { RouteKeeper } from './route-keeper.ts'
import { act } from './single.ts'
import { reverseLeft } from './unreversed.ts'
import { DROPPED_IT, giveUp, hasDroppedIt, replaceWinner } from './winner.ts'

export interface RemediesParts {
  readonly office: Office
  readonly books: Books
  readonly proven: (topology: Topology) => readonly string[]
  /** The next cycle begins at once. */
  readonly ring: () => void
}

/** A recovery that cannot go on with the winner that it minted, and why. */
export type Unfinished =
  | {
      readonly record: RecoveryRecord
      readonly winner: 'waits_for_winner' | 'winner_dropped' | 'winner_was_open'
    }
  | { readonly record: RecoveryRecord; readonly winner: 'not_opened'; readonly because: readonly RefusalReason[] }

interface Repair {
  readonly kind: 'adopt' | 'reopen' | 'fence'
  readonly subject: ServerId
  readonly because: string
  readonly unsound?: boolean
}

interface Acting {
  readonly lease: HeldLease
  readonly facts: ReturnType<Books['permitFacts']>
}

/** Verdicts of a primary that is open, whatever its replicas do: whoever comes back then is what it lacks, and waits for no person. */
const TAKES_WRITES: readonly PrimaryVerdict[] = ['healthy', 'all_replicas_stopped', 'single_replica_not_replicating']
/** As many as it takes until the planners' code is warm. */
const REHEARSALS = 10
/** A failover that had to be taken back after act 1 is not begun again at once: each try cuts a primary that may be serving. */
const RETRY_FAILOVER_MS = 10_000

/** Said of a winner that is still to be opened, and of nothing else. */
const OF_WINNER: readonly string[] = ['waits_for_winner', 'winner_not_opened']

const fencedByPerson = (server: ServerId): RefusalReason => ({
  code: 'manual',
  says: `policy recovery: ask, so ${server} is not closed without being told`,
  tryThis: `regent fence ${server} --reason "…"`,
})

/** What is done about what was found, by itself: within permit, one after the other. */
export class Remedies {
  readonly #parts: RemediesParts
  #refusals: readonly RefusalReason[] = []
  #rehearsals = 0
  #retryAt = Number.NEGATIVE_INFINITY
  readonly #standing: Standing = new Map()
  readonly #routes: RouteKeeper

  constructor(parts: RemediesParts) {
    this.#parts = parts
    this.#routes = new RouteKeeper(parts.office, parts.books)
  }

  /** Also while the primary is in trouble: a route party that does not run cannot show that it is closed. */
  reviveRoutes(): void {
    this.#routes.revive()
  }

  /** What stands against acting, of the cluster and of servers that came back. */
  refusals(): readonly RefusalReason[] {
    return [...this.#refusals, ...[...this.#standing.values()].flatMap((against) => against.reasons)]
  }

  /** `left`: what is not finished. Until the reign that it minted is open nothing else is to be repaired. */
  async apply(seen: Examination, lease: HeldLease, left?: Unfinished): Promise<void> {
    // What was said of a winner that was waited for ends with the waiting, whatever is found now.
    if (!left) this.#refusals = this.#refusals.filter((r) => !OF_WINNER.includes(r.code))
    if (left?.winner === 'winner_was_open') return this.#forOpened(seen, lease, left.record)
    if (left) return this.#forWinner(seen, lease, left)
    const { diagnosis, topology } = seen
    const { remedy, primary, because, verdict } = diagnosis.primary
    if (TAKES_WRITES.includes(verdict)) return this.#tend(topology, primary, lease)
    switch (remedy) {
      case 'fail_over':
        return primary === undefined
          ? undefined
          : this.#failOver(seen, primary, { lease, facts: this.#parts.books.permitFacts() })
      case 'adopt':
        if (this.#leftToPerson(topology, 'adopt', `regent adopt ${topology.alias}`)) return undefined
        return this.#adopt(topology, lease)
      case 'reopen':
        if (primary === undefined) return undefined
        if (this.#leftToPerson(topology, 'reopen', `regent unfence ${primary} --reason "…"`)) return undefined
        return this.#single({ kind: 'reopen', subject: primary, because }, lease)
      case 'fence_stale':
        return this.#fenceStale(seen, lease)
      case 'none':
      case 'tell':
        // Nothing is tried any more, so what was said against it is no answer to what is found now.
        this.#refusals = []
        return undefined
      case 'watch':
      case 'look_again':
        return undefined
    }
  }

  /** Nothing stands against acting for a primary that takes writes; what is round it is put right. */
  async #tend(topology: Topology, primary: ServerId | undefined, lease: HeldLease): Promise<void> {
    const { office, books } = this.#parts
    this.#refusals = []
    if (primary !== undefined) await this.#rehearseOnce(primary)
    if (this.#againstRepair(topology).length === 0) {
      await reverseLeft(office, { topology, books, lease })
      await restoreOrder(office, { topology, books, lease }, this.#standing)
    }
    return this.#routes.keep(lease)
  }

  /** Nothing but what cannot wait for it to answer; if it does, what follows its opening is done first. */
  async #forOpened(seen: Examination, lease: HeldLease, record: RecoveryRecord): Promise<void> {
    const { office, books } = this.#parts
    const { remedy, primary } = seen.diagnosis.primary
    const { openRecovery: _, ...facts } = books.permitFacts()
    if (remedy === 'fail_over' && primary !== undefined) return this.#failOver(seen, primary, { lease, facts })
    if (remedy !== 'fence_stale' || office.config.policy.recovery === 'ask') return
    await endOpened(office, record, lease)
    return this.#fenceStale(seen, lease)
  }

  async #forWinner(seen: Examination, lease: HeldLease, left: Unfinished): Promise<void> {
    const { office, books } = this.#parts
    const { record, winner } = left
    const waiting = { record, lease }
    const { remedy, primary, targets } = seen.diagnosis.primary
    // A winner that takes writes and has dropped what it had received is closed by what replaces it: its routes are not to be told of it.
    const stale = remedy === 'fence_stale' && targets.some((t) => t !== primary)
    if (stale && office.config.policy.recovery !== 'ask') {
      // Beside an open recovery nothing can be begun; the reign that is being opened keeps its duty alive.
      await giveUp(office, waiting, 'set aside: an older primary takes writes, and is fenced before anything else')
      return this.#fenceStale(seen, lease)
    }
    // It is tried again with every cycle; whoever looks meanwhile finds why, and the way out.
    if (left.winner === 'not_opened') return this.#deny(record.kind, left.because)
    const dropped = winner === 'winner_dropped'
    const alone = [dropped ? hasDroppedIt(record, office.config.alias) : waitsForWinner(record, office.config.alias)]
    // Time may have settled the verdict without one knock at its other addresses: they are knocked at now.
    const fresh = await examine(office, books, { everyone: true })
    const stopped = fresh.diagnosis.primary.remedy === 'fail_over' && fresh.stopped
    if (!dropped && !stopped) return this.#deny(record.kind, alone)
    const { openRecovery: _, ...facts } = books.permitFacts()
    const denied = this.#deniedBy(seen.topology, facts)
    if (denied) return this.#deny(record.kind, [...alone, ...denied])
    if (office.clock.now() < this.#retryAt) return
    // What stands against it stands for long, and one that cannot be closed is not to be sent the same every second.
    if (dropped && primary !== undefined && !books.mayTry('replace', primary)) return
    const because = dropped ? DROPPED_IT : fresh.diagnosis.primary.because
    await this.#ended(await replaceWinner(office, { ...waiting, because, dropped }), record.kind)
  }

  /**
   * Also under a pause, and on versions that no test ran on: an older reign that takes writes is the harm itself, and closing it takes
   * nothing from the present one. Only `recovery: ask` leaves it to a person. The primary of the present reign is another matter:
   * what an unproven version says of its history may be misread, and closing it ends all writing.
   */
  async #fenceStale({ diagnosis, topology }: Examination, lease: HeldLease): Promise<void> {
    const { primary, targets, because } = diagnosis.primary
    if (this.#parts.office.config.policy.recovery === 'ask') return this.#deny('fence', targets.map(fencedByPerson))
    const unproven = this.#parts.proven(topology)
    for (const stale of targets) {
      const unsound = stale === primary
      if (unsound && unproven.length > 0) this.#deny('fence', [notProven(unproven, `regent fence ${stale}`)])
      else await this.#single({ kind: 'fence', subject: stale, because: onUnproven(because, unproven), unsound }, lease)
    }
  }

  async #failOver(seen: Examination, primary: ServerId, { lease, facts }: Acting): Promise<void> {
    // A winner that was never open is replaced under conditions of its own, by the next cycle.
    if (seen.topology.reign?.state === 'opening') return
    const denied = this.#deniedBy(seen.topology, facts)
    if (denied) return this.#deny('failover', denied)
    if (this.#parts.office.clock.now() < this.#retryAt) return
    const fresh = seen.stopped ? seen : await examine(this.#parts.office, this.#parts.books, { everyone: true })
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
    await this.#ended(await recover(this.#parts.office, order, lease), 'failover')
  }

  /** The next round of looks is soon enough to ask again: a refusal that stands never becomes a busy loop. */
  async #ended(end: RecoveryEnd, what: RecoveryKind): Promise<void> {
    if (end.kind === 'refused') {
      if (end.undone) this.#retryAt = this.#parts.office.clock.now() + RETRY_FAILOVER_MS
      return this.#deny(what, end.reasons)
    }
    this.#refusals = []
    await this.settle()
  }

  #deniedBy(topology: Topology, facts: Acting['facts']): readonly RefusalReason[] | undefined {
    const { policy, alias } = this.#parts.office.config
    const answer = permit({ ...facts, alias, policy, unprovenVersions: this.#parts.proven(topology) })
    return answer.kind === 'denied' ? answer.reasons : undefined
  }

  /** What is repaired without being asked: nothing while paused, under `recovery: ask`, or on versions that no test ran on. */
  #againstRepair(topology: Topology): readonly RefusalReason[] {
    const { policy, alias } = this.#parts.office.config
    const unprovenVersions = this.#parts.proven(topology)
    const { now, pause } = this.#parts.books.permitFacts()
    const answer = permit({ alias, policy, now, unprovenVersions, ...(pause ? { pause } : {}) })
    return answer.kind === 'denied' ? answer.reasons : []
  }

  /** Said with the command by which a person does it: a failover, which a permit advises where nobody is asked, would be another thing. */
  #leftToPerson(topology: Topology, what: RecoveryKind, byHand: string): boolean {
    const against = this.#againstRepair(topology)
    if (against.length === 0) return false
    this.#deny(
      what,
      against.map((r) => (r.code === 'manual' ? { ...r, tryThis: byHand } : r)),
    )
    return true
  }

  async #rehearseOnce(primary: ServerId): Promise<void> {
    if (this.#rehearsals >= REHEARSALS) return
    this.#rehearsals += 1
    // Nothing depends on it, so nothing is lost where the store cannot be read just now; the books tell of that.
    await rehearse(this.#parts.office, primary).catch(() => undefined)
  }

  #deny(what: RecoveryKind, reasons: readonly RefusalReason[]): void {
    const same = this.#refusals.map((r) => r.code).join() === reasons.map((r) => r.code).join()
    this.#refusals = reasons
    const { cluster, clock, tell } = this.#parts.office
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
    if (!this.#parts.books.mayTry(repair.kind, repair.subject)) return
    const end = await act(
      this.#parts.office,
      { ...repair, subjectState: 'answers', stopped: false, automatic: true },
      lease,
    )
    if (end.kind === 'refused') this.#deny(repair.kind, end.reasons)
    await this.settle()
  }

  /** After a change every reading from before it is stale: nothing is concluded until all have been looked at again. */
  async settle(): Promise<void> {
    const { observer, config } = this.#parts.office
    await Promise.all([this.#parts.books.reload(), observer.lookAtAll('live', config.policy.suspectAfterMs)])
    this.#parts.ring()
  }
}
