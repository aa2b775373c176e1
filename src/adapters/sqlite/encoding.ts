/**
 * Values of the model as text, and back without loss. GTID sets and positions are printed as the servers write them, so that a stored
 * reading does not depend on how this version of Regent holds a set in memory; numbers beyond 2^53, Maps, Sets and typed arrays,
 * which JSON would bend or drop, carry a tag.
 */
import {
  type BinlogState,
  binlogState,
  type Position,
  position,
  printBinlogState,
  printPosition,
} from '../../model/gtid/mariadb-position.ts'
import type { GtidSet } from '../../model/gtid/mysql-set.ts'
import { gtidSet, printGtidSet } from '../../model/gtid/mysql-text.ts'

/** No key of the model begins like this; one that does is escaped by a second `$`. */
const TAG = '$'

export function encode(value: unknown): string {
  return JSON.stringify(toPlain(value))
}

/** The caller names the type: what is read here was written by `encode` from that type, under the version kept beside it. */
export function decode<T>(body: string): T {
  return fromPlain(JSON.parse(body)) as T
}

const TYPED_ARRAYS = { Uint8Array, Int32Array, Uint32Array, Float64Array, BigInt64Array, BigUint64Array } as const
type TypedArrayName = keyof typeof TYPED_ARRAYS

function toPlain(value: unknown): unknown {
  if (typeof value === 'bigint') return { $bigint: value.toString() }
  if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0)))
    return { $number: printNumber(value) }
  if (typeof value === 'function' || typeof value === 'symbol')
    throw new TypeError(`a ${typeof value} cannot be stored`)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((item) => (item === undefined ? { $undefined: true } : toPlain(item)))
  if (value instanceof Map) return { $map: [...value].map(([key, item]) => [toPlain(key), toPlain(item)]) }
  if (value instanceof Set) return { $set: [...value].map(toPlain) }
  if (ArrayBuffer.isView(value)) return typedArrayToPlain(value)
  return objectToPlain(value)
}

function objectToPlain(value: object): unknown {
  if (isGtidSet(value)) return { $gtids: printGtidSet(value) }
  if (isBinlogState(value)) return { $state: printBinlogState(value) }
  if (isPosition(value)) return { $position: printPosition(value) }
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  return Object.fromEntries(entries.map(([key, item]) => [key.startsWith(TAG) ? TAG + key : key, toPlain(item)]))
}

function typedArrayToPlain(value: ArrayBufferView): unknown {
  const name = Object.prototype.toString.call(value).slice(8, -1)
  if (!isTypedArrayName(name)) throw new TypeError(`a ${name} cannot be stored`)
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  return { $array: name, base64: bytes.toString('base64') }
}

function fromPlain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(fromPlain)
  const entries = Object.entries(value)
  const [tag, content] = entries[0] ?? ['', undefined]
  if (tag.startsWith(TAG) && !tag.startsWith(TAG + TAG)) return ofTag(tag, content, entries)
  return Object.fromEntries(entries.map(([key, item]) => [key.startsWith(TAG) ? key.slice(1) : key, fromPlain(item)]))
}

const READERS: Readonly<Record<string, (content: unknown) => unknown>> = {
  $bigint: (content) => BigInt(String(content)),
  $number: (content) => Number(content),
  $undefined: () => undefined,
  $map: (content) => new Map(pairs(content)),
  $set: (content) => new Set(list(content).map(fromPlain)),
  $gtids: (content) => gtidSet(String(content)),
  $state: (content) => binlogState(String(content)),
  $position: (content) => position(String(content)),
}

function ofTag(tag: string, content: unknown, entries: readonly [string, unknown][]): unknown {
  if (tag === '$array') return typedArray(String(content), String(entries[1]?.[1] ?? ''))
  const read = READERS[tag]
  if (read === undefined) throw new TypeError(`the store holds a value marked ${tag}, which this version cannot read`)
  return read(content)
}

function typedArray(name: string, base64: string): unknown {
  if (!isTypedArrayName(name)) throw new TypeError(`the store holds a ${name}, which this version cannot read`)
  const bytes = Uint8Array.from(Buffer.from(base64, 'base64'))
  return new TYPED_ARRAYS[name](bytes.buffer)
}

const printNumber = (value: number): string => (Object.is(value, -0) ? '-0' : String(value))
const isTypedArrayName = (name: string): name is TypedArrayName => Object.hasOwn(TYPED_ARRAYS, name)
const list = (content: unknown): readonly unknown[] => (Array.isArray(content) ? content : [])
const pairs = (content: unknown): [unknown, unknown][] =>
  list(content).map((pair) => [fromPlain(list(pair)[0]), fromPlain(list(pair)[1])])

const isGtidSet = (value: object): value is GtidSet => listsOnly(value, 'parts', ['uuid', 'tag', 'bounds'])
const isPosition = (value: object): value is Position => listsOnly(value, 'gtids', ['domain', 'server', 'seq'])
const isBinlogState = (value: object): value is BinlogState => listsOnly(value, 'domains', ['domain', 'gtids', 'last'])

/** The object has this one key, a list whose first item (if any) has exactly these keys. */
function listsOnly(value: object, key: string, itemKeys: readonly string[]): boolean {
  const [only, ...more] = Object.entries(value)
  if (only === undefined || more.length > 0 || only[0] !== key || !Array.isArray(only[1])) return false
  if (only[1].length === 0) return true
  const first: unknown = only[1][0]
  if (typeof first !== 'object' || first === null) return false
  const keys = Object.keys(first)
  return keys.length === itemKeys.length && itemKeys.every((name) => keys.includes(name))
}
