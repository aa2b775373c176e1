import { expect, test } from 'vitest'
import { instant } from '../model/ids.ts'
import { betweenStatements, type Traffic } from './idle.ts'
import { isPeer } from './peer.ts'

const held: Traffic = { lastFrom: 'server', lastAt: instant(1000), silentSince: instant(1001), unsent: 0 }

test('trap 81: a session whose last bytes came from the client is not idle, whatever the server shows', () => {
  expect(betweenStatements({ ...held, lastFrom: 'client' }, instant(1050))).toBe(false)
  expect(betweenStatements(held, instant(1050))).toBe(true)
})

test('a packet that has no answer ages out after 100 ms', () => {
  expect(betweenStatements({ ...held, lastFrom: 'client' }, instant(1099))).toBe(false)
  expect(betweenStatements({ ...held, lastFrom: 'client' }, instant(1100))).toBe(true)
})

test('a session that is not held, has bytes on their way, or answered this very moment is not closed', () => {
  expect(betweenStatements({ ...held, silentSince: undefined }, instant(2000))).toBe(false)
  expect(betweenStatements({ ...held, unsent: 1 }, instant(2000))).toBe(false)
  expect(betweenStatements(held, instant(1002))).toBe(false)
  expect(betweenStatements({ ...held, lastFrom: 'none' }, instant(2000))).toBe(false)
})

test('a peer is ours by address and port; a resolved name by its port', () => {
  const end = { host: '127.0.0.1', port: 40_001 }
  expect(isPeer(end, ['127.0.0.1:40001'])).toBe(true)
  expect(isPeer({ ...end, host: '::ffff:127.0.0.1' }, ['127.0.0.1:40001'])).toBe(true)
  expect(isPeer(end, ['localhost:40001'])).toBe(true)
  expect(isPeer(end, ['10.0.0.9:40001', '127.0.0.1:40002'])).toBe(false)
  expect(isPeer(undefined, ['127.0.0.1:40001'])).toBe(false)
})
