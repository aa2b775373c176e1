import { expect, it } from 'vitest'
import { named } from './naming.ts'

const ID = '3e11fa47-71ca-11e1-9e33-c80aa9429562'
const NAMES = { [ID]: 'db1:3306', 's-2': 'db2:3306', '': 'nobody' }

it.each([
  [`${ID} reigns`, 'db1:3306 reigns'],
  [`attach ${ID} to s-2`, 'attach db1:3306 to db2:3306'],
  [`seal:${ID}: no answer`, 'seal:db1:3306: no answer'],
  [`regent rejoin ${ID}`, 'regent rejoin db1:3306'],
  [`only ${ID} has ${ID}:7-9`, `only db1:3306 has ${ID}:7-9`],
  [`it has ${ID}:blue:1-3,${ID}:5`, `it has ${ID}:blue:1-3,${ID}:5`],
  ['s-3 is unknown', 's-3 is unknown'],
])('%s', (text, expected) => {
  expect(named(text, NAMES)).toBe(expected)
})

it('a name is taken as it is written', () => {
  expect(named('s.1 and s41', { 's.1': '$&' })).toBe('$& and s41')
})
