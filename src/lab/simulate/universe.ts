import { type Address, printAddress, sameAddress } from '../../model/address.ts'
import type { RouteMessage } from '../../model/route.ts'
import { Replication } from './replication.ts'
import { type Making, type ModelChannel, ModelServer, type Session } from './server.ts'
import type { Timeline } from './timeline.ts'
import type { Transaction } from './transaction.ts'

/** A change of a server by somebody's hand, as it took effect. */
export interface Effect {
  readonly at: number
  readonly token: number
  readonly server: string
  readonly what: string
}

/** A route as the model keeps it: what it was told last, and who is connected through it. */
export interface RoutePlace {
  readonly name: string
  message?: RouteMessage
  reachable: boolean
}

/**
 * The servers, the network between them, and what happens to them. Names on the network are those of servers, `regent`, and `clients`;
 * a cut link loses what is sent, in both directions, and nobody is told.
 */
export class Universe {
  readonly timeline: Timeline
  readonly servers: readonly ModelServer[]
  readonly routes: RoutePlace[] = []
  readonly effects: Effect[] = []
  readonly replication: Replication
  readonly #cut = new Set<string>()
  readonly #onDown: ((server: ModelServer) => void)[] = []
  readonly #onOpened: ((server: ModelServer) => void)[] = []
  #uid = 0

  constructor(timeline: Timeline, makings: readonly Making[]) {
    this.timeline = timeline
    this.servers = makings.map((making) => new ModelServer(making))
    this.replication = new Replication(this)
  }

  at(address: Address): ModelServer | undefined {
    return this.servers.find((s) => sameAddress(s.address, address))
  }

  named(name: string): ModelServer {
    const found = this.servers.find((s) => s.name === name)
    if (found === undefined) throw new Error(`this universe has no server ${name}`)
    return found
  }

  linked(a: string, b: string): boolean {
    return !this.#cut.has(linkOf(a, b))
  }

  /** Heartbeats are settled before any change of who hears whom, and counted anew from then on. */
  #changing(change: () => void): void {
    for (const server of this.servers) {
      const { channel } = server
      if (channel === undefined) continue
      channel.heartbeats = this.heartbeats(server, channel)
      channel.countedAt = this.timeline.now
    }
    change()
    this.replication.stir()
  }

  cutLink(a: string, b: string): void {
    this.#changing(() => this.#cut.add(linkOf(a, b)))
  }

  isolate(name: string): void {
    const others = [...this.servers.map((s) => s.name), 'regent', 'clients'].filter((other) => other !== name)
    this.#changing(() => {
      for (const other of others) this.#cut.add(linkOf(name, other))
    })
  }

  heal(): void {
    this.#changing(() => this.#cut.clear())
  }

  kill(name: string): void {
    const server = this.named(name)
    if (server.life === 'down') return
    this.#changing(() => {
      server.life = 'down'
      server.waiting = []
      server.parked = []
      server.closing = false
      server.locks = 0
      server.holders.clear()
      for (const packet of server.packets) packet.state = 'ended'
      server.packets = []
      for (const session of server.sessions) session.open = false
      server.sessions = []
      this.replication.sourceDied(server)
    })
    for (const listener of this.#onDown) listener(server)
  }

  /** Its binlogged, unreceived tail is rolled forward; relay log that was not applied is dropped, and fetched again. */
  restart(name: string): void {
    const server = this.named(name)
    if (server.life !== 'down') return
    this.#changing(() => {
      server.life = 'up'
      server.startedAt = this.timeline.now
      server.access = server.startsReadOnly ? 'closed_to_all' : 'writable'
      server.source = { enabled: false, waitCount: 1 }
      if (server.channel) {
        server.channel.relay = []
        server.channel.receiver = 'connecting'
        server.channel.applier = 'running'
        delete server.channel.applierError
      }
    })
  }

  /** Both are started again, each where the other was, with what each had on disk: its data, its channel, its identity. */
  exchange(one: string, other: string): void {
    const [a, b] = [this.named(one), this.named(other)]
    this.kill(one)
    this.kill(other)
    const { address } = a
    a.address = b.address
    b.address = address
    this.restart(one)
    this.restart(other)
  }

  freeze(name: string): void {
    const server = this.named(name)
    if (server.life === 'up')
      this.#changing(() => {
        server.life = 'frozen'
      })
  }

  thaw(name: string): void {
    const server = this.named(name)
    if (server.life !== 'frozen') return
    this.#changing(() => {
      server.life = 'up'
    })
    const { packets } = server
    server.packets = []
    for (const packet of packets) packet.run(server)
    this.resume(server)
  }

  /** Statements that had to wait at this server go on. */
  resume(server: ModelServer): void {
    const { parked } = server
    server.parked = []
    for (const work of parked) work()
  }

  /** Told as the process of a server ends: its peers' sockets close. */
  whenDown(listener: (server: ModelServer) => void): void {
    this.#onDown.push(listener)
  }

  whenOpened(listener: (server: ModelServer) => void): void {
    this.#onOpened.push(listener)
  }

  /** A change by Regent's hand takes effect here and now. */
  change(server: ModelServer, effect: Omit<Effect, 'at' | 'server'>, change: () => void): void {
    const before = server.access
    this.#changing(change)
    this.effects.push({ ...effect, at: this.timeline.now, server: server.name })
    if (before !== 'writable' && server.access === 'writable') for (const listener of this.#onOpened) listener(server)
  }

  flows(replica: ModelServer): ModelServer | undefined {
    const channel = replica.channel
    const source = channel && this.at(channel.source)
    if (channel?.receiver !== 'running' || source?.life !== 'up' || replica.life !== 'up') return undefined
    return this.linked(replica.name, source.name) ? source : undefined
  }

  heartbeats(server: ModelServer, channel: ModelChannel): number {
    if (this.flows(server) === undefined) return channel.heartbeats
    return channel.heartbeats + Math.floor((this.timeline.now - channel.countedAt) / channel.heartbeatMs)
  }

  /** Those whose receiver holds a connection to it, as its process list shows them: a frozen or cut-off peer is still there. */
  replicasOf(source: ModelServer): readonly ModelServer[] {
    return this.servers.filter(
      (s) => s.life !== 'down' && s.channel?.receiver === 'running' && sameAddress(s.channel.source, source.address),
    )
  }

  ackersOf(source: ModelServer): readonly ModelServer[] {
    return source.source.enabled ? this.replicasOf(source).filter((r) => r.replicaSide) : []
  }

  /** A client's statement arrives. Exactly one of the answers comes, unless the server or the connection dies first. */
  write(
    server: ModelServer,
    session: Session,
    answer: (kind: 'ok' | 'refused', transaction?: Transaction) => void,
  ): void {
    if (session.held) {
      session.held.push(() => this.write(server, session, answer))
      return
    }
    session.watched = false
    this.#arrive(server, session, answer)
  }

  /** What has reached the server is not held by any route any more. */
  #arrive(
    server: ModelServer,
    session: Session,
    answer: (kind: 'ok' | 'refused', transaction?: Transaction) => void,
  ): void {
    if (server.life === 'down' || !session.open) return
    if (server.life === 'frozen' || server.closing) {
      server.parked.push(() => this.#arrive(server, session, answer))
      return
    }
    if (server.access !== 'writable') {
      answer('refused')
      return
    }
    this.#uid += 1
    const transaction = server.nextTransaction(this.#uid)
    server.append(transaction)
    const confirm = (): void => {
      if (session.open) answer('ok', transaction)
    }
    if (server.source.enabled) server.waiting.push({ transaction, acknowledgedBy: new Set(), answer: confirm })
    else confirm()
    this.replication.written(server)
  }

  toString(): string {
    return this.servers
      .map((s) => {
        const c = s.channel
        const follows = c ? ` <- ${printAddress(c.source)} ${c.receiver}/${c.applier} relay ${c.relay.length}` : ''
        const side = s.source.enabled ? ` source(${s.source.waitCount}, waiting ${s.waiting.length})` : ''
        return `${s.name}: ${s.life} ${s.access} binlog ${s.binlog.length}${side}${follows}`
      })
      .join('\n')
  }
}

const linkOf = (a: string, b: string): string => [a, b].sort().join(' ')
