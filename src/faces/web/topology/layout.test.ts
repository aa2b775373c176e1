import { expect, test } from 'vitest'
import { aCluster, aServer } from '../../../../test/made-up.ts'
import type { ClusterJson, ServerJson } from '../../api/contract.ts'
import { keyOf } from '../store.ts'
import { layOut, structureOf } from './layout.ts'

const follows = (address: string, from: string, more: Partial<ServerJson> = {}): ServerJson =>
  aServer(address, { sources: [{ channel: '', from, receiver: 'running', applier: 'running' }], ...more })

const shop = (servers: readonly ServerJson[], more: Partial<ClusterJson> = {}): ClusterJson =>
  aCluster({ servers, primary: 'a:1', ...more })
const routes = [{ name: 'proxy', state: 'open', primary: 'a:1', sessions: 3 }] as const

const at = (cluster: ClusterJson, address: string) =>
  layOut(cluster).servers.find((p) => p.key === `id-of-${address}`) ?? { x: Number.NaN, y: Number.NaN }

const tree = shop(
  [
    aServer('a:1', { role: 'primary' }),
    follows('b:1', 'a:1'),
    follows('c:1', 'b:1'),
    follows('d:1', 'a:1'),
    aServer('e:1'),
  ],
  { routes },
)

test('routes stand left of the primary, replicas right of what they follow', () => {
  expect(layOut(tree).routes[0]?.x).toBeLessThan(at(tree, 'a:1').x)
  expect(at(tree, 'a:1').x).toBeLessThan(at(tree, 'b:1').x)
  expect(at(tree, 'b:1').x).toBeLessThan(at(tree, 'c:1').x)
  expect(at(tree, 'd:1').x).toBe(at(tree, 'b:1').x)
})

test('a server that follows nobody stands below the primary', () => {
  expect(at(tree, 'e:1').x).toBe(at(tree, 'a:1').x)
  expect(at(tree, 'e:1').y).toBeGreaterThan(at(tree, 'a:1').y)
})

test.each([
  [
    'co-primaries',
    shop([
      follows('a:1', 'b:1', { role: 'co-primary' }),
      follows('b:1', 'a:1', { role: 'co-primary' }),
      follows('c:1', 'b:1'),
    ]),
  ],
  ['a ring of three', shop([follows('a:1', 'b:1'), follows('b:1', 'c:1'), follows('c:1', 'a:1')])],
  ['one that follows itself', shop([follows('a:1', 'a:1')])],
  ['one whose source nobody knows', shop([follows('a:1', 'x:9')])],
  [
    'two sources',
    shop([
      aServer('a:1'),
      aServer('b:1'),
      { ...follows('c:1', 'a:1'), sources: [...follows('c:1', 'a:1').sources, ...follows('c:1', 'b:1').sources] },
    ]),
  ],
  ['nobody', shop([])],
])('%s: every server stands somewhere, once, and apart from the others', (_, cluster) => {
  const { servers } = layOut(cluster)
  expect(servers.map((p) => p.key).toSorted()).toEqual(cluster.servers.map(keyOf).toSorted())
  expect(new Set(servers.map((p) => `${p.x} ${p.y}`)).size).toBe(servers.length)
})

test('what only ages or lags is not laid out again; a server that follows another one is', () => {
  const older = { ...tree, servers: tree.servers.map((s) => ({ ...s, lookAgeMs: 99, lagMs: 5 })) }
  expect(structureOf(older)).toBe(structureOf(tree))
  const moved = { ...tree, servers: tree.servers.map((s) => (s.address === 'd:1' ? follows('d:1', 'b:1') : s)) }
  expect(structureOf(moved)).not.toBe(structureOf(tree))
})
