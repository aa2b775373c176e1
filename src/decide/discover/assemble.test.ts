import { describe, expect, test } from 'vitest'
import { type Address, printAddress } from '../../model/address.ts'
import { clusterId, instant, wallTime } from '../../model/ids.ts'
import type { Look } from '../../model/look.ts'
import type { ServerStatus } from '../../model/server.ts'
import type { Sighting } from '../../model/sighting.ts'
import type { Declared, Topology } from '../../model/topology.ts'
import { aChannel, aStatus, idOf } from '../diagnose/status.testing.ts'
import { assemble } from './assemble.ts'
import { whomToProbe } from './frontier.ts'
import { sight } from './sight.ts'

const at = (host: string, port = 3306): Address => ({ host, port })

function seen(address: Address, name: string, status: Partial<ServerStatus> = {}): Sighting {
  const look: Look = { kind: 'answered', sentAt: instant(0), at: instant(1), status: aStatus(name, status) }
  return sight(undefined, address, look, wallTime(0))
}

const then = (sighting: Sighting, kind: 'silent' | 'refused', sentAt: number): Sighting =>
  sight(sighting, sighting.address, { kind, sentAt: instant(sentAt), at: instant(sentAt + 1), code: 'X' }, wallTime(0))

const never = (address: Address): Sighting =>
  sight(undefined, address, { kind: 'silent', sentAt: instant(0), at: instant(1), code: 'X' }, wallTime(0))

const build = (sightings: readonly Sighting[], declared: ReadonlyMap<string, Declared> = new Map()): Topology =>
  assemble({ cluster: clusterId('c1'), alias: 'shop', sightings, declared, reign: undefined, at: instant(10) })

const following = (source: Address, numericId = 0) => ({ channels: [aChannel(source, numericId, {})] })

// covers W1
describe('edges', () => {
  const s1 = seen(at('db1'), 's1', { numericId: 11, aliases: [at('primary.example')] })

  test('lead to the server whose address the channel names', () => {
    expect(build([s1, seen(at('db2'), 's2', following(at('db1')))]).edges).toMatchObject([
      { replica: idOf('s2'), source: idOf('s1') },
    ])
  })

  test('lead to the server that reports the name, in any case', () => {
    expect(build([s1, seen(at('db2'), 's2', following(at('Primary.Example')))]).edges[0]?.source).toBe(idOf('s1'))
  })

  test('lead by server_id where the address matches nobody, and only one server has it', () => {
    const replica = seen(at('db2'), 's2', { numericId: 12, ...following(at('10.0.0.9'), 11) })
    expect(build([s1, replica]).edges[0]?.source).toBe(idOf('s1'))
    const twin = seen(at('db3'), 's3', { numericId: 11 })
    expect(build([s1, replica, twin]).edges[0]).not.toHaveProperty('source')
  })

  test('an alias that two servers claim names neither; server_id decides', () => {
    const claims = { aliases: [at('localhost')] }
    const sightings = [
      seen(at('db1'), 's1', { ...claims, numericId: 11 }),
      seen(at('db3'), 's3', { ...claims, numericId: 13 }),
    ]
    const replica = seen(at('db2'), 's2', { numericId: 12, ...following(at('localhost'), 13) })
    expect(build([...sightings, replica]).edges[0]?.source).toBe(idOf('s3'))
  })

  test('nobody is its own source, whatever the address seems to say', () => {
    const replica = seen(at('127.0.0.1'), 's2', { numericId: 12, ...following(at('127.0.0.1'), 11) })
    expect(build([s1, replica]).edges[0]?.source).toBe(idOf('s1'))
  })

  test('stay while the replica is silent', () => {
    const silent = then(seen(at('db2'), 's2', following(at('db1'))), 'silent', 500)
    expect(build([s1, silent]).edges).toHaveLength(1)
  })

  test('several channels are several edges, and a ring is two', () => {
    const a = seen(at('db1'), 's1', following(at('db2')))
    const b = seen(at('db2'), 's2', {
      channels: [aChannel(at('db1'), 0, {}), aChannel(at('db9'), 0, { name: 'other' })],
    })
    expect(build([a, b]).edges.map((e) => [e.replica, e.channel.name, e.source])).toEqual([
      [idOf('s1'), '', idOf('s2')],
      [idOf('s2'), '', idOf('s1')],
      [idOf('s2'), 'other', undefined],
    ])
  })
})

// trap 40: one server listening under two names is seen as two
describe('trap 40: one server under two names', () => {
  const first = seen(at('db1'), 's1')
  const second = seen(at('10.0.0.1'), 's1')

  test('is one member, and both names stay known', () => {
    const topology = build([
      first,
      second,
      seen(at('db2'), 's2', following(at('10.0.0.1'))),
      seen(at('db3'), 's3', following(at('db1'))),
    ])
    expect(topology.members.filter((m) => m.id === idOf('s1'))).toHaveLength(1)
    expect(topology.edges.map((e) => e.source)).toEqual([idOf('s1'), idOf('s1')])
    const [member] = topology.members
    const names = [member?.sighting.address, ...(member?.sighting.answer?.status.aliases ?? [])]
    expect(names.map((a) => a && printAddress(a)).sort()).toEqual(['10.0.0.1:3306', 'db1:3306'])
  })

  test('the name that answers speaks for it', () => {
    const [member] = build([then(first, 'silent', 500), second]).members
    expect(member?.sighting.latest.kind).toBe('answered')
    expect(member?.sighting.address).toEqual(at('10.0.0.1'))
  })

  test('which name speaks does not depend on the order of the sightings', () => {
    expect(build([first, second]).members).toEqual(build([second, first]).members)
  })

  test('what is declared of either name holds', () => {
    const declared = new Map([['10.0.0.1:3306', { site: 'east', preference: 'never', downtimed: true } as const]])
    expect(build([first, second], declared).members[0]?.declared.site).toBe('east')
  })
})

describe('strangers', () => {
  test('are addresses that never answered; members do not become strangers by falling silent', () => {
    const topology = build([then(seen(at('db1'), 's1'), 'refused', 500), never(at('db9'))])
    expect(topology.strangers.map((s) => s.address.host)).toEqual(['db9'])
    expect(topology.members).toHaveLength(1)
  })

  test('another name of a member is no stranger', () => {
    expect(
      build([seen(at('db1'), 's1', { aliases: [at('db1.example')] }), never(at('db1.example'))]).strangers,
    ).toEqual([])
  })
})

// covers W1
describe('whom to probe next', () => {
  test('sources and registered replicas that nobody has looked at', () => {
    const attached = [{ numericId: 3, address: at('db3') }, { numericId: 4 }, { numericId: 2, address: at('DB2') }]
    const sightings = [seen(at('db1'), 's1', { attached }), seen(at('db2'), 's2', following(at('db0')))]
    expect(whomToProbe(sightings).map(printAddress)).toEqual(['db3:3306', 'db0:3306'])
  })

  test('an address is named until it is looked at, whether it answers or not', () => {
    const replica = seen(at('db2'), 's2', following(at('db0')))
    expect(whomToProbe([replica, never(at('db0'))])).toEqual([])
  })

  test('another name of a known server is not probed as a new one, nor is an empty one', () => {
    const primary = seen(at('db1'), 's1', { aliases: [at('db1.example')], adminPort: 33062 })
    const status = {
      channels: [aChannel(at('db1.example'), 1, {}), aChannel(at('db1', 33062), 1, {}), aChannel(at(''), 0, {})],
    }
    expect(whomToProbe([primary, seen(at('db2'), 's2', status)])).toEqual([])
  })
})
