/**
 * MySQL's GTID sets as text: `uuid:1-5:7`, `uuid:tag:1-3:othertag:5` (tags since MySQL 8.3), any whitespace between,
 * UUIDs and tags in either case. Source: the manual, "GTID Format and Storage", and a real 9.7 server.
 */
import { compareParts, EMPTY_GTID_SET, type GtidPart, type GtidSet } from './mysql-set.ts'
import { demand, type Parsed, parsed, unreadable } from './parsed.ts'
import { MYSQL_MAX_SEQUENCE, minus, plus, type Sequence, sequenceOfDigits } from './sequence.ts'

const UUID = /\s*([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\s*/iy
const TAG = /\s*([a-z_][a-z0-9_]{0,31})\s*(?=[:,]|$)/iy
const INTERVAL = /\s*(\d+)\s*(?:-\s*(\d+)\s*)?(?=[:,]|$)/y
const NOTHING = /[\s,]*/y

interface Interval {
  readonly uuid: string
  readonly tag: string
  readonly from: Sequence
  readonly to: Sequence
}

/** Reads a set as a server prints it or a person writes it. The empty text is the empty set. */
export function parseGtidSet(text: string): Parsed<GtidSet> {
  const intervals: Interval[] = []
  let at = skip(text, 0)
  while (at < text.length) {
    const source = readSource(text, at, intervals)
    if (!source.ok) return source
    at = skip(text, source.value)
  }
  return parsed(setOf(intervals))
}

/** For a set that stands in the program itself; throws SyntaxError where it cannot be read. */
export function gtidSet(text: string): GtidSet {
  return demand(parseGtidSet(text), text)
}

/** The canonical text, on one line: the server's own order and form, without its line breaks. */
export function printGtidSet(set: GtidSet): string {
  const sources: string[] = []
  let previous = ''
  for (const part of set.parts) {
    const numbers = printBounds(part.bounds)
    const tagged = part.tag === '' ? numbers : `${part.tag}:${numbers}`
    if (part.uuid === previous) sources.push(`${sources.pop()}:${tagged}`)
    else sources.push(`${part.uuid}:${tagged}`)
    previous = part.uuid
  }
  return sources.join(',')
}

/** Reads one `uuid:…` up to its comma; gives the offset behind it. */
function readSource(text: string, start: number, into: Interval[]): Parsed<number> {
  const uuid = match(UUID, text, start)
  if (uuid === null) return unreadable(start, 'a UUID of 32 hexadecimal digits with four dashes is expected')
  let at = start + uuid[0].length
  let tag = ''
  if (text[at] !== ':') return unreadable(at, '":" and an interval are expected after a UUID')
  while (text[at] === ':') {
    at += 1
    const interval = match(INTERVAL, text, at)
    const named = interval === null ? match(TAG, text, at) : null
    if (interval !== null) {
      const read = readInterval(interval, at)
      if (!read.ok) return read
      if (read.value.from < read.value.to) into.push({ uuid: (uuid[1] ?? '').toLowerCase(), tag, ...read.value })
      at += interval[0].length
    } else if (named !== null) {
      tag = (named[1] ?? '').toLowerCase()
      at += named[0].length
      if (text[at] !== ':') return unreadable(at, `":" and an interval are expected after the tag "${tag}"`)
    } else return unreadable(at, 'a number, a range of numbers, or a tag is expected')
  }
  if (at < text.length && text[at] !== ',') return unreadable(at, '":" or "," is expected')
  return parsed(at)
}

function readInterval(found: RegExpExecArray, at: number): Parsed<{ readonly from: Sequence; readonly to: Sequence }> {
  const from = sequenceOfDigits(found[1] ?? '')
  const last = found[2] === undefined ? from : sequenceOfDigits(found[2])
  if (from < 1) return unreadable(at, 'numbers start at 1')
  if (from > MYSQL_MAX_SEQUENCE || last > MYSQL_MAX_SEQUENCE) return unreadable(at, 'the highest number is 2^63-2')
  return parsed({ from, to: plus(last, 1) })
}

function setOf(intervals: Interval[]): GtidSet {
  const bySource = new Map<string, Interval[]>()
  for (const interval of intervals) {
    const key = `${interval.uuid}:${interval.tag}`
    const group = bySource.get(key)
    if (group === undefined) bySource.set(key, [interval])
    else group.push(interval)
  }
  const parts = [...bySource.values()].flatMap(partOf).sort(compareParts)
  return parts.length === 0 ? EMPTY_GTID_SET : { parts }
}

/** Sorts and melts the intervals of one source: what overlaps or touches becomes one. */
function partOf(intervals: readonly Interval[]): readonly GtidPart[] {
  const [first] = intervals
  if (first === undefined) return []
  const bounds: Sequence[] = []
  for (const { from, to } of [...intervals].sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0))) {
    const end = bounds[bounds.length - 1]
    if (end === undefined || from > end) bounds.push(from, to)
    else if (to > end) bounds[bounds.length - 1] = to
  }
  return [{ uuid: first.uuid, tag: first.tag, bounds }]
}

function printBounds(bounds: readonly Sequence[]): string {
  const texts: string[] = []
  for (let at = 0; at < bounds.length; at += 2) {
    const from = bounds[at] ?? 0
    const last = minus(bounds[at + 1] ?? 1, 1)
    texts.push(from === last ? `${from}` : `${from}-${last}`)
  }
  return texts.join(':')
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(text)
}

function skip(text: string, at: number): number {
  return at + (match(NOTHING, text, at)?.[0].length ?? 0)
}
