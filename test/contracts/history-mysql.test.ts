/** Our GTID set algebra against the server's own functions, on random sets with tags. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Sandbox, type SqlConnection, startSandbox } from '../../src/lab/sandbox/index.ts'
import { contains, intersect, subtract, union } from '../../src/model/gtid/mysql-set.ts'
import { gtidSet, parseGtidSet, printGtidSet } from '../../src/model/gtid/mysql-text.ts'

const UUIDS = ['3e11fa47-71ca-11e1-9e33-c80aa9429562', 'FFFFFFFF-0000-4000-8000-000000000001']

let outer: string
let sandbox: Sandbox
let connection: SqlConnection

beforeAll(async () => {
  outer = await mkdtemp(join(tmpdir(), 'regent-test-'))
  sandbox = await startSandbox({ server: 'mysql', shape: '1+1', semiSync: false, dir: join(outer, 'box') })
  connection = await sandbox.sql('s1')
})

afterAll(async () => {
  connection?.destroy()
  await sandbox?.down()
  await rm(outer, { recursive: true, force: true })
})

async function ask(sql: string, values: readonly string[]): Promise<readonly string[]> {
  const [rows] = await connection.query({ sql, rowsAsArray: true }, [...values])
  const [row] = Array.isArray(rows) ? rows : []
  if (!Array.isArray(row)) throw new Error('the server gave no row')
  return row.map((cell) => String(cell).replaceAll('\n', ''))
}

/** The server's own canonical text of a set. */
const CANONICAL = "GTID_SUBTRACT(?, '')"

test('subtract, contains and canonical text agree with the server on random sets with tags', async () => {
  await fc.assert(
    fc.asyncProperty(aSet(), aSet(), async (x, y) => {
      const [a, b] = [gtidSet(x), gtidSet(y)]
      const [text, minus, subset] = await ask(`SELECT ${CANONICAL}, GTID_SUBTRACT(?, ?), GTID_SUBSET(?, ?)`, [
        x,
        x,
        y,
        x,
        y,
      ])
      expect(printGtidSet(a)).toBe(text)
      expect(printGtidSet(subtract(a, b))).toBe(minus)
      expect(contains(b, a)).toBe(subset === '1')
    }),
    { numRuns: 400 },
  )
})

test('union and intersection agree with the server', async () => {
  await fc.assert(
    fc.asyncProperty(aSet(), aSet(), async (x, y) => {
      const [a, b] = [gtidSet(x), gtidSet(y)]
      const [both, common] = await ask(`SELECT ${CANONICAL}, GTID_SUBTRACT(?, GTID_SUBTRACT(?, ?))`, [
        `${x},${y}`,
        x,
        x,
        y,
      ])
      expect(printGtidSet(union(a, b))).toBe(both)
      expect(printGtidSet(intersect(a, b))).toBe(common)
    }),
    { numRuns: 200 },
  )
})

test.each([
  `${UUIDS[0]}:9223372036854775806`,
  `${UUIDS[0]}:1-9223372036854775806`,
  `${UUIDS[0]}:9223372036854775807`,
  `${UUIDS[0]}:0`,
  `${UUIDS[0]}:0-5`,
  `${UUIDS[0]}:5-3`,
  `${UUIDS[0]}:`,
  `${UUIDS[0]}:1:`,
  `${UUIDS[0]}:tag:1:`,
  `${UUIDS[0]}:TAG:1`,
  `${UUIDS[0]}:1tag:1`,
  `${UUIDS[0]}:${'t'.repeat(32)}:1`,
  `${UUIDS[0]}:${'t'.repeat(33)}:1`,
  `${UUIDS[0]}:1 - 5 : tag : 7`,
  ` \n,, ${UUIDS[0]}:1,,\n`,
  `${UUIDS[0]}:1;${UUIDS[1]}:1`,
  `${UUIDS[0]}:1-`,
  `${UUIDS[0]}:-1`,
  `${UUIDS[0]}:007`,
  'nonsense',
  '',
])('%j is read as the server reads it', async (text) => {
  const ours = parseGtidSet(text)
  const theirs = await ask(`SELECT ${CANONICAL}`, [text]).catch(() => undefined)
  expect(ours.ok ? [printGtidSet(ours.value)] : undefined).toEqual(theirs)
})

test.each([`${UUIDS[0]}`, `${UUIDS[0]}:tag`])(
  '%j, empty to the server, is refused: it names no transaction',
  async (text) => {
    expect(await ask(`SELECT ${CANONICAL}`, [text])).toEqual([''])
    expect(parseGtidSet(text).ok).toBe(false)
  },
)

function aSet(): fc.Arbitrary<string> {
  const interval = fc.tuple(fc.integer({ min: 1, max: 15 }), fc.integer({ min: 0, max: 4 }))
  const source = fc.tuple(
    fc.constantFrom(...UUIDS),
    fc.constantFrom('', 'Tag:', 'a_1:'),
    fc.array(interval, { minLength: 1 }),
  )
  return fc
    .array(source, { minLength: 1, maxLength: 4 })
    .map((sources) =>
      sources
        .map(([uuid, tag, list]) => `${uuid}:${tag}${list.map(([from, more]) => `${from}-${from + more}`).join(':')}`)
        .join(', \n'),
    )
}
