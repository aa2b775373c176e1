/**
 * What MariaDB's variables prove about one domain. A GTID names an event; an event has a past: all that its writer had
 * executed when it wrote it. A server has executed the pasts of the events that it is known to have. Axioms, from how
 * the server works:
 *
 * 1. A server numbers its own writes of a domain upwards, each above everything it had executed (its counter follows
 *    what it applies, with and without `log_slave_updates`). So an event's past has lower numbers only, and whoever has
 *    `s`'s event n has all of `s`'s before n.
 * 2. Replication is in order. Whoever applied an event (`gtid_slave_pos`) or logged it has its past.
 * 3. `gtid_slave_pos` is the last event that was applied: what others wrote and came later is not there. A server that
 *    never applied anything of the domain has no such entry, and then its binlog state is its whole history.
 * 4. From the first event in it, the binlog of a server that logs replica updates lacks nothing, so an entry of its
 *    state is exactly the last event of that writer. Entries may be missing altogether: a server restored from a backup
 *    has only `gtid_slave_pos`.
 *
 * What breaks them, and is for others to prevent or to see:
 * - a server that was rewound or restored writes again under its old server id, while copies of its undone events live
 *   elsewhere (give it a new server id, or give the histories from the openings of reigns as context);
 * - a binlog is kept while the data under it is restored;
 * - `gtid_slave_pos` is set by hand to anything but what was applied, where no binlog shows it;
 * - a server with errant transactions becomes a primary and buries them under later writes, a backup holds some, or
 *   some reach a server that does not log what it applies: nothing there shows them;
 * - a replica is attached where its source's binlog has a silent gap behind it: a primary that did not log what it had
 *   applied before, or, for a replica without any position, one that was restored from a backup.
 *
 * Evidence for and against is collected separately; where both exist, the axioms are broken and nothing is claimed.
 */
import { inDomain, type MariadbGtid, sameGtid, stateOfDomain } from '../gtid/mariadb-position.ts'
import { greater, lesser, type Sequence } from '../gtid/sequence.ts'
import type { MariadbHistory } from './kinds.ts'

/** One history, in one domain. */
export interface Known {
  readonly serverId: number
  readonly strict: boolean
  readonly logsReplicaUpdates: boolean
  /** Entries of the binlog state. */
  readonly logged: readonly MariadbGtid[]
  /** Newest in the binlog. */
  readonly last: MariadbGtid | undefined
  /** Last applied by replication. */
  readonly applied: MariadbGtid | undefined
  /** Last received, of each channel; `untracked` where a channel does not say. */
  readonly receivers: readonly (MariadbGtid | 'untracked')[]
}

/** Per writer the highest number known to be there; by axiom 1 everything of that writer below it is there, too. */
export type Vector = ReadonlyMap<number, Sequence>

export function knownIn(domain: number, h: MariadbHistory): Known {
  const state = stateOfDomain(h.binlogState, domain)
  const receivers = h.ioPos.flatMap((pos) => (pos === 'untracked' ? pos : (inDomain(pos, domain) ?? [])))
  return {
    serverId: h.serverId,
    strict: h.strict,
    logsReplicaUpdates: h.logsReplicaUpdates,
    logged: state?.gtids ?? [],
    last: state?.last,
    applied: inDomain(h.slavePos, domain),
    receivers,
  }
}

/** Events that the server itself names as executed. */
export function executedEvents(known: Known): readonly MariadbGtid[] {
  return known.applied === undefined ? known.logged : [...known.logged, known.applied]
}

/** Events that it names as received, executed or not. */
export function receivedEvents(known: Known): readonly MariadbGtid[] {
  return [...executedEvents(known), ...known.receivers.filter((gtid) => gtid !== 'untracked')]
}

/**
 * All that is known to be there because these events are: their pasts, as the witnesses show them. A witness can speak
 * for an event's past if it wrote that event itself, or if it refuses disorder: its own stray writes could otherwise
 * stand before the event without being in the event's past. One that does not log what it applied cannot: replicas that
 * were attached before it became a replica, and after it is primary again, get its writes without what lies between.
 */
export function withPasts(events: readonly MariadbGtid[], witnesses: readonly Known[]): Vector {
  const vector = new Map<number, Sequence>()
  for (const { server, seq } of events) raise(vector, server, seq)
  let grew = true
  while (grew) {
    grew = false
    for (const witness of witnesses) {
      for (const event of pastsShownBy(witness, vector)) {
        if (raise(vector, event.server, event.seq)) grew = true
      }
    }
  }
  return vector
}

export function holds(vector: Vector, event: MariadbGtid): boolean {
  const highest = vector.get(event.server)
  return highest !== undefined && highest >= event.seq
}

/** Whether the server's own variables rule out that it executed this event (axioms 1, 3, 4). */
export function cannotHaveExecuted(known: Known, event: MariadbGtid): boolean {
  const events = executedEvents(known)
  if (events.some((own) => sameGtid(own, event))) return false
  if (events.every((own) => own.seq < event.seq)) return true
  const exact = exactLast(known, event.server)
  if (exact !== undefined) return exact < event.seq
  if (known.applied === undefined) return true
  return event.server !== known.serverId && event.seq > known.applied.seq
}

/**
 * Whether it can neither have executed the event nor have it in a relay log. A relay log goes from what was applied up
 * to the last received event, and holds what its source had logged: that event's past, and what the source had besides.
 */
export function cannotHaveReceived(known: Known, event: MariadbGtid, witnesses: readonly Known[]): boolean {
  if (!cannotHaveExecuted(known, event)) return false
  return known.receivers.every((received) => {
    if (received === 'untracked') return false
    if (received.seq < event.seq) return true
    if (received.server === event.server) return false
    if (known.applied !== undefined && event.seq <= known.applied.seq) return true
    const notInItsPast = witnesses.some((witness) => wroteWithout(witness, received, event))
    return notInItsPast && !witnesses.some((witness) => logged(witness, event) && logged(witness, received))
  })
}

/** Whether that server wrote `later` and never had `event`. */
function wroteWithout(witness: Known, later: MariadbGtid, event: MariadbGtid): boolean {
  return witness.serverId === later.server && logged(witness, later) && cannotHaveExecuted(witness, event)
}

function logged(known: Known, event: MariadbGtid): boolean {
  return known.logged.some((gtid) => gtid.server === event.server && gtid.seq >= event.seq)
}

/** The last number of this writer that the server executed, where its variables tell it exactly; undefined: unknown. */
function exactLast(known: Known, server: number): Sequence | undefined {
  const { applied, logged } = known
  const entry = logged.find((gtid) => gtid.server === server)?.seq
  if (applied?.server === server) return entry === undefined ? applied.seq : greater(entry, applied.seq)
  if (entry === undefined) return undefined
  return server === known.serverId || logsContinuously(known) ? entry : undefined
}

/** Not where it applied something that its binlog does not have: that came from a backup, or while it did not log. */
function logsContinuously({ logsReplicaUpdates, logged, applied }: Known): boolean {
  if (!logsReplicaUpdates) return false
  if (applied === undefined) return true
  return logged.some((gtid) => gtid.server === applied.server && gtid.seq >= applied.seq)
}

/** The binlog's newest is not its highest: something was merged out of order, so its order proves nothing. */
function isDisordered({ logged, last }: Known): boolean {
  return logged.some((gtid) => last !== undefined && gtid.server !== last.server && gtid.seq >= last.seq)
}

/** What the witness executed before events that the vector holds, and that it may speak for. */
function pastsShownBy(witness: Known, vector: Vector): readonly MariadbGtid[] {
  if (isDisordered(witness) || !witness.logsReplicaUpdates) return []
  const seen = executedEvents(witness)
  return seen.flatMap((event) => {
    const highest = vector.get(event.server)
    if (highest === undefined || !(witness.strict || event.server === witness.serverId)) return []
    const shared = lesser(highest, event.seq)
    return seen.filter((earlier) => earlier.seq < shared)
  })
}

function raise(vector: Map<number, Sequence>, server: number, seq: Sequence): boolean {
  const known = vector.get(server)
  if (known !== undefined && known >= seq) return false
  vector.set(server, seq)
  return true
}
