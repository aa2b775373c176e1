import { virtualClock } from '../../src/lab/simulate/clock.ts'
import { Durable } from '../../src/lab/simulate/durable.ts'
import { modelJournal } from '../../src/lab/simulate/journal.ts'
import { modelLeases } from '../../src/lab/simulate/leases.ts'
import { Life } from '../../src/lab/simulate/life.ts'
import { modelAnnouncer } from '../../src/lab/simulate/routes.ts'
import { modelStore } from '../../src/lab/simulate/store.ts'
import { Timeline } from '../../src/lab/simulate/timeline.ts'
import { Universe } from '../../src/lab/simulate/universe.ts'
import type { RouteWorld } from './announcers.ts'
import type { ClockWorld } from './clock.ts'
import type { JournalWorld } from './journal.ts'
import type { LeaseWorld } from './lease.ts'

/** Virtual time that passes by itself while a test waits, so that a contract written for real worlds reads the same. */
export class Driven implements AsyncDisposable {
  readonly timeline = new Timeline()
  #ended = false
  readonly #driving: Promise<void>

  constructor() {
    this.#driving = this.#drive()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    await this.#driving
  }

  async #drive(): Promise<void> {
    while (!this.#ended) await this.timeline.run(() => this.#ended, 1)
  }
}

export async function modelClockWorld(): Promise<ClockWorld> {
  const driven = new Driven()
  return {
    clock: virtualClock(driven.timeline, new Life('one')),
    [Symbol.asyncDispose]: () => driven[Symbol.asyncDispose](),
  }
}

/** The store, the journal and the lease of one process; reopened, those of another one over the same rows. */
export async function modelStoreWorld(driven = new Driven(), durable = new Durable()): Promise<JournalWorld> {
  const life = new Life('one')
  const clock = virtualClock(driven.timeline, life)
  return {
    store: modelStore(durable, life),
    journal: modelJournal({ durable, life, clock }),
    leases: modelLeases(durable, driven.timeline, life),
    reopen: async () => {
      life.kill()
      return modelStoreWorld(driven, durable)
    },
    [Symbol.asyncDispose]: () => driven[Symbol.asyncDispose](),
  }
}

export async function modelLeaseWorld(): Promise<LeaseWorld> {
  const driven = new Driven()
  const durable = new Durable()
  const clock = virtualClock(driven.timeline, new Life('the test'))
  return {
    ttlMs: 5000,
    join: async () => {
      const life = new Life('a party')
      const leases = modelLeases(durable, driven.timeline, life)
      return { leases, freeze: () => life.freeze(), thaw: () => life.thaw() }
    },
    wait: (ms) => clock.sleep(ms),
    now: () => clock.now(),
    [Symbol.asyncDispose]: () => driven[Symbol.asyncDispose](),
  }
}

export async function modelRouteWorld(): Promise<RouteWorld> {
  const driven = new Driven()
  const life = new Life('one')
  const clock = virtualClock(driven.timeline, life)
  const universe = new Universe(driven.timeline, [])
  const place = { name: 'proxy', reachable: true }
  return {
    announcer: modelAnnouncer(universe, place, life),
    soon: () => clock.deadline(10_000).signal,
    cut: async () => {
      place.reachable = false
    },
    [Symbol.asyncDispose]: () => driven[Symbol.asyncDispose](),
  }
}
