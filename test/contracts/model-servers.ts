import { modelChanging } from '../../src/lab/simulate/changing.ts'
import { virtualClock } from '../../src/lab/simulate/clock.ts'
import { Life } from '../../src/lab/simulate/life.ts'
import { connect } from '../../src/lab/simulate/scene.ts'
import type { Session } from '../../src/lab/simulate/server.ts'
import { Universe } from '../../src/lab/simulate/universe.ts'
import { modelWatching } from '../../src/lab/simulate/watching.ts'
import { Wire } from '../../src/lab/simulate/wire.ts'
import { clusterId, serverId } from '../../src/model/ids.ts'
import type { Flavour } from '../../src/model/version.ts'
import type { Changing, Watching } from '../../src/ports/servers.ts'
import { Driven } from './model-world.ts'
import type { Id, ServersWorld } from './servers.ts'

/** Modelled servers for the contract of servers: new ones for every test. */
class ModelServers implements ServersWorld {
  readonly flavour: Flavour
  readonly nowhere = { host: 'nowhere', port: 3306, id: serverId('nobody') }
  readonly #driven = new Driven()
  readonly #clock = virtualClock(this.#driven.timeline, new Life('a test'))
  #universe: Universe
  #hands: { readonly watching: Watching; readonly changing: Changing }
  #peer = 0

  constructor(flavour: Flavour) {
    this.flavour = flavour
    this.#universe = this.#made()
    this.#hands = this.#regent()
  }

  get watching(): Watching {
    return this.#hands.watching
  }

  get changing(): Changing {
    return this.#hands.changing
  }

  async home(): Promise<void> {
    this.#universe = this.#made()
    this.#hands = this.#regent()
    await this.insert(1)
  }

  end(): Promise<void> {
    return this.#driven[Symbol.asyncDispose]()
  }

  at(id: Id) {
    const { address, id: identity } = this.#universe.named(id)
    return { ...address, id: identity }
  }

  async door(id: Id) {
    let now = id
    return {
      address: this.#universe.named(id).address,
      leadTo: async (other: Id) => {
        if (other !== now) this.#universe.exchange(now, other)
        now = other
      },
    }
  }

  another(): Changing {
    return this.#regent().changing
  }

  async within(
    ms: number,
    change: Parameters<ServersWorld['within']>[1],
    warrant = this.lease(60_000),
  ): ReturnType<ServersWorld['within']> {
    using deadline = this.#clock.deadline(ms)
    return await change({ warrant, signal: deadline.signal })
  }

  lease(ms: number, token = 1) {
    const ends = this.#clock.now() + ms
    return { cluster: clusterId('test'), token, leftMs: () => ends - this.#clock.now() }
  }

  async insert(count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      const { answered } = await this.commit()
      while (!answered()) await this.wait(0.5)
    }
  }

  async rows(id: Id): Promise<number> {
    return this.#universe.named(id).executed().length
  }

  async commit(): Promise<{ answered(): boolean }> {
    const server = this.#universe.named('s1')
    this.#peer += 1
    const session: Session = { peer: `clients:${this.#peer}`, server: 's1', open: true, busy: true }
    server.sessions.push(session)
    let answered = false
    this.#universe.write(server, session, (kind) => {
      answered = kind === 'ok'
      session.busy = false
    })
    return { answered: () => answered }
  }

  async busy(): Promise<() => Promise<void>> {
    const server = this.#universe.named('s1')
    server.locks += 1
    return async () => {
      server.locks -= 1
    }
  }

  async stopApplier(id: Id): Promise<void> {
    const { channel } = this.#universe.named(id)
    if (channel) channel.applier = 'stopped'
  }

  async breakApplier(id: Id): Promise<() => Promise<void>> {
    const { channel } = this.#universe.named(id)
    if (channel === undefined) throw new Error(`${id} has no channel`)
    channel.stumbles = { code: 1062, message: 'duplicate entry' }
    await this.insert(1)
    return async () => {
      delete channel.stumbles
    }
  }

  async kill(id: Id): Promise<void> {
    this.#universe.kill(id)
  }

  async restart(id: Id): Promise<void> {
    this.#universe.restart(id)
  }

  async freeze(id: Id): Promise<void> {
    this.#universe.freeze(id)
  }

  async thaw(id: Id): Promise<void> {
    this.#universe.thaw(id)
  }

  wait(ms: number): Promise<void> {
    return this.#clock.sleep(ms)
  }

  #made(): Universe {
    const makings = ['s1', 's2', 's3'].map((name, i) => ({
      ...{ name, numericId: i + 1, flavour: this.flavour, startsReadOnly: true },
    }))
    const universe = new Universe(this.#driven.timeline, makings)
    connect(universe, { waitCount: 1 })
    return universe
  }

  #regent() {
    const life = new Life('one')
    const clock = virtualClock(this.#driven.timeline, life)
    const wire = new Wire({ universe: this.#universe, clock })
    return { watching: modelWatching(wire, life), changing: modelChanging(wire, life) }
  }
}

export const modelServersWorld = async (flavour: Flavour): Promise<ServersWorld> => new ModelServers(flavour)
