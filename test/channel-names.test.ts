import { expect, test } from 'vitest'
import { aChannel, aStatus, idOf } from '../src/decide/diagnose/status.testing.ts'
import { assemble } from '../src/decide/discover/assemble.ts'
import { sight } from '../src/decide/discover/sight.ts'
import { newChannelOf } from '../src/decide/recover/naming.ts'
import { clusterId, instant, wallTime } from '../src/model/ids.ts'
import type { Topology } from '../src/model/topology.ts'

const at = (host: string) => ({ host, port: 3306 })

/** Server by server the channels that it has, each as `name<source`. */
function topologyOf(channels: Readonly<Record<string, readonly string[]>>): Topology {
  const sightings = Object.entries(channels).map(([server, list]) => {
    const named = list.map((each) => {
      const [name = '', source = ''] = each.split('<')
      return aChannel(at(source), 0, { name })
    })
    const status = aStatus(server, { channels: named })
    return sight(undefined, at(server), { kind: 'answered', sentAt: instant(0), at: instant(1), status }, wallTime(0))
  })
  return assemble({
    cluster: clusterId('c1'),
    alias: 'shop',
    sightings,
    declared: new Map(),
    reign: undefined,
    at: instant(2),
  })
}

const nameFor = (channels: Readonly<Record<string, readonly string[]>>): string =>
  newChannelOf(topologyOf(channels), idOf('s3'), idOf('s1'))

test('a returning server follows by the name that its peers use', () => {
  expect(nameFor({ s1: [], s2: ['<s1'], s3: [] })).toBe('')
  expect(nameFor({ s1: [], s2: ['shop<s1'], s3: [] })).toBe('shop')
  expect(nameFor({ s1: [], s2: ['shop<s1'], s4: ['shop<s1'], s5: ['<s1'], s3: [] })).toBe('shop')
})

test('and never by a channel that it has for something else', () => {
  expect(nameFor({ s1: [], s2: ['<s1'], s3: ['<s9'] })).toBe('regent')
  expect(nameFor({ s1: [], s2: ['shop<s1'], s3: ['shop<s9'] })).toBe('')
})
