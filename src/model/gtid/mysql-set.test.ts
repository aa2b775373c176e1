import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { contains, count, equals, type GtidSet, intersect, isEmpty, subtract, union } from './mysql-set.ts'
import { gtidSet, parseGtidSet, printGtidSet } from './mysql-text.ts'

const A = 'aaaaaaaa-0000-0000-0000-000000000001'
const B = 'bbbbbbbb-0000-0000-0000-000000000002'

describe('text', () => {
  test.each([
    ['', ''],
    [' \n ', ''],
    [`${A}:1-5:7`, `${A}:1-5:7`],
    [`${A}:7:1-5`, `${A}:1-5:7`],
    [`${A}:1-5:6-9:8`, `${A}:1-9`],
    [`${A.toUpperCase()}:1`, `${A}:1`],
    [`${B}:1,\n${A}:2`, `${A}:2,${B}:1`],
    [` ${A} : 1 - 5 : 7 ,${B}:1`, `${A}:1-5:7,${B}:1`],
    [`${A}:1,${A}:2-3`, `${A}:1-3`],
    [`${A}:5-3`, ''],
    [`${A}:1-3:Tag:1-2:5`, `${A}:1-3:tag:1-2:5`],
    [`${A}:zz:1:aa:2,${A}:9`, `${A}:9:aa:2:zz:1`],
    [`${A}:tag:1-3:othertag:5`, `${A}:othertag:5:tag:1-3`],
    [`${A}:1-9223372036854775806`, `${A}:1-9223372036854775806`],
    [`${A}:9007199254740991:9007199254740992-9007199254740995`, `${A}:9007199254740991-9007199254740995`],
  ])('%j reads as %j', (text, canonical) => {
    expect(printGtidSet(gtidSet(text))).toBe(canonical)
  })

  test.each([
    ['nonsense', 0, 'UUID'],
    [`${A}`, 36, '":"'],
    [`${A}:`, 37, 'number'],
    [`${A}:0`, 37, 'start at 1'],
    [`${A}:1-x`, 37, 'number'],
    [`${A}:1:`, 39, 'number'],
    [`${A}:tag`, 40, 'after the tag'],
    [`${A}:9223372036854775807`, 37, '2^63-2'],
    [`${A}:1;${B}:1`, 37, 'number'],
    [`${A}:1, ${A.slice(1)}:1`, 40, 'UUID'],
    [`${A}:${'t'.repeat(33)}:1`, 37, 'number'],
  ])('%j is unreadable at character %i', (text, at, what) => {
    const result = parseGtidSet(text)
    expect(result).toMatchObject({ ok: false, at })
    expect(result.ok ? '' : result.what).toContain(what)
  })

  test('a set that stands in the program and cannot be read throws and says where', () => {
    expect(() => gtidSet('x:1')).toThrow(/character 0/)
  })
})

describe('algebra', () => {
  test('tags of one UUID are different sources', () => {
    const set = gtidSet(`${A}:1-3:tag:1-3`)
    expect(printGtidSet(subtract(set, gtidSet(`${A}:1-3`)))).toBe(`${A}:tag:1-3`)
    expect(contains(gtidSet(`${A}:1-3`), gtidSet(`${A}:tag:1`))).toBe(false)
  })

  test('numbers beyond 2^53 are exact', () => {
    const all = gtidSet(`${A}:1-9223372036854775806`)
    const rest = subtract(all, gtidSet(`${A}:2-9223372036854775804`))
    expect(printGtidSet(rest)).toBe(`${A}:1:9223372036854775805-9223372036854775806`)
    expect(count(rest)).toBe(3n)
    expect(count(all)).toBe(2n ** 63n - 2n)
  })

  test('a real set survives JSON', () => {
    const set = gtidSet(`${A}:1-5:7:tag:2`)
    expect(equals(JSON.parse(JSON.stringify(set)), set)).toBe(true)
  })

  const sets = fc.tuple(aSet(), aSet())
  test('agrees with plain sets of strings', () => {
    fc.assert(
      fc.property(sets, ([x, y]) => {
        const [a, b] = [gtidSet(x), gtidSet(y)]
        const [left, right] = [members(a), members(b)]
        expect(members(union(a, b))).toEqual(new Set([...left, ...right]))
        expect(members(intersect(a, b))).toEqual(new Set([...left].filter((gtid) => right.has(gtid))))
        expect(members(subtract(a, b))).toEqual(new Set([...left].filter((gtid) => !right.has(gtid))))
        expect(contains(a, b)).toBe([...right].every((gtid) => left.has(gtid)))
        expect(count(a)).toBe(BigInt(left.size))
        expect(isEmpty(a)).toBe(left.size === 0)
        expect(equals(a, b)).toBe(left.size === right.size && [...left].every((gtid) => right.has(gtid)))
      }),
      { numRuns: 500 },
    )
  })

  test('what is equal prints equally, and reads back', () => {
    fc.assert(
      fc.property(sets, ([x, y]) => {
        const [a, b] = [gtidSet(x), gtidSet(y)]
        const roundabout = union(subtract(a, b), intersect(a, b))
        expect(printGtidSet(roundabout)).toBe(printGtidSet(a))
        expect(gtidSet(printGtidSet(a))).toEqual(a)
      }),
      { numRuns: 300 },
    )
  })
})

/** Texts of small sets over two UUIDs and two tags, intervals in any order and overlapping. */
function aSet(): fc.Arbitrary<string> {
  const interval = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 4 }))
  const source = fc.tuple(
    fc.constantFrom(A, B),
    fc.constantFrom('', 'tag:', 'a_1:'),
    fc.array(interval, { minLength: 1 }),
  )
  return fc
    .array(source, { maxLength: 5 })
    .map((sources) =>
      sources
        .map(([uuid, tag, list]) => `${uuid}:${tag}${list.map(([from, more]) => `${from}-${from + more}`).join(':')}`)
        .join(','),
    )
}

function members(set: GtidSet): Set<string> {
  const all = new Set<string>()
  for (const { uuid, tag, bounds } of set.parts) {
    for (let at = 0; at < bounds.length; at += 2) {
      for (let n = Number(bounds[at]); n < Number(bounds[at + 1]); n++) all.add(`${uuid}:${tag}:${n}`)
    }
  }
  return all
}
