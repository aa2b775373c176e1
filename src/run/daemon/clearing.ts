import { printAddress } from '../../model/address.ts'
import type { Instant, ServerId } from '../../model/ids.ts'
import type { HeldLease } from '../../ports/lease.ts'
import type { ServerAt } from '../../ports/servers.ts'
import type { Office } from './office.ts'

/** Ending what waits takes one or two round trips; a server that hangs here is left to the guard's deadline. */
const TAKE_OVER_MS = 1500
/** Logging in for a warm session. */
const PREPARE_MS = 3000

/**
 * A new holder of the lease, before its first change, ends whatever an older one left waiting on each server that answers. Servers
 * that do not answer are protected by the deadline within the old holder's packets alone.
 */
export class Clearing {
  readonly #office: Office
  #token: number | undefined
  #cleared = new Set<string>()
  #since = Number.NEGATIVE_INFINITY

  constructor(office: Office) {
    this.#office = office
  }

  /**
   * Costs nothing once every server that answers has been cleared for this lease. False: one that answers could not be cleared, and the
   * older holder's packets may still be within their deadline: nothing is changed until that has passed.
   */
  async clear(lease: HeldLease): Promise<boolean> {
    const { observer, servers, clock, cluster } = this.#office
    if (this.#token !== lease.token) {
      this.#token = lease.token
      this.#cleared = new Set()
      this.#since = clock.now()
    }
    const left = observer
      .sightings()
      .flatMap((s) => (s.latest.kind === 'answered' ? [{ ...s.address, id: s.latest.status.id }] : []))
      .filter((at) => !this.#cleared.has(nameOf(at)))
    if (left.length === 0) return true
    await Promise.all(
      left.map(async (at) => {
        using deadline = clock.deadline(TAKE_OVER_MS)
        const outcome = await servers.takeOver(at, lease.warrant(cluster), deadline.signal)
        if (outcome.kind === 'done') this.#cleared.add(nameOf(at))
      }),
    )
    return left.every((at) => this.#cleared.has(nameOf(at))) || clock.now() - this.#since > lease.ttlMs
  }
}

/**
 * A warm session is asked something this often: a middlebox that forgets idle connections (the strictest common ones after four
 * minutes) must not be found out by a promotion. Not with every round: the looks alone are two round trips a second.
 */
const REFRESH_MS = 120_000

/** Where a session for changes of whom stands ready, for which lease, and since when it was not asked anything. */
export type Prepared = Map<string, { readonly id: ServerId; readonly token: number; readonly at: Instant }>

/** By identity too: a server that has taken the address of another is a server that nobody has cleared. */
const nameOf = (at: ServerAt): string => `${at.id} at ${printAddress(at)}`

/**
 * A warm session for changes on each server that answers, so that a promotion pays for no login. One that breaks is brought back by
 * itself. A server that stopped answering is asked again as soon as it answers: its host may have lost the session without a word.
 */
export async function prepareSessions(
  { observer, servers, clock, cluster }: Office,
  lease: HeldLease,
  prepared: Prepared = new Map(),
): Promise<void> {
  await Promise.all(
    observer.sightings().map(async ({ address, latest }) => {
      const name = printAddress(address)
      const known = prepared.get(name)
      const at = clock.now()
      const id = latest.kind === 'answered' ? latest.status.id : undefined
      if (id !== undefined && known?.id === id && known.token === lease.token && at - known.at < REFRESH_MS) return
      prepared.delete(name)
      if (id === undefined) return
      using deadline = clock.deadline(PREPARE_MS)
      const context = { warrant: lease.warrant(cluster), signal: deadline.signal }
      const outcome = await servers.prepare({ ...address, id }, context)
      if (outcome.kind === 'done') prepared.set(name, { id, token: lease.token, at })
      // What is watched there is not who answers now: the next look opens a connection of its own.
      if (outcome.kind === 'failed' && outcome.code === 'another_server') servers.forget(address)
    }),
  )
}
