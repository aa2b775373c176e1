/**
 * A small MariaDB world whose truth is known: servers with binlogs, replication in order, primaries that change, forks,
 * stray writes, restores from backup. For tests: it tells both what every server really executed and received, and what
 * its variables would show. One domain, as domains do not touch each other.
 */
import { binlogState, type MariadbGtid, type Position, position } from '../gtid/mariadb-position.ts'
import type { MariadbHistory } from './kinds.ts'

interface Event {
  readonly key: string
  readonly server: number
  readonly seq: number
  /** All that its writer had executed. */
  readonly past: ReadonlySet<string>
}

export interface WorldServer {
  serverId: number
  readonly logsReplicaUpdates: boolean
  readonly strict: boolean
  executed: Set<string>
  binlog: Event[]
  /** Per writer its last in the binlog; the newest writer is the last key. */
  state: Map<number, number>
  applied: Event | undefined
  received: Event | undefined
  relayLog: Event[]
  source: WorldServer | undefined
  counter: number
  /** It wrote beside its source, or got such writes: never newly a source or a primary. */
  stray: boolean
  writes: boolean
}

export interface WorldOptions {
  readonly servers: number
  readonly logsReplicaUpdates: readonly boolean[]
  readonly strict: readonly boolean[]
  readonly forks: boolean
  readonly restores: boolean
}

export interface Move {
  readonly kind: number
  readonly a: number
  readonly b: number
  readonly amount: number
}

export interface Snapshot {
  readonly history: MariadbHistory
  readonly executed: ReadonlySet<string>
  readonly received: ReadonlySet<string>
}

export interface World {
  readonly servers: readonly WorldServer[]
  readonly options: WorldOptions
  nextServerId: number
}

export function newWorld(options: WorldOptions): World {
  const servers = Array.from({ length: options.servers }, (_, at) => newServer(at + 1, options))
  const [first, ...others] = servers
  if (first !== undefined) first.writes = true
  for (const other of others) other.source = first
  return { servers, options, nextServerId: 11 }
}

export function play(world: World, move: Move): void {
  const { servers, options } = world
  const a = servers[move.a % servers.length]
  const b = servers[move.b % servers.length]
  if (a === undefined || b === undefined) return
  const moves = [
    () =>
      each(
        servers.filter((server) => server.writes),
        (server) => write(server, move.amount),
      ),
    () => receive(a, move.amount),
    () => apply(a, move.amount),
    () => each(servers, catchUp),
    () => switchOver(world, a),
    ...(options.restores ? [() => restore(world, a, b)] : []),
    ...(options.forks
      ? [() => failOver(world, a), () => strayWrite(world, a), () => merge(world, a, b), () => repoint(a, b)]
      : []),
  ]
  moves[move.kind % moves.length]?.()
}

function each(servers: readonly WorldServer[], act: (server: WorldServer) => void): void {
  for (const server of servers) act(server)
}

export function snapshot(server: WorldServer): Snapshot {
  const state = [...server.state].map(([writer, seq]) => `0-${writer}-${seq}`).join(',')
  const history: MariadbHistory = {
    kind: 'mariadb',
    serverId: server.serverId,
    binlogState: binlogState(state),
    slavePos: positionOf(server.applied),
    ioPos: server.source === undefined ? [] : [positionOf(server.received)],
    logsReplicaUpdates: server.logsReplicaUpdates,
    strict: server.strict,
  }
  const received = new Set(server.executed)
  if (server.source !== undefined) for (const event of server.relayLog) received.add(event.key)
  return { history, executed: new Set(server.executed), received }
}

function newServer(serverId: number, { logsReplicaUpdates, strict }: WorldOptions): WorldServer {
  return {
    serverId,
    logsReplicaUpdates: logsReplicaUpdates[serverId % logsReplicaUpdates.length] ?? true,
    strict: strict[serverId % strict.length] ?? false,
    executed: new Set(),
    binlog: [],
    state: new Map(),
    applied: undefined,
    received: undefined,
    relayLog: [],
    source: undefined,
    counter: 0,
    stray: false,
    writes: false,
  }
}

function positionOf(event: Event | undefined): Position {
  const gtid: MariadbGtid[] = event === undefined ? [] : [{ domain: 0, server: event.server, seq: event.seq }]
  return gtid.length === 0 ? position('') : { gtids: gtid }
}

function log(server: WorldServer, event: Event): void {
  server.binlog.push(event)
  server.state.delete(event.server)
  server.state.set(event.server, event.seq)
}

function write(server: WorldServer, amount: number): void {
  for (let i = 0; i < amount; i++) {
    server.counter += 1
    const key = `${server.serverId}:${server.counter}`
    const event = { key, server: server.serverId, seq: server.counter, past: new Set(server.executed) }
    server.executed.add(key)
    log(server, event)
  }
}

/** As the source sends: what stands in its binlog behind the last received event. */
function receive(server: WorldServer, amount: number): void {
  if (server.source === undefined) return
  const { binlog } = server.source
  const from = startBehind(server.source, server.received)
  if (from === undefined) return
  for (const event of binlog.slice(from, from + amount)) {
    server.received = event
    server.relayLog.push(event)
  }
}

/**
 * The server asks the source for exactly this GTID: it stands in its binlog, or is the last that the source applied.
 * From a source that does not log what it applied, only what came after that can be had with its past; and a replica
 * that has nothing needs a binlog that begins at the beginning. The real server lets both happen, with a silent gap.
 */
function startBehind(source: WorldServer, event: Event | undefined): number | undefined {
  const unlogged = source.logsReplicaUpdates ? undefined : source.applied
  if (event === undefined) return unlogged === undefined && beginsAtTheBeginning(source) ? 0 : undefined
  const at = source.binlog.findIndex((known) => known.key === event.key)
  if (at >= 0) return unlogged === undefined || unlogged.seq < event.seq ? at + 1 : undefined
  if (source.applied?.key !== event.key) return undefined
  const own = source.binlog.findIndex((known) => known.seq > event.seq)
  return own < 0 ? source.binlog.length : own
}

function beginsAtTheBeginning({ binlog, applied }: WorldServer): boolean {
  return binlog.length > 0 ? binlog[0]?.seq === 1 : applied === undefined
}

/** Its own writes coming back are skipped, and the position moves over them. */
function apply(server: WorldServer, amount: number): void {
  if (server.source === undefined) return
  for (let i = 0; i < amount; i++) {
    const event = server.relayLog[0]
    if (event === undefined) return
    if (event.server === server.serverId) {
      server.relayLog.shift()
      server.applied = event
      continue
    }
    const newest = server.binlog[server.binlog.length - 1]?.seq ?? 0
    if (server.strict && server.logsReplicaUpdates && event.seq <= newest) return
    server.relayLog.shift()
    server.executed.add(event.key)
    server.applied = event
    server.counter = Math.max(server.counter, event.seq)
    if (server.logsReplicaUpdates) log(server, event)
  }
}

function catchUp(server: WorldServer): void {
  receive(server, Number.MAX_SAFE_INTEGER)
  apply(server, 1_000)
}

/** Last executed by seniority of the servers' own rule: its newest own write or its last applied, whichever is higher. */
function head(server: WorldServer): Event | undefined {
  const own = server.binlog[server.binlog.length - 1]
  if (own === undefined || server.applied === undefined) return own ?? server.applied
  return own.seq > server.applied.seq ? own : server.applied
}

function follow(server: WorldServer, source: WorldServer): boolean {
  const from = head(server)
  if (server === source || source.stray) return false
  if (startBehind(source, from) === undefined) return false
  server.source = source
  server.received = from
  server.relayLog = []
  // Half of them as `gtid_slave_pos` set to the binlog's position, half as `current_pos`, which leaves it as it was.
  if (server.serverId % 2 === 0) server.applied = from
  server.writes = false
  return true
}

function switchOver(world: World, winner: WorldServer): void {
  const old = winner.source
  if (winner.stray || old === undefined || !old.writes) return
  for (let i = 0; i < 3; i++) catchUp(winner)
  if ([...old.executed].some((key) => !winner.executed.has(key))) return
  promote(world, winner)
  old.writes = false
  follow(old, winner)
}

/** The old primary keeps writing: from now on there are two branches. */
function failOver(world: World, winner: WorldServer): void {
  if (winner.stray || winner.source === undefined) return
  apply(winner, 1_000)
  promote(world, winner)
}

function promote(world: World, winner: WorldServer): void {
  const old = winner.source
  winner.source = undefined
  winner.relayLog = []
  winner.writes = true
  for (const server of world.servers) if (server.source === old && server !== winner) follow(server, winner)
}

function strayWrite(world: World, server: WorldServer): void {
  if (server.writes || world.servers.some((other) => other.source === server)) return
  server.stray = true
  write(server, 1)
}

/** Without strict mode: `gtid_slave_pos` is set back to what both have, and replication goes on over the stray writes. */
function merge(world: World, server: WorldServer, source: WorldServer): void {
  if (server === source || server.strict || source.stray || !server.logsReplicaUpdates) return
  const shared = source.binlog.findLast((event) => server.executed.has(event.key))
  const hasAll = shared !== undefined && [...shared.past].every((key) => server.executed.has(key))
  const alone = [...server.executed].filter((key) => !source.executed.has(key))
  if (!hasAll || alone.length === 0 || source.source !== undefined) return
  if (!world.servers.every((other) => (other !== server && other.source !== server) || logsAll(other, source))) return
  server.source = source
  server.received = shared
  server.applied = shared
  server.relayLog = []
  server.writes = false
  markStray(world, server)
}

/** Nothing hides what the source never had: no backup, and no server that applies without logging. */
function logsAll(server: WorldServer, source: WorldServer): boolean {
  const alone = [...server.executed].filter((key) => !source.executed.has(key))
  return server.logsReplicaUpdates && alone.every((key) => server.binlog.some((event) => event.key === key))
}

function markStray(world: World, server: WorldServer): void {
  server.stray = true
  for (const other of world.servers) if (other.source === server && !other.stray) markStray(world, other)
}

function repoint(server: WorldServer, source: WorldServer): void {
  if (server.writes || server.stray || source.source === server || !source.logsReplicaUpdates) return
  follow(server, source)
}

/** From a backup: the data and `gtid_slave_pos`, an empty binlog. Undone writes of its own demand a new server id. */
function restore(world: World, server: WorldServer, from: WorldServer): void {
  const at = head(from)
  if (server === from || server.writes || at === undefined || from.stray) return
  const undone = [...server.executed].some((key) => !from.executed.has(key) && key.startsWith(`${server.serverId}:`))
  if (undone) {
    server.serverId = world.nextServerId
    world.nextServerId += 1
  }
  server.executed = new Set(from.executed)
  server.binlog = []
  server.state = new Map()
  server.applied = at
  server.received = at
  server.relayLog = []
  server.counter = at.seq
  server.stray = false
  server.source = from.writes || from.logsReplicaUpdates ? from : from.source
}
