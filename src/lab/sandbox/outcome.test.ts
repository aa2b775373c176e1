import assert from 'node:assert/strict'
import { test } from 'vitest'
import { codeOf, outcomeOf } from './outcome.ts'

const fromServer = (errno: number): Error =>
  Object.assign(new Error('said'), { errno, sqlState: 'HY000', code: 'ER_X' })

test.each([1290, 1836, 1062, 1205, 1213])('the server proves by %i that nothing was executed', (errno) => {
  assert.equal(outcomeOf(fromServer(errno)), 'refused')
})

test.each([1317, 1053, 3100, 1180, 1927, 1105])(
  'an interrupted commit (%i) may have been written: its outcome is unknown',
  (errno) => {
    assert.equal(outcomeOf(fromServer(errno)), 'unanswered')
  },
)

test('an error of the network proves nothing about the statement, whatever number it has', () => {
  assert.equal(outcomeOf(Object.assign(new Error('reset'), { errno: -104, code: 'ECONNRESET' })), 'unanswered')
  assert.equal(outcomeOf(Object.assign(new Error('not from a server'), { errno: 1290 })), 'unanswered')
  assert.equal(outcomeOf('a text'), 'unanswered')
})

test('errors are counted by the number of the server, else by the code of the network', () => {
  assert.equal(codeOf(fromServer(1290)), '1290')
  assert.equal(codeOf(Object.assign(new Error('refused'), { errno: -111, code: 'ECONNREFUSED' })), 'ECONNREFUSED')
  assert.equal(codeOf(new TypeError('x')), 'TypeError')
  assert.equal(codeOf(undefined), 'unknown')
})
