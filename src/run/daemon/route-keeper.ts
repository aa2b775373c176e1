import type { Epoch } from '../../model/ids.ts'
import type { Reign } from '../../model/reign.ts'
import type { RecoveryRecord } from '../../ports/journal.ts'
import type { HeldLease } from '../../ports/lease.ts'
import { undoKeyOf } from '../execute/undo.ts'
import type { Books } from './books.ts'
import type { Office } from './office.ts'
import { type NamedReading, readRoutes, repairRoutes } from './routes.ts'

const KEEP_MS = 1000
const REVIVE_MS = 5000

/** Route parties run and lead to the primary. What takes long is done beside the cycle, never in its way. */
export class RouteKeeper {
  readonly #office: Office
  readonly #books: Books
  readonly #told = new Map<string, string>()
  #keptAt = Number.NEGATIVE_INFINITY
  #revivedAt = Number.NEGATIVE_INFINITY
  #reading = false
  /** Not looked at yet. */
  #read: { readonly epoch: Epoch; readonly readings: readonly NamedReading[] } | undefined

  constructor(office: Office, books: Books) {
    this.#office = office
    this.#books = books
  }

  revive(): void {
    const { clock, revive } = this.#office
    if (clock.now() - this.#revivedAt < REVIVE_MS) return
    this.#revivedAt = clock.now()
    void revive().then(
      (problems) => {
        for (const says of problems) this.#trouble(says)
      },
      (error: unknown) => this.#trouble(String(error)),
    )
  }

  /**
   * Read once a second, which is soon enough for what nobody should have changed; only the telling is done in its turn, so that no message
   * of ours is numbered after a withdrawal.
   */
  async keep(lease: HeldLease): Promise<void> {
    const reign = this.#books.reign()
    if (this.#office.config.policy.recovery === 'ask' || reign?.state !== 'open') return
    const read = this.#read
    this.#read = undefined
    if (read?.epoch === reign.epoch)
      await repairRoutes(this.#office, read.readings, {
        ...{ reign, lease, told: this.#told },
        withdrawnBy: (route) => this.#withdrawnBy(reign, route),
        mayTell: (route) => this.#books.mayTry(`tell ${route}`, reign.primary),
      })
    const now = this.#office.clock.now()
    if (this.#reading || now - this.#keptAt < KEEP_MS) return
    this.#keptAt = now
    this.#reading = true
    void this.#look(reign.epoch)
  }

  /** Of the present reign, newest first. */
  #withdrawnBy({ at }: Reign, route: string): string {
    const key = undoKeyOf(`withdraw:${route}`)
    const isLeft = ({ startedAt, steps }: RecoveryRecord): boolean =>
      startedAt >= at && steps.some((s) => s.key === key && s.record?.outcome.kind !== 'done')
    return this.#books.recoveries().find(isLeft)?.id ?? ''
  }

  async #look(epoch: Epoch): Promise<void> {
    try {
      this.#read = { epoch, readings: await readRoutes(this.#office) }
    } catch (error) {
      this.#trouble(String(error))
    } finally {
      this.#reading = false
    }
  }

  #trouble(says: string): void {
    const { tell, cluster, clock } = this.#office
    tell({ kind: 'trouble', cluster, at: clock.wall(), says })
  }
}
