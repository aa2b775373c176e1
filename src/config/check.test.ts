import { describe, expect, it } from 'vitest'
import type { ClusterConfig } from '../model/cluster.ts'
import { serverId } from '../model/ids.ts'
import { DEFAULT_POLICY, type Policy } from '../model/policy.ts'
import type { SemiSync, SemiSyncSource, ServerStatus } from '../model/server.ts'
import { findingsOf, worstOf } from './check.ts'
import { cluster } from './fixture.testing.ts'
import type { Finding, Learnt, Login } from './learnt.ts'

const IN: Login = { kind: 'in', account: "'regent'@'%'", lacks: [], roles: [] }
const LACK = { name: 'RELOAD', on: '*.*', why: 'RESET REPLICA ALL' }
const HISTORY: ServerStatus['history'] = {
  kind: 'mysql',
  executed: { parts: [] },
  received: { parts: [] },
  purged: { parts: [] },
}
const SEMI_SYNC: Extract<SemiSync, { kind: 'present' }> = {
  kind: 'present',
  source: {
    enabled: true,
    operational: true,
    clients: 1,
    waitCount: 1,
    waitPoint: 'after_sync',
    timeoutMs: 4_294_967_295,
    waitsWithoutReplicas: true,
  },
  replicaEnabled: true,
  replicaOperational: false,
}

const status = (number: number, changes: Partial<ServerStatus> = {}): ServerStatus => ({
  id: serverId(`s${number}`),
  version: { flavour: 'mariadb', numbers: [10, 11, 19], text: '10.11.19-MariaDB' },
  numericId: number,
  aliases: [],
  uptimeS: 1,
  access: 'writable',
  history: HISTORY,
  channels: [],
  semiSync: SEMI_SYNC,
  attached: [],
  binlog: {
    enabled: true,
    format: 'row',
    rowImage: 'FULL',
    logsReplicaUpdates: true,
    sync: 1,
    flushAtCommit: 1,
    gtid: 'on',
    strict: true,
  },
  connections: { used: 1, max: 100 },
  ...changes,
})

const learnt = (number: number, changes: Partial<Learnt> = {}): Learnt => ({
  server: { host: `db${number}`, port: 3306 },
  monitor: IN,
  replication: IN,
  status: status(number),
  ...changes,
})

/** A policy that refuses nothing, so that only what was learnt speaks. */
const calm = (policy: Partial<Policy> = {}): ClusterConfig =>
  cluster({ policy: { ...DEFAULT_POLICY, fence: { kind: 'at_least', level: 'none' }, ...policy } })

const notFine = (findings: readonly Finding[]) =>
  findings.filter((one) => one.level !== 'fine').map((one) => `${one.level} ${one.about}: ${one.says}`)

describe('config check', () => {
  it('finds nothing where all is well', () => {
    const findings = findingsOf(calm(), [learnt(1), learnt(2)])
    expect(notFine(findings)).toEqual([])
    expect(findings).toHaveLength(4)
    expect(worstOf(findings)).toBe('fine')
  })

  it.each<[string, Partial<Learnt>, string]>([
    [
      'not reached',
      { monitor: { kind: 'not_reached', why: 'ECONNREFUSED' } },
      'problem db1:3306: it cannot be reached: ECONNREFUSED',
    ],
    ['denied', { monitor: { kind: 'denied', why: '1045' } }, 'problem db1:3306: it does not let regent in: 1045'],
    [
      'a privilege lacking',
      { monitor: { ...IN, lacks: [LACK] } },
      "problem db1:3306: 'regent'@'%' lacks RELOAD: RESET REPLICA ALL",
    ],
    [
      'replication lacking',
      { replication: { ...IN, account: "'repl'@'%'", lacks: [LACK] } },
      "problem db1:3306: 'repl'@'%' lacks RELOAD: RESET REPLICA ALL",
    ],
    [
      'replication denied here',
      { replication: { kind: 'denied', why: '1045' } },
      'unknown db1:3306: repl is not let in from this host (1045); replicas may be: cannot tell from here',
    ],
    [
      'no binlog',
      { status: status(1, { binlog: { ...status(1).binlog, enabled: false } }) },
      'warning db1:3306: it writes no binlog: it can never be primary',
    ],
    [
      'not durable',
      { status: status(1, { binlog: { ...status(1).binlog, sync: 0 } }) },
      'warning db1:3306: it is not durable: a crash loses what it acknowledged',
    ],
    [
      'GTIDs off',
      { status: status(1, { binlog: { ...status(1).binlog, gtid: 'off' } }) },
      'warning db1:3306: GTIDs are off: histories cannot be compared',
    ],
  ])('%s', (_name, changes, expected) => {
    expect(notFine(findingsOf(calm(), [learnt(1, changes)]))).toEqual([expected])
  })

  it('says one unreachable server once', () => {
    const dead: Login = { kind: 'not_reached', why: 'timeout' }
    expect(
      notFine(findingsOf(calm(), [{ server: { host: 'db1', port: 3306 }, monitor: dead, replication: dead }])),
    ).toHaveLength(1)
  })

  it('offers the role that may hold what is missing', () => {
    const [finding] = findingsOf(calm(), [learnt(1, { monitor: { ...IN, lacks: [LACK], roles: ['ops'] } })])
    expect(finding?.tryThis).toBe(
      "GRANT RELOAD ON *.* TO 'regent'@'%'; (or make the role that has it active: SET DEFAULT ROLE, one of ops)",
    )
  })

  it('trap 54: two servers with one server_id are a problem; one server under two names is told as such', () => {
    const twin = learnt(2, { status: status(2, { numericId: 1 }) })
    expect(notFine(findingsOf(calm(), [learnt(1), twin]))).toEqual([
      "problem db2:3306: its server_id 1 is also that of db1:3306: they skip each other's events",
    ])
    const same = learnt(2, { status: status(1) })
    expect(notFine(findingsOf(calm(), [learnt(1), same]))).toEqual([
      'warning db2:3306: it is the same server as db1:3306',
    ])
  })

  it('semi-sync is asked for only where the policy relies on it', () => {
    const without = learnt(1, { status: status(1, { semiSync: { kind: 'absent' } }) })
    expect(notFine(findingsOf(calm(), [without]))).toEqual([])
    expect(notFine(findingsOf(calm({ loss: { kind: 'proven' } }), [without]))[0]).toContain('it has no semi-sync')
    const late = learnt(1, {
      status: status(1, { semiSync: { ...SEMI_SYNC, source: { ...SEMI_SYNC.source, waitPoint: 'after_commit' } } }),
    })
    expect(notFine(findingsOf(calm({ semiSync: { kind: 'wait_count', count: 1 } }), [late]))[0]).toContain(
      'waits after the commit',
    )
  })

  describe('semi-sync that can fall back to asynchronous', () => {
    const source = SEMI_SYNC.source
    const having = (changes: Partial<SemiSyncSource>, more: Partial<ServerStatus> = {}) => [
      learnt(1, { status: status(1, { ...more, semiSync: { ...SEMI_SYNC, source: { ...source, ...changes } } }) }),
    ]
    const PROVEN = { loss: { kind: 'proven' } } as const

    it.each<[string, Partial<SemiSyncSource>, string, string]>([
      ['by a short timeout', { timeoutMs: 10_000 }, 'after 10s without', 'rpl_semi_sync_master_timeout'],
      [
        'when it is alone',
        { waitsWithoutReplicas: false },
        'too few replicas',
        'rpl_semi_sync_master_wait_no_slave=ON',
      ],
      ['and just did', { operational: false }, 'has fallen back', 'rpl_semi_sync_slave_enabled=ON'],
    ])('%s is told with the setting that ends it, whether loss is `proven` or `auto`', (_name, changes, says, fix) => {
      for (const policy of [{}, PROVEN]) {
        const [first, ...more] = findingsOf(calm(policy), having(changes)).filter((f) => f.level !== 'fine')
        expect(first).toMatchObject({ level: 'warning', about: 'db1:3306', says: expect.stringContaining(says) })
        expect(first?.tryThis).toContain(fix)
        expect(first?.says).toContain(policy === PROVEN ? 'every failover from it would be refused' : 'no failover')
        expect(more).toEqual([])
      }
    })

    it('is told in the words of the flavour', () => {
      const version = { flavour: 'mysql', numbers: [9, 7, 0], text: '9.7.0' } as const
      const found = findingsOf(calm(), having({ timeoutMs: 10_000 }, { version }))
      expect(found.map((f) => f.tryThis ?? '').join()).toContain('rpl_semi_sync_source_timeout')
    })

    it('is no matter where nothing waits and the policy does not rely on it, or leaves semi-sync off', () => {
      expect(notFine(findingsOf(calm(), having({ enabled: false, timeoutMs: 10_000 })))).toEqual([])
      expect(notFine(findingsOf(calm({ semiSync: { kind: 'off' } }), having({ timeoutMs: 10_000 })))).toEqual([])
    })

    it('also on a replica of one that waits: it may lead next', () => {
      const replica = having({ enabled: false, timeoutMs: 10_000 }, { access: 'closed_to_all' })
      const [primary] = having({})
      const found = notFine(findingsOf(calm(), [...(primary ? [primary] : []), ...replica]))
      expect(found).toContainEqual(expect.stringContaining('after 10s without'))
      expect(found.join()).not.toContain('it takes writes')
    })

    it('or is off where writes are taken and loss must be proven', () => {
      expect(notFine(findingsOf(calm(PROVEN), having({ enabled: false })))).toEqual([
        expect.stringContaining('does not wait for acknowledgements'),
      ])
    })
  })

  it('says beforehand what the policy would refuse', () => {
    const findings = findingsOf(cluster(), [])
    expect(worstOf(findings)).toBe('warning')
    expect(notFine(findings)[0]).toContain(
      'warning shop: a silent primary would be refused (fence): routes is demanded: no route is registered',
    )
  })
})
