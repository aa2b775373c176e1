import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { binlogState, position } from '../../model/gtid/mariadb-position.ts'
import { gtidSet } from '../../model/gtid/mysql-text.ts'
import type { History } from '../../model/history.ts'
import { decode, encode } from './encoding.ts'

const ID = '3e11fa47-71ca-11e1-9e33-c80aa9429562'

const MYSQL: History = {
  kind: 'mysql',
  executed: gtidSet(`${ID}:1-5:7-9223372036854775805:tag:3`),
  received: gtidSet(`${ID}:1-9`),
  purged: gtidSet(''),
}

const MARIADB: History = {
  ...{ kind: 'mariadb', serverId: 2, logsReplicaUpdates: true, strict: false },
  binlogState: binlogState('0-2-7,0-1-18446744073709551614,5-1-3'),
  slavePos: position('0-1-100'),
  ioPos: [position(''), position('0-1-101,5-2-9'), 'untracked'],
}

describe('what the store writes as text', () => {
  test.for([MYSQL, MARIADB])('a $kind history comes back as it was', (history) => {
    expect(decode(encode(history))).toStrictEqual(history)
  })

  test('histories are stored as the servers write them', () => {
    expect(encode(MYSQL)).toContain(`{"$gtids":"${ID}:1-5:7-9223372036854775805:tag:3"}`)
    expect(encode(MARIADB)).toContain('{"$position":"0-1-101,5-2-9"}')
  })

  test('whatever JSON would bend or drop comes back as it was', () => {
    const values = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.oneof(fc.string(), fc.double(), fc.integer(), fc.bigInt(), fc.boolean(), fc.constant(null)),
        fc.oneof(fc.uint8Array(), fc.float64Array(), fc.bigUint64Array()),
        fc.array(fc.option(tie('value'), { nil: undefined }), { maxLength: 4 }),
        fc.uniqueArray(fc.string(), { maxLength: 4 }).map((keys) => new Set(keys)),
        fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 }).map((pairs) => new Map(pairs)),
        fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('$map', '$$', '$', '__proto__', 'gtids')), tie('value'), {
          maxKeys: 4,
          noNullPrototype: true,
        }),
      ),
    })).value
    fc.assert(
      fc.property(values, (value) => {
        expect(decode(encode(value))).toStrictEqual(value)
      }),
      { numRuns: 400 },
    )
  })

  test('a mark that this version does not know is an error, not a guess', () => {
    expect(() => decode('{"$future":1}')).toThrow('$future')
  })

  test('what cannot be kept is refused when it is written', () => {
    expect(() => encode({ a: () => 1 })).toThrow('function')
  })
})
