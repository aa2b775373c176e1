import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Hello, Statements } from './speech.ts'

const packet = (number: number, payload: readonly number[]): Buffer => {
  const header = Buffer.alloc(4)
  header.writeUIntLE(payload.length, 0, 3)
  header.writeUInt8(number, 3)
  return Buffer.concat([header, Buffer.from(payload)])
}
const QUERY = 0x03
const CLOSE_STATEMENT = 0x19
const QUIT = 0x01

function hello(flags: number, pieces = 1): boolean {
  const payload = Buffer.alloc(32)
  payload.writeUInt32LE(flags, 0)
  const bytes = packet(1, [...payload])
  const said = new Hello()
  for (let at = 0; at < bytes.length; at += Math.ceil(bytes.length / pieces))
    said.take(bytes.subarray(at, at + Math.ceil(bytes.length / pieces)))
  return said.isPlain
}

test('encrypted, compressed and ancient sessions are not read', () => {
  expect(hello(1 << 9)).toBe(true)
  expect(hello(1 << 9, 36)).toBe(true)
  for (const flag of [1 << 11, 1 << 5, 1 << 26]) expect(hello((1 << 9) | flag)).toBe(false)
  expect(hello(0)).toBe(false)
  expect(new Hello().isPlain).toBe(false)
})

test('the first statement that has an answer is owed one, once it is there to its end', () => {
  const statements = new Statements()
  statements.take(packet(0, [CLOSE_STATEMENT, 1, 0, 0, 0]))
  expect([statements.isWhole, statements.owed]).toEqual([true, undefined])
  const query = packet(0, [QUERY, 65, 66])
  statements.take(query.subarray(0, 5))
  expect([statements.isWhole, statements.owed]).toEqual([false, undefined])
  statements.take(query.subarray(5))
  statements.take(packet(0, [QUIT]))
  expect([statements.isWhole, statements.owed]).toEqual([true, 1])
})

test('a statement of more than 16 MB is one statement, answered behind its last packet', () => {
  const statements = new Statements()
  const first = Buffer.alloc(4 + 0xffffff, QUERY)
  first.writeUIntLE(0xffffff, 0, 3)
  first.writeUInt8(0, 3)
  statements.take(first)
  expect([statements.isWhole, statements.owed]).toEqual([false, undefined])
  statements.take(packet(1, []))
  expect([statements.isWhole, statements.owed, statements.isStrange]).toEqual([true, 2, false])
})

test('the rest of a login or of a file is no statement', () => {
  for (const bytes of [packet(3, [1, 2, 3]), packet(0, [])]) {
    const statements = new Statements()
    statements.take(bytes)
    expect([statements.isStrange, statements.owed]).toEqual([true, undefined])
  }
})

test('however the network cuts it, it is read the same', () => {
  const payloads = fc.array(fc.array(fc.nat(255), { minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(payloads, fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), (commands, cuts) => {
      const bytes = Buffer.concat(commands.map((payload) => packet(0, payload)))
      const [whole, cut] = [new Statements(), new Statements()]
      whole.take(bytes)
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const length = cuts[i % cuts.length] ?? 1
        cut.take(bytes.subarray(at, at + length))
        at += length
      }
      expect([cut.isWhole, cut.owed]).toEqual([whole.isWhole, whole.owed])
      expect(whole.isWhole).toBe(true)
    }),
    { numRuns: 200 },
  )
})
