import { printAddress } from '../../model/address.ts'
import type { HeldLease } from '../../ports/lease.ts'
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

  constructor(office: Office) {
    this.#office = office
  }

  /** Costs nothing once every server that answers has been cleared for this lease. */
  async clear(lease: HeldLease): Promise<void> {
    if (this.#token !== lease.token) {
      this.#token = lease.token
      this.#cleared = new Set()
    }
    const { observer, servers, clock, cluster } = this.#office
    const left = observer
      .sightings()
      .filter((s) => s.latest.kind === 'answered' && !this.#cleared.has(printAddress(s.address)))
    if (left.length === 0) return
    await Promise.all(
      left.map(async ({ address }) => {
        using deadline = clock.deadline(TAKE_OVER_MS)
        const outcome = await servers.takeOver(address, lease.warrant(cluster), deadline.signal)
        if (outcome.kind === 'done') this.#cleared.add(printAddress(address))
      }),
    )
  }
}

/** A warm session for changes on each server that answers, so that a promotion pays for no login. */
export async function prepareSessions({ observer, servers, clock, cluster }: Office, lease: HeldLease): Promise<void> {
  const answering = observer.sightings().filter((s) => s.latest.kind === 'answered')
  await Promise.all(
    answering.map(async ({ address }) => {
      using deadline = clock.deadline(PREPARE_MS)
      await servers.prepare(address, { warrant: lease.warrant(cluster), signal: deadline.signal })
    }),
  )
}
