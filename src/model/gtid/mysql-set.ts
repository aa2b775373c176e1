/**
 * MySQL's GTID sets as values. A set is canonical by construction: parts sorted as the server sorts them (by UUID, the
 * untagged part first, then by tag), no part empty, intervals sorted, disjoint and not adjacent. So two equal sets have
 * equal texts. The readers of text live in `mysql-text.ts`.
 */
import { lesser, type Sequence } from './sequence.ts'

/** All transactions of one UUID under one tag ('' is untagged). */
export interface GtidPart {
  readonly uuid: string
  readonly tag: string
  /** Flat list of half-open intervals: from, to, from, to … (`to` is not in the set); strictly increasing. */
  readonly bounds: readonly Sequence[]
}

export interface GtidSet {
  readonly parts: readonly GtidPart[]
}

export const EMPTY_GTID_SET: GtidSet = { parts: [] }

/** Whether a transaction belongs to the result, by whether it is in the left set and in the right one. */
type Keep = (inLeft: boolean, inRight: boolean) => boolean

const inEither: Keep = (inLeft, inRight) => inLeft || inRight
const inBoth: Keep = (inLeft, inRight) => inLeft && inRight
const onlyLeft: Keep = (inLeft, inRight) => inLeft && !inRight

export function union(a: GtidSet, b: GtidSet): GtidSet {
  return combine(a, b, inEither)
}

export function unionOf(sets: readonly GtidSet[]): GtidSet {
  return sets.reduce(union, EMPTY_GTID_SET)
}

export function intersect(a: GtidSet, b: GtidSet): GtidSet {
  return combine(a, b, inBoth)
}

/** What is in `a` and not in `b`. */
export function subtract(a: GtidSet, b: GtidSet): GtidSet {
  return combine(a, b, onlyLeft)
}

/** Whether everything in `part` is in `whole`. */
export function contains(whole: GtidSet, part: GtidSet): boolean {
  return isEmpty(subtract(part, whole))
}

export function equals(a: GtidSet, b: GtidSet): boolean {
  return a.parts.length === b.parts.length && a.parts.every((part, at) => samePart(part, b.parts[at]))
}

export function isEmpty(set: GtidSet): boolean {
  return set.parts.length === 0
}

/** How many transactions the set names. A bigint: a set may name more than 2^53. */
export function count(set: GtidSet): bigint {
  let total = 0n
  for (const { bounds } of set.parts) {
    for (let at = 0; at < bounds.length; at += 2) total += BigInt(bounds[at + 1] ?? 0) - BigInt(bounds[at] ?? 0)
  }
  return total
}

export function compareParts(a: GtidPart, b: GtidPart): number {
  if (a.uuid !== b.uuid) return a.uuid < b.uuid ? -1 : 1
  if (a.tag !== b.tag) return a.tag < b.tag ? -1 : 1
  return 0
}

function samePart(a: GtidPart, b: GtidPart | undefined): boolean {
  if (b === undefined || compareParts(a, b) !== 0 || a.bounds.length !== b.bounds.length) return false
  return a.bounds.every((bound, at) => bound === b.bounds[at])
}

function combine(a: GtidSet, b: GtidSet, keep: Keep): GtidSet {
  const parts: GtidPart[] = []
  let i = 0
  let j = 0
  for (;;) {
    const left = a.parts[i]
    const right = b.parts[j]
    const next = earlier(left, right)
    if (next === undefined) return { parts }
    const ofLeft = left !== undefined && compareParts(left, next) === 0
    const ofRight = right !== undefined && compareParts(right, next) === 0
    const bounds = sweep(ofLeft ? left.bounds : [], ofRight ? right.bounds : [], keep)
    if (bounds.length > 0) parts.push({ uuid: next.uuid, tag: next.tag, bounds })
    if (ofLeft) i += 1
    if (ofRight) j += 1
  }
}

function earlier(a: GtidPart | undefined, b: GtidPart | undefined): GtidPart | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return compareParts(a, b) <= 0 ? a : b
}

/** Walks the bounds of both lists in order; an odd number of bounds passed means inside. Linear, and no arithmetic. */
function sweep(a: readonly Sequence[], b: readonly Sequence[], keep: Keep): Sequence[] {
  const result: Sequence[] = []
  let inside = false
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    const left = a[i] ?? Number.POSITIVE_INFINITY
    const right = b[j] ?? Number.POSITIVE_INFINITY
    const at = lesser(left, right)
    if (left === at) i += 1
    if (right === at) j += 1
    const now = keep(i % 2 === 1, j % 2 === 1)
    if (now !== inside) result.push(at)
    inside = now
  }
  return result
}
