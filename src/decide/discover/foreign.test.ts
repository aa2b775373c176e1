import { expect, test } from 'vitest'
import { type Address, printAddress } from '../../model/address.ts'
import { gtidSet } from '../../model/gtid/mysql-text.ts'
import type { History } from '../../model/history.ts'
import { clusterId, epoch, instant, type ServerId, wallTime } from '../../model/ids.ts'
import type { Reign } from '../../model/reign.ts'
import type { ServerStatus } from '../../model/server.ts'
import type { Sighting } from '../../model/sighting.ts'
import { edgesOf, type Topology } from '../../model/topology.ts'
import { aChannel, aStatus, idOf, uuidOf } from '../diagnose/status.testing.ts'
import { assemble } from './assemble.ts'
import { sight } from './sight.ts'

const at = (host: string): Address => ({ host, port: 3306 })
const UUID = '11111111-1111-1111-1111-111111111111'
const FOREIGN = uuidOf('f8')

const history = (executed: string): History => ({
  kind: 'mysql',
  executed: gtidSet(executed),
  received: gtidSet(executed),
  purged: gtidSet(''),
})

function seen(name: string, status: Partial<ServerStatus> = {}): Sighting {
  const told = aStatus(name, { history: history(`${UUID}:1-9`), ...status })
  return sight(undefined, at(name), { kind: 'answered', sentAt: instant(0), at: instant(1), status: told }, wallTime(0))
}

const from = (source: string, name = '') => aChannel(at(source), 0, { name })
const attached = (name: string) => ({ attached: [{ numericId: 77, address: at(name) }] })
const denied = (name: string): Sighting =>
  sight(undefined, at(name), { kind: 'silent', sentAt: instant(0), at: instant(1), code: 'X' }, wallTime(0))

const reignOf = (name: string): Reign => ({
  cluster: clusterId('c1'),
  epoch: epoch(2),
  primary: idOf(name),
  state: 'open',
  semiSync: { kind: 'off' },
  openedAt: '',
  at: wallTime(0),
})

interface Known {
  readonly reign?: Reign | undefined
  readonly seeds?: readonly string[]
  readonly reigned?: readonly ServerId[]
}

function build(sightings: readonly Sighting[], known: Known = {}): Topology {
  const { reign = reignOf('s1'), seeds = ['s1'], reigned = [] } = 'reign' in known ? { ...known } : known
  return assemble({
    cluster: clusterId('c1'),
    alias: 'shop',
    sightings,
    declared: new Map(),
    reign: 'reign' in known ? known.reign : reign,
    at: instant(10),
    seeds: seeds.map(at),
    reigned: new Set(reigned),
  })
}

const names = (topology: Topology): readonly string[] => topology.members.map((m) => printAddress(m.sighting.address))

const s1 = seen('s1', { access: 'writable' })
const s2 = seen('s2', { channels: [from('s1', 'shop')] })
const both = seen('s3', {
  channels: [from('s1', 'shop'), from('f8', 'stock')],
  history: history(`${UUID}:1-8,${FOREIGN}:1-100`),
})
const f1 = seen('f8', { access: 'writable', ...attached('f9') })
const f2 = seen('f9', { channels: [from('f8')] })

test('the servers behind a second channel are no members, and the channel stays, without source', () => {
  const topology = build([s1, s2, both, f1, f2])
  expect(names(topology)).toEqual(['s1:3306', 's2:3306', 's3:3306'])
  expect(edgesOf(topology, idOf('s3'))).toMatchObject([{ source: idOf('s1') }, { channel: { name: 'stock' } }])
  expect(edgesOf(topology, idOf('s3'))[1]).not.toHaveProperty('source')
})

test('an address behind it that never answers is nobody who is missing', () => {
  expect(build([s1, s2, both, denied('f8')]).strangers).toEqual([])
  expect(build([s1, s2, both, f1, denied('f9')]).strangers).toEqual([])
  expect(build([s1, s2, both, f1, denied('s4')]).strangers).toHaveLength(1)
})

test('what came from there counts neither as received nor as errant', () => {
  const told = build([s1, s2, both, f1]).members.find((m) => m.id === idOf('s3'))?.sighting
  expect(told?.answer?.status.history).toEqual(history(`${UUID}:1-8`))
  expect(told?.latest.kind === 'answered' && told.latest.status.history).toEqual(history(`${UUID}:1-8`))
  const before = build([s1, s2, both]).members.find((m) => m.id === idOf('s3'))?.sighting
  expect(before?.answer?.status.history, 'also before anybody has looked there').toEqual(history(`${UUID}:1-8`))
})

test('also where the primary that takes writes receives from there, but not where it was closed and made a replica', () => {
  const receiving = (access: 'writable' | 'closed_to_all') => seen('s1', { access, channels: [from('f8')] })
  expect(names(build([receiving('writable'), s2, f1, f2]))).toEqual(['s1:3306', 's2:3306'])
  expect(names(build([receiving('closed_to_all'), s2, f1, f2]))).toEqual(['s1:3306', 's2:3306', 'f8:3306', 'f9:3306'])
})

test('never a former primary, a seed, a co-primary, or the one source of a replica', () => {
  expect(names(build([s1, s2, both, f1], { reigned: [idOf('f8')] }))).toContain('f8:3306')
  expect(names(build([s1, s2, both, f1], { seeds: ['s1', 'f8'] }))).toContain('f8:3306')
  const ring = seen('f8', { access: 'writable', channels: [from('s1')] })
  expect(names(build([s1, s2, both, ring]))).toContain('f8:3306')
  const moved = seen('s3', { channels: [from('f8')] })
  expect(names(build([s1, s2, moved, f1]))).toContain('f8:3306')
})

test('without a reign the seeds tell whose cluster it is, where one of them leads', () => {
  expect(names(build([s1, s2, both, f1], { reign: undefined }))).not.toContain('f8:3306')
  expect(names(build([s1, s2, both, f1], { reign: undefined, seeds: ['s3'] }))).toContain('f8:3306')
})
