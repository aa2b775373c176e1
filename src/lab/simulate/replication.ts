import type { ReplicationError } from '../../model/server.ts'
import { NET_MS } from './latency.ts'
import type { ModelChannel, ModelServer } from './server.ts'
import type { Universe } from './universe.ts'

const RESET: ReplicationError = { code: 2013, message: 'Lost connection to server at reading, system error: 104' }
const REFUSED: ReplicationError = { code: 2003, message: `Can't connect to server (111 "Connection refused")` }
const NOT_THERE: ReplicationError = { code: 1236, message: 'the source does not have the requested position' }
const CONNECT_MS = 2

/** How transactions travel: receivers, appliers and acknowledgements, each hop an event of its own. */
export class Replication {
  readonly #universe: Universe

  constructor(universe: Universe) {
    this.#universe = universe
  }

  /** After anything that may let something flow again. */
  stir(): void {
    for (const server of this.#universe.servers) {
      this.#pump(server)
      this.#applySoon(server)
      if (server.channel?.receiver === 'connecting') this.connect(server, server.channel, CONNECT_MS)
      this.#release(server)
    }
  }

  written(source: ModelServer): void {
    for (const replica of this.#universe.replicasOf(source)) this.#pump(replica)
  }

  /** Every receiver sees its socket reset, tries once at once and is refused; then it tries at its interval. */
  sourceDied(source: ModelServer): void {
    const { timeline } = this.#universe
    for (const replica of this.#universe.servers) {
      const channel = replica.channel
      if (channel === undefined || this.#universe.at(channel.source) !== source) continue
      if (channel.receiver !== 'running' || !this.#universe.linked(replica.name, source.name)) continue
      channel.receiver = 'connecting'
      channel.receiverError = RESET
      timeline.after(NET_MS, () => {
        if (replica.channel === channel && channel.receiver === 'connecting') channel.receiverError = REFUSED
      })
    }
  }

  /** One attempt after `inMs`; further ones at the channel's interval until it is connected, stopped or repointed. */
  connect(replica: ModelServer, channel: ModelChannel, inMs: number): void {
    if (channel.connecting) return
    channel.connecting = true
    const { source: address } = channel
    this.#universe.timeline.after(inMs, () => {
      channel.connecting = false
      if (replica.channel !== channel || channel.receiver !== 'connecting') return
      const source = this.#universe.at(address)
      const there =
        source !== undefined && channel.source === address && this.#universe.linked(replica.name, source.name)
      if (there && source.life === 'up' && replica.life === 'up') return this.#connected(replica, channel, source)
      if (there && source.life === 'down') channel.receiverError = REFUSED
      this.connect(replica, channel, channel.source === address ? channel.connectRetryMs : CONNECT_MS)
    })
  }

  #connected(replica: ModelServer, channel: ModelChannel, source: ModelServer): void {
    if (!servable(replica, source)) {
      channel.receiver = 'stopped'
      channel.receiverError = NOT_THERE
      return
    }
    channel.receiver = 'running'
    delete channel.receiverError
    channel.heartbeats = 0
    channel.countedAt = this.#universe.timeline.now
    this.#release(source)
    this.#pump(replica)
  }

  #pump(replica: ModelServer): void {
    if (replica.pumping || this.#universe.flows(replica) === undefined) return
    replica.pumping = true
    this.#universe.timeline.after(NET_MS, () => {
      replica.pumping = false
      this.#receive(replica)
    })
  }

  #receive(replica: ModelServer): void {
    const source = this.#universe.flows(replica)
    const channel = replica.channel
    if (source === undefined || channel === undefined) return
    for (const transaction of source.binlog) if (!replica.received(transaction)) channel.relay.push(transaction)
    if (replica.replicaSide && source.waiting.length > 0) {
      const received = source.waiting.filter((w) => replica.received(w.transaction))
      this.#universe.timeline.after(NET_MS, () => {
        if (source.life !== 'up' || !this.#universe.linked(replica.name, source.name)) return
        for (const commit of received) commit.acknowledgedBy.add(replica.name)
        this.#release(source)
      })
    }
    this.#applySoon(replica)
  }

  /** Commits end in their order, when enough have acknowledged, or at once where the source side is off. */
  #release(source: ModelServer): void {
    if (source.life !== 'up') return
    const enough = source.source.enabled ? source.source.waitCount : 0
    for (let first = source.waiting[0]; first !== undefined; first = source.waiting[0]) {
      if (first.acknowledgedBy.size < enough) return
      source.waiting.shift()
      first.answer('ok')
    }
  }

  #applySoon(replica: ModelServer): void {
    if (replica.applying || !this.#applies(replica)) return
    replica.applying = true
    this.#universe.timeline.after(replica.applyMs, () => {
      replica.applying = false
      if (stumbled(replica.channel)) return
      const next = this.#applies(replica) ? replica.channel?.relay.shift() : undefined
      if (next === undefined) return
      if (!replica.has(next)) replica.append(next)
      replica.applied = next
      this.written(replica)
      this.#applySoon(replica)
    })
  }

  /** With its source side on a replica's applier waits for acknowledgements like any client. */
  #applies(replica: ModelServer): boolean {
    const { channel, source } = replica
    if (replica.life !== 'up' || channel?.applier !== 'running' || channel.relay.length === 0) return false
    return !source.enabled || this.#universe.ackersOf(replica).length >= source.waitCount
  }
}

function stumbled(channel: ModelChannel | undefined): boolean {
  if (channel?.stumbles === undefined || channel.applier !== 'running' || channel.relay.length === 0) return false
  channel.applier = 'stopped'
  channel.applierError = channel.stumbles
  return true
}

/** MySQL refuses a replica that has transactions of this very source that it lacks itself; MariaDB one whose position it does not have. */
function servable(replica: ModelServer, source: ModelServer): boolean {
  if (replica.flavour === 'mysql') return replica.binlog.every((t) => t.origin !== source.numericId || source.has(t))
  const position = replica.channel?.relay.at(-1) ?? replica.applied
  return position === undefined || source.has(position)
}
