import { describe, expect, test } from 'vitest'
import type { Channel } from '../../model/server.ts'
import { aChannel } from '../diagnose/status.testing.ts'
import { isRefusal, voiceOf } from './voice.ts'

const channel = (over: Partial<Channel>): Channel => aChannel({ host: 'db1', port: 3306 }, 1, over)

describe('what counts as a refusal, in the words of both flavours', () => {
  // trap 87: only "2003, connection refused" taken as testimony
  test.each([
    [
      'MySQL 2003/111',
      2003,
      "Error connecting to source 'repl@127.0.0.1:3306'. This was attempt 1/86400, with a delay of 1 seconds between attempts. Message: Can't connect to MySQL server on '127.0.0.1:3306' (111)",
    ],
    [
      'MariaDB 2003/111',
      2003,
      "error connecting to master 'repl@127.0.0.1:3306' - retry-time: 1  maximum-retries: 100000  message: Can't connect to server on '127.0.0.1' (111 \"Connection refused\")",
    ],
    [
      'MySQL 2013/104',
      2013,
      "Message: Lost connection to MySQL server at 'reading initial communication packet', system error: 104",
    ],
    [
      'MariaDB 2013/104',
      2013,
      'message: Lost connection to server at \'handshake: reading initial communication packet\', system error: 104 "Connection reset by peer"',
    ],
  ])('trap 87: %s does', (_, code, message) => {
    expect(isRefusal({ code, message })).toBe(true)
  })

  test.each([
    ['a timeout', 2003, "Can't connect to MySQL server on '10.0.0.1:3306' (110)"],
    ['no route', 2003, "Can't connect to server on '10.0.0.1' (113 \"No route to host\")"],
    ['a port that contains 111', 2003, "Can't connect to MySQL server on '10.0.0.1:11111' (110)"],
    [
      'an orderly end',
      2013,
      "Lost connection to MySQL server at 'reading initial communication packet', system error: 0",
    ],
    ['access denied', 1045, 'Access denied for user'],
    ['an unknown host', 2005, "Unknown MySQL server host 'db1' (111)"],
  ])('%s does not', (_, code, message) => {
    expect(isRefusal({ code, message })).toBe(false)
  })
})

test.each([
  ['running', { receiver: 'running' }],
  ['connecting', { receiver: 'connecting' }],
  ['connecting', { receiver: 'connecting', receiverError: { code: 2003, message: '(110)' } }],
  ['refused', { receiver: 'connecting', receiverError: { code: 2003, message: '(111)' } }],
  ['refused', { receiver: 'stopped', receiverError: { code: 2003, message: '(111)' } }],
  ['turned_away', { receiver: 'connecting', receiverError: { code: 1045, message: 'Access denied' } }],
  ['turned_away', { receiver: 'connecting', receiverError: { code: 2061, message: 'requires secure connection' } }],
  ['stopped', { receiver: 'stopped' }],
  ['stopped', { receiver: 'stopped', receiverError: { code: 13114, message: 'Got fatal error 1236' } }],
] as const)('a receiver says %s', (voice, over) => {
  expect(voiceOf(channel(over))).toBe(voice)
})

// covers W11, trap 1
test('trap 1: the applier has no voice', () => {
  expect(voiceOf(channel({ applier: 'stopped', applierError: { code: 1062, message: 'Duplicate' } }))).toBe('running')
})
