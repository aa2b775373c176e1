import { describe, expect, it } from 'vitest'
import type { ClusterJson, EventJson, RecoveryJson, ServerJson } from '../../api/contract.ts'
import { type DemoJson, eachGtid, heard, isOver, openedAt, returnedAs, succeeded } from './facts.ts'

const UUID = '73509a7a-e5ae-11f1-99dd-02fc00000001'

const good: DemoJson = {
  server: 'mysql',
  version: '9.7.4',
  fault: 'kill',
  failedOver: true,
  outageMs: 234,
  detectedMs: 111,
  promotedMs: 223,
  acknowledged: 1296,
  lost: 0,
  rejoined: true,
  errant: [],
  errors: [],
}

describe('a demo succeeds only', () => {
  it('if it failed over, lost nothing, and the dead one is back or fenced with what it has listed', () => {
    expect(succeeded(good)).toBe(true)
    expect(succeeded({ ...good, rejoined: false, errant: [`${UUID}:7`] })).toBe(true)
  })

  it.each<Partial<DemoJson>>([{ failedOver: false }, { lost: 1 }, { rejoined: false }, { errors: ['interrupted'] }])(
    'so not with %j',
    (flaw) => expect(succeeded({ ...good, ...flaw })).toBe(false),
  )
})

describe('GTIDs are listed one by one', () => {
  it.each([
    ['', []],
    [`${UUID}:7`, [`${UUID}:7`]],
    [`${UUID}:5-6:9`, [`${UUID}:5`, `${UUID}:6`, `${UUID}:9`]],
    [`${UUID}:tag:1-2`, [`${UUID}:tag:1`, `${UUID}:tag:2`]],
    ['0-1-100..102,1-3-4', ['0-1-100', '0-1-101', '0-1-102', '1-3-4']],
    // Only the end of this range is known for certain.
    ['0-1-..105', ['0-1-..105']],
    [`${UUID}:1-100000`, [`${UUID}:1-100000`]],
  ])('%s', (text, expected) => expect(eachGtid(text)).toEqual(expected))
})

const recovery = (changes: Partial<RecoveryJson>): RecoveryJson => ({
  id: 'r-1',
  cluster: 'c-1',
  kind: 'failover',
  subject: 's1',
  state: 'act1',
  automatic: true,
  startedAt: 1000,
  because: '',
  plans: [],
  steps: [],
  events: [],
  refusals: [],
  names: {},
  ...changes,
})

const verdict = (at: number, remedy: 'fail_over' | 'look_again'): EventJson => ({
  kind: 'verdict',
  cluster: 'c-1',
  at,
  tookMs: 1,
  diagnosis: {
    primary: { verdict: 'dead', row: 'all_refused', because: '', remedy, targets: [], evidence: [] },
    replicas: [],
  },
})

describe('what was told since the blow', () => {
  const toldBy = (...events: readonly EventJson[]) => events.reduce((told, event) => heard(told, event, 1000), {})

  it('has the first verdict that demands a failover, not a suspicion, nor one from before', () => {
    const events = [verdict(900, 'fail_over'), verdict(1010, 'look_again'), verdict(1035, 'fail_over')]
    expect(toldBy(...events, verdict(1050, 'fail_over'))).toEqual({ verdictAt: 1035 })
  })

  it('has the failover that began then, as it was told last', () => {
    const old: EventJson = { kind: 'recovery', recovery: recovery({ id: 'r-0', startedAt: 10, state: 'done' }) }
    const rejoin: EventJson = { kind: 'recovery', recovery: recovery({ id: 'r-2', kind: 'rejoin', startedAt: 1200 }) }
    const begun: EventJson = { kind: 'recovery', recovery: recovery({ startedAt: 1040 }) }
    const ended: EventJson = { kind: 'recovery', recovery: recovery({ startedAt: 1040, state: 'done' }) }
    const told = toldBy(old, begun, ended, rejoin)
    expect(told).toMatchObject({ recovery: { id: 'r-1', state: 'done' } })
  })

  it('is over when the recovery is, well or badly', () => {
    expect([undefined, recovery({}), recovery({ state: 'act2' })].map(isOver)).toEqual([false, false, false])
    const ends = ['done', 'undone', 'failed', 'refused'].map((state) => isOver(recovery({ state })))
    expect(ends).toEqual([true, true, true, true])
  })
})

const server = (changes: Partial<ServerJson>): ServerJson => ({
  address: '127.0.0.1:1',
  role: 'replica',
  health: 'good',
  look: 'answered',
  lookAgeMs: 3,
  access: 'closed_to_all',
  sources: [],
  semiSync: { source: false, replica: true, clients: 0, waitCount: 1 },
  site: '',
  fenced: true,
  orders: [],
  findings: [],
  gtid: `mysql executed=${UUID}:1-10`,
  ...changes,
})

const cluster = (old: Partial<ServerJson>): ClusterJson => ({
  alias: 'sandbox',
  id: 'c-1',
  at: 0,
  sentence: '',
  verdict: 'healthy',
  row: 'healthy',
  remedy: 'none',
  because: '',
  primary: '127.0.0.1:2',
  servers: [server(old), server({ address: '127.0.0.1:2', access: 'writable', gtid: `mysql executed=${UUID}:1-8` })],
  routes: [],
  refusals: [],
})

describe('a server that returned', () => {
  const follows = { channel: '', from: '127.0.0.1:2', receiver: 'running', applier: 'running' }
  const look = (old: Partial<ServerJson>, refusal?: string) => returnedAs(cluster(old), '127.0.0.1:1', refusal)

  it('has rejoined when both halves of its channel run', () => {
    expect(look({ sources: [follows] })).toEqual({ kind: 'rejoined' })
    expect(look({ sources: [{ ...follows, applier: 'stopped' }] }).kind).toBe('not_yet')
    expect(look({ sources: [{ ...follows, from: '127.0.0.1:3' }] }).kind).toBe('not_yet')
  })

  it('is fenced, with every GTID that only it has, when it was refused for them', () => {
    const expected = { kind: 'fenced', errant: [`${UUID}:9`, `${UUID}:10`], because: 'it has more' }
    expect(look({}, 'it has more')).toEqual(expected)
  })

  it('has no place yet before anybody said why not', () => expect(look({}).kind).toBe('not_yet'))

  it('is neither while it takes writes or does not answer', () => {
    expect(look({ access: 'writable' }, 'it has more').kind).toBe('not_yet')
    expect(look({ look: 'refused' }, 'it has more').kind).toBe('not_yet')
  })
})

it('the opening is the end of the last step that opened a server, by the record', () => {
  const open = {
    kind: 'open_server',
    id: 'open:s2',
    server: 's2',
    after: [],
    deadlineMs: 1000,
    ifItFails: 'stop',
  }
  const plans: RecoveryJson['plans'] = JSON.parse(JSON.stringify([{ act: 2, steps: [open] }]))
  const step = { key: '2/open:s2', line: 'open s2', startedAt: 1090, tookMs: 3.5, state: 'done' } as const
  expect(openedAt(recovery({ plans, steps: [step] }))).toBe(1093.5)
  expect(openedAt(recovery({ plans, steps: [{ ...step, state: 'unknown' }] }))).toBeUndefined()
  expect(openedAt(recovery({ plans }))).toBeUndefined()
  expect(openedAt(undefined)).toBeUndefined()
})
