import type { Address } from '../../model/address.ts'
import type { ClusterId, Epoch, RecoveryId, ServerId } from '../../model/ids.ts'
import type { Outcome } from '../../model/outcome.ts'
import type { Policy } from '../../model/policy.ts'
import type { Step, StepKind } from '../../model/step.ts'
import type { Announcer } from '../../ports/announcers.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Journal } from '../../ports/journal.ts'
import type { HeldLease } from '../../ports/lease.ts'
import type { Servers } from '../../ports/servers.ts'
import type { Store } from '../../ports/store.ts'
import type { Ledger } from './ledger.ts'

/** All that the doers of one recovery may use. */
export interface World {
  readonly cluster: ClusterId
  readonly recovery: RecoveryId
  readonly policy: Policy
  /** The epoch that route messages carry: of the present reign in act 1, of the minted one in act 2. */
  readonly epoch: Epoch
  readonly servers: Servers
  readonly announcers: ReadonlyMap<string, Announcer>
  readonly store: Store
  readonly journal: Journal
  readonly lease: HeldLease
  readonly clock: Clock
  readonly ledger: Ledger
  /**
   * By route: the number of its next message, minted while the promotion still runs, so that the telling waits for no disk. Whoever
   * takes one removes it: a number is used once.
   */
  readonly mintedAhead?: Map<string, Promise<number>>
  /** Where a server was last seen, by this process or, where it never met it, by an earlier one; undefined where it has been forgotten. */
  addressOf(server: ServerId): Promise<Address | undefined>
  /** Why an undo may not open this server again; undefined: it may. */
  mayReopen(server: ServerId): Promise<string | undefined>
  /** Of an opening that no barrier stands before: why it may not be done now. Undefined: it may. */
  beforeOpening?(server: ServerId): Promise<string | undefined>
  /** Told of each step as it starts and ends: for the page and the terminal. */
  onStep?(event: StepEvent): void
}

export interface StepEvent {
  readonly act: 1 | 2
  readonly step: Step
  readonly state: 'started' | 'ended'
  readonly outcome?: Outcome
  readonly tookMs?: number
}

export type Doer<K extends StepKind> = (
  step: Extract<Step, { readonly kind: K }>,
  world: World,
  signal: AbortSignal,
) => Promise<Outcome>
export type Doers = { readonly [K in StepKind]: Doer<K> }
