/** MariaDB: what one server executed and another did not, as ranges. */
import { type MariadbGtid, printGtid, sameGtid } from '../gtid/mariadb-position.ts'
import { greater, lesser, minus, plus, type Sequence } from '../gtid/sequence.ts'
import type { MariadbHistory, Surplus } from './kinds.ts'
import { domainsOf, isThere, type Whole, wholeOf } from './mariadb.ts'
import { cannotHaveExecuted, executedEvents, knownIn } from './mariadb-known.ts'

/** Events of a domain after number `after`, up to and including `last`. */
interface Range {
  readonly last: MariadbGtid
  readonly after: Sequence
  /** All of that writer's numbers in between, and nobody else's. Otherwise only `last` is known for certain. */
  readonly exact: boolean
}

interface Found {
  readonly ranges: readonly Range[]
  readonly doubts: readonly MariadbGtid[]
}

export function mariadbSurplus(a: MariadbHistory, b: MariadbHistory, context: readonly MariadbHistory[]): Surplus {
  const histories = [a, b, ...context]
  const found = domainsOf([a]).map((domain) => surplusIn(domain, histories))
  const doubts = found.flatMap((each) => each.doubts)
  const ranges = found.flatMap((each) => each.ranges)
  const gtids = ranges.map(printRange).join(',')
  if (doubts.length > 0) {
    const suspects = [...(gtids === '' ? [] : [gtids]), ...doubts.map(printGtid)].join(',')
    return { kind: 'unprovable', because: 'no binlog state or position at hand tells whether they are there', suspects }
  }
  return ranges.length === 0 ? { kind: 'none' } : { kind: 'some', gtids, ...countOf(ranges) }
}

function surplusIn(domain: number, histories: readonly MariadbHistory[]): Found {
  const [a, b] = histories
  if (a === undefined || b === undefined) return { ranges: [], doubts: [] }
  const events = uniqueBySequence(executedEvents(knownIn(domain, a)))
  const there = wholeOf(domain, b, 'executed', histories)
  const own = wholeOf(domain, a, 'executed', histories)
  const missing = events.filter((event) => isThere(event, there) === 'no')
  const doubts = events.filter((event) => isThere(event, there) === 'unprovable')
  return { ranges: rangesOf(missing, own, there), doubts }
}

/** By rising number; a range starts behind the highest shared event below it, or behind the range before it. */
function rangesOf(missing: readonly MariadbGtid[], own: Whole, there: Whole): readonly Range[] {
  const shared = sharedNumbers(own, there)
  const ranges: Range[] = []
  let previous: Sequence = 0
  for (const last of missing) {
    const after = shared.filter((seq) => seq < last.seq).reduce(greater, previous)
    ranges.push({ last, after, exact: missing.length === 1 && isExact({ last, after }, own, there) })
    previous = last.seq
  }
  return ranges
}

/**
 * One writer goes on on this side, from an event of its own that the other side has and is known not to have passed; no
 * other writer takes numbers in between, and nothing that the other side names after that event may be on this side.
 */
function isExact({ last, after }: Omit<Range, 'exact'>, own: Whole, there: Whole): boolean {
  const ownWrites = own.known.logged.some((gtid) => sameGtid(gtid, last)) && own.known.logsReplicaUpdates
  const fromItsOwn = there.vector.get(last.server) === after || isFirstOfAll(after, own)
  const noMore = cannotHaveExecuted(there.known, { ...last, seq: plus(after, 1) })
  const later = executedEvents(there.known).filter((gtid) => gtid.seq > after && gtid.seq < last.seq)
  const others = [...own.vector].filter(([server, seq]) => server !== last.server && seq > after)
  const undivided = others.length === 0 || plus(after, 1) === last.seq
  return ownWrites && fromItsOwn && noMore && undivided && later.every((gtid) => isThere(gtid, own) === 'no')
}

/** Nothing came before: it wrote all that it has itself. */
function isFirstOfAll(after: Sequence, { known, vector }: Whole): boolean {
  return after === 0 && vector.size === 1 && known.applied === undefined
}

/** Of each writer the highest number that both have. */
function sharedNumbers(own: Whole, there: Whole): readonly Sequence[] {
  return [...own.vector].flatMap(([server, seq]) => {
    const other = there.vector.get(server)
    return other === undefined ? [] : [lesser(seq, other)]
  })
}

/** Numbers of a domain follow each other without gaps, unless somebody set `gtid_seq_no` by hand. */
function countOf(ranges: readonly Range[]): { readonly count: bigint; readonly counted: 'exactly' | 'about' } {
  const counted = ranges.every(({ exact }) => exact) ? 'exactly' : 'about'
  return { count: ranges.reduce((total, { last, after }) => total + BigInt(minus(last.seq, after)), 0n), counted }
}

function printRange({ last, after, exact }: Range): string {
  const first = plus(after, 1)
  if (first === last.seq) return printGtid(last)
  return `${last.domain}-${last.server}-${exact ? first : ''}..${last.seq}`
}

function uniqueBySequence(events: readonly MariadbGtid[]): readonly MariadbGtid[] {
  const unique = new Map(events.map((event) => [printGtid(event), event]))
  return [...unique.values()].sort((x, y) => (x.seq < y.seq ? -1 : x.seq > y.seq ? 1 : x.server - y.server))
}
