import { expect, it } from 'vitest'
import { editDistance, nearest } from './nearest.ts'

const KNOWN = ['anti_flapping', 'seeds', 'users', 'policy', 'password', 'password_file', 'off', 'none']

it.each([
  ['antiFlapping', 'anti_flapping'],
  ['sedes', 'seeds'],
  ['polcy', 'policy'],
  ['pasword', 'password'],
  ['password-file', 'password_file'],
  ['Off', 'off'],
  ['of', 'off'],
  ['zebra', undefined],
  ['', undefined],
  ['___', undefined],
  ['x'.repeat(10_000), undefined],
])('%s means %s', (word, meant) => expect(nearest(word, KNOWN)).toBe(meant))

it('a swap of neighbours is one edit', () => expect(editDistance('sedes', 'seeds')).toBe(1))
