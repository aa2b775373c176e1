import { expect, test } from 'vitest'
import { clusterId, epoch } from './ids.ts'
import {
  type ProxyRequest,
  type ProxySession,
  type ProxyStatus,
  printLine,
  readLine,
  readProxyRequest,
  readProxySessions,
  readProxyStatus,
  readRouteAnswer,
  readSessionsCount,
} from './proxy-control.ts'
import type { RouteMessage } from './route.ts'

const message: RouteMessage = { cluster: clusterId('c'), epoch: epoch(1), number: 2, kind: 'withdrawn' }
const session: ProxySession = {
  id: 1,
  client: '127.0.0.1:5',
  to: { host: 'db1', port: 3306 },
  localEnd: '127.0.0.1:6',
  lastFrom: 'server',
  lastAgoMs: 7,
  openedAgoMs: 8,
  fromClient: 9,
  fromServer: 10,
  held: false,
}
const status: ProxyStatus = {
  pid: 1,
  cluster: clusterId('c'),
  listen: { host: '127.0.0.1', port: 3306 },
  upMs: 2,
  inForce: message,
  last: message,
  waiting: 3,
  sessionsOpen: 4,
  primarySeen: { kind: 'failed', to: { host: 'db1', port: 3306 }, agoMs: 5, why: 'refused' },
}

test('every request is read as it was written', () => {
  const requests: readonly ProxyRequest[] = [
    { ask: 'status' },
    { ask: 'route', message },
    { ask: 'sessions' },
    { ask: 'watch' },
    { ask: 'close_all' },
    { ask: 'close_idle', peers: ['127.0.0.1:1', 'host\nwith a newline:2'] },
    { ask: 'hold' },
    { ask: 'stop' },
  ]
  for (const request of requests) {
    const line = printLine({ n: 1, ...request })
    expect(line.indexOf('\n')).toBe(line.length - 1)
    expect(readProxyRequest(readLine(line) ?? {})).toEqual(request)
  }
})

test('every answer is read as it was written', () => {
  const again = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
  expect(readProxyStatus(again(status))).toEqual(status)
  expect(readProxySessions(again([session]))).toEqual([session])
  expect(readSessionsCount(again({ closed: 1, remaining: 0 }))).toEqual({ closed: 1, remaining: 0 })
  const answer = { verdict: 'refused_older', kept: false, says: 'older', has: message } as const
  expect(readRouteAnswer(again(answer))).toEqual(answer)
})

test('half a request or half an answer is none', () => {
  expect(readLine('{"ask":"sta')).toBeUndefined()
  expect(readLine('[1]')).toBeUndefined()
  for (const half of [{}, { ask: 'close_idle', peers: [1] }, { ask: 'close_idle' }, { ask: 'route', message: {} }]) {
    expect(readProxyRequest(half)).toBeUndefined()
  }
  expect(readProxyStatus({ ...status, sessionsOpen: undefined })).toBeUndefined()
  expect(readProxyStatus({ ...status, primarySeen: { kind: 'greeted' } })).toBeUndefined()
  expect(readProxySessions([session, { ...session, lastFrom: 'nobody' }])).toBeUndefined()
  expect(readSessionsCount({ closed: 1 })).toBeUndefined()
  expect(readRouteAnswer({ verdict: 'maybe', kept: true, says: '' })).toBeUndefined()
})
