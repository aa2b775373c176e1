import { expect, test } from 'vitest'
import { clusterId, epoch } from './ids.ts'
import { acceptRoute, printOrdinal, type RouteMessage, readRouteMessage } from './route.ts'

const ordinal = (reign: number, number: number) => ({ cluster: clusterId('c-shop'), epoch: epoch(reign), number })
const open = (reign: number, number: number, host = 'db1'): RouteMessage => ({
  ...ordinal(reign, number),
  kind: 'open',
  primary: { host, port: 3306 },
})
const withdrawn = (reign: number, number: number): RouteMessage => ({ ...ordinal(reign, number), kind: 'withdrawn' })

test('a higher pair is accepted, whichever part of it is higher', () => {
  expect(acceptRoute(undefined, open(1, 1))).toBe('accepted')
  expect(acceptRoute(open(1, 9), open(2, 1))).toBe('accepted')
  expect(acceptRoute(open(2, 1), withdrawn(2, 2))).toBe('accepted')
})

test('a lower pair is refused, even as a withdrawal', () => {
  expect(acceptRoute(open(2, 1), open(1, 9))).toBe('refused_older')
  expect(acceptRoute(open(2, 2), withdrawn(2, 1))).toBe('refused_older')
})

test('an equal pair is the same only with the same content', () => {
  expect(acceptRoute(open(2, 2), open(2, 2))).toBe('same')
  expect(acceptRoute(withdrawn(2, 2), withdrawn(2, 2))).toBe('same')
  expect(acceptRoute(open(2, 2), open(2, 2, 'db2'))).toBe('refused_conflict')
  expect(acceptRoute(withdrawn(2, 2), open(2, 2))).toBe('refused_conflict')
})

test('a message for another cluster is refused', () => {
  expect(acceptRoute(open(1, 1), { ...open(9, 9), cluster: clusterId('c-other') })).toBe('refused_other_cluster')
})

test('what was written is read again, and nothing less than a whole message is', () => {
  for (const message of [open(3, 4), withdrawn(3, 4)])
    expect(readRouteMessage(JSON.parse(JSON.stringify(message)))).toEqual(message)
  expect(printOrdinal(open(3, 4))).toBe('3.4')
  const whole = { cluster: 'c', epoch: 1, number: 1, kind: 'open', primary: { host: 'db1', port: 3306 } }
  const broken = [
    null,
    [],
    'open',
    { ...whole, cluster: '' },
    { ...whole, epoch: -1 },
    { ...whole, epoch: 1.5 },
    { ...whole, epoch: Number.NaN },
    { ...whole, number: '1' },
    { ...whole, number: 2 ** 53 },
    { ...whole, kind: 'opened' },
    { ...whole, primary: undefined },
    { ...whole, primary: { host: '', port: 3306 } },
    { ...whole, primary: { host: 'db1', port: 65_536 } },
    { ...whole, primary: { host: 'db1', port: 0 } },
  ]
  for (const value of broken) expect(readRouteMessage(value)).toBeUndefined()
})
