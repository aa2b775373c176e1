import fc from 'fast-check'
import type { Situation } from '../src/decide/recover/situation.ts'
import { positionOf, setOf, stateOf, type Transaction } from '../src/lab/simulate/transaction.ts'
import { EMPTY_POSITION } from '../src/model/gtid/mariadb-position.ts'
import type { History } from '../src/model/history.ts'
import { clusterId, epoch, instant, recoveryId, type ServerId, serverId, wallTime } from '../src/model/ids.ts'
import type { Look } from '../src/model/look.ts'
import { DEFAULT_POLICY, type Policy, type Preference } from '../src/model/policy.ts'
import type { Channel, SemiSync, ServerStatus } from '../src/model/server.ts'
import type { Edge, Member, Topology } from '../src/model/topology.ts'
import type { Flavour } from '../src/model/version.ts'

/** One replica as a planner may find it. Numbers count the primary's transactions. */
export interface Replica {
  readonly received: number
  readonly applied: number
  readonly receiver: Channel['receiver']
  readonly applier: Channel['applier']
  readonly answers: boolean
  readonly acknowledges: boolean
  /** In the primary's list of replicas at its last good reading. */
  readonly attached: boolean
  readonly preference: Preference
  readonly halfReceived: boolean
  readonly broken: boolean
}

export interface Setting {
  readonly flavour: Flavour
  readonly primaryWrote: number
  readonly replicas: readonly Replica[]
  /** 0: no semi-sync. */
  readonly waitCount: number
  readonly routes: readonly string[]
  readonly subjectState: Situation['subjectState']
  readonly stopped: boolean
  readonly policy: Partial<Policy>
}

export const A_REPLICA: Replica = {
  received: 10,
  applied: 10,
  receiver: 'running',
  applier: 'running',
  answers: true,
  acknowledges: true,
  attached: true,
  preference: 'neutral',
  halfReceived: false,
  broken: false,
}

export const A_SETTING: Setting = {
  flavour: 'mysql',
  primaryWrote: 10,
  replicas: [A_REPLICA, A_REPLICA],
  waitCount: 1,
  routes: ['proxy'],
  subjectState: 'refused',
  stopped: true,
  policy: {},
}

const NOW = instant(10_000)
const written = (count: number): readonly Transaction[] =>
  Array.from({ length: count }, (_, i) => ({ uid: i + 1, origin: 1, sequence: i + 1 }))

function historyOf(flavour: Flavour, numericId: number, applied: number, received: number): History {
  const log = written(applied)
  if (flavour === 'mysql')
    return { kind: 'mysql', executed: setOf(log), received: setOf(written(received)), purged: { parts: [] } }
  return {
    kind: 'mariadb',
    serverId: numericId,
    binlogState: stateOf(log),
    slavePos: numericId === 1 ? EMPTY_POSITION : positionOf(log.at(-1)),
    ioPos: numericId === 1 ? [] : [positionOf(written(received).at(-1))],
    logsReplicaUpdates: true,
    strict: true,
  }
}

const semiSync = (source: number, replicaEnabled: boolean): SemiSync => ({
  kind: 'present',
  source: {
    enabled: source > 0,
    operational: source > 0,
    clients: source,
    waitCount: Math.max(1, source),
    waitPoint: 'after_sync',
    timeoutMs: 86_400_000,
    waitsWithoutReplicas: true,
  },
  replicaEnabled,
  replicaOperational: replicaEnabled,
})

function statusOf(setting: Setting, numericId: number, replica?: Replica): ServerStatus {
  const mysql = setting.flavour === 'mysql'
  const channel: Channel | undefined = replica && {
    name: '',
    source: { host: 's1', port: 3306 },
    sourceNumericId: 1,
    receiver: replica.receiver,
    applier: replica.applier,
    ...(replica.broken ? { applierError: { code: 1062, message: 'duplicate' } } : {}),
    receivedText: String(replica.received),
    heartbeats: 1,
    heartbeatPeriodMs: 500,
    connectRetryMs: 1000,
    delayMs: 0,
    halfReceived: replica.halfReceived,
    positioning: 'gtid',
    filtered: false,
  }
  return {
    id: serverId(`s${numericId}`),
    version: mysql
      ? { flavour: 'mysql', numbers: [9, 7, 4], text: '9.7.4' }
      : { flavour: 'mariadb', numbers: [10, 11, 19], text: '10.11.19-MariaDB' },
    numericId,
    aliases: [],
    uptimeS: 100,
    access: replica ? 'closed_to_all' : 'writable',
    history: replica
      ? historyOf(setting.flavour, numericId, replica.applied, replica.received)
      : historyOf(setting.flavour, 1, setting.primaryWrote, setting.primaryWrote),
    channels: channel ? [channel] : [],
    semiSync: semiSync(replica ? 0 : setting.waitCount, replica?.acknowledges ?? false),
    attached: replica ? [] : setting.replicas.flatMap((r, i) => (r.attached ? [{ numericId: i + 2 }] : [])),
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
  }
}

function memberOf(status: ServerStatus, preference: Preference, latest: Look['kind'], at: number): Member {
  const answer = { status, sentAt: instant(at), at: instant(at), wall: wallTime(at) }
  const look: Look =
    latest === 'answered'
      ? { kind: 'answered', sentAt: instant(at), at: instant(at), status }
      : { kind: 'silent', sentAt: NOW, at: NOW, code: 'ETIMEDOUT' }
  return {
    id: status.id,
    sighting: { address: { host: status.id, port: 3306 }, id: status.id, latest: look, answer, progress: [] },
    declared: { site: '', preference, downtimed: false },
  }
}

export const sealedIds = (setting: Setting): readonly ServerId[] =>
  setting.replicas.flatMap((r, i) => (r.answers ? [serverId(`s${i + 2}`)] : []))

/** The snapshot a planner gets: s1 led and is to be replaced; replicas that do not answer fell silent before its last reading. */
export function situationOf(setting: Setting): Situation {
  const primary = statusOf(setting, 1)
  const statuses = setting.replicas.map((replica, i) => statusOf(setting, i + 2, replica))
  const members: readonly Member[] = [
    memberOf(primary, 'neutral', setting.subjectState === 'answers' ? 'answered' : 'silent', 9000),
    ...statuses.map((status, i) => {
      const replica = setting.replicas[i] ?? A_REPLICA
      return memberOf(
        status,
        replica.preference,
        replica.answers ? 'answered' : 'silent',
        replica.answers ? 9500 : 5000,
      )
    }),
  ]
  const edges = statuses.flatMap((s): readonly Edge[] =>
    s.channels.map((channel) => ({ replica: s.id, channel, source: primary.id })),
  )
  const cluster = clusterId('c1')
  const topology: Topology = {
    cluster,
    alias: 'shop',
    at: NOW,
    members,
    edges,
    strangers: [],
    reign: {
      cluster,
      epoch: epoch(1),
      primary: primary.id,
      state: 'open',
      semiSync:
        setting.waitCount > 0 ? { kind: 'on', waitCount: setting.waitCount, waitPoint: 'after_sync' } : { kind: 'off' },
      openedAt: '',
      at: wallTime(0),
    },
  }
  return {
    topology,
    policy: { ...DEFAULT_POLICY, routesAreComplete: true, ...setting.policy },
    routes: setting.routes,
    routeDeadlineMs: {},
    recovery: recoveryId('r1'),
    nextEpoch: epoch(2),
    subject: primary.id,
    subjectState: setting.subjectState,
    stopped: setting.stopped,
    lastReading: { status: primary, ageMs: 300, at: instant(9000), earlier: [] },
    automatic: true,
    formerPrimaries: [],
    unusableAckers: [],
    unsound: false,
    overReign: false,
    overHistory: false,
  }
}

/** As read after each receiver was seen stopped. */
export function sealedOf(setting: Setting): ReadonlyMap<ServerId, ServerStatus> {
  return new Map(
    setting.replicas.flatMap((replica, i) => {
      const running = replica.broken ? replica.applier : 'running'
      const status = statusOf(setting, i + 2, { ...replica, receiver: 'stopped', applier: running })
      return replica.answers ? [[status.id, status] as const] : []
    }),
  )
}

const replicas: fc.Arbitrary<Replica> = fc
  .record({
    received: fc.integer({ min: 5, max: 12 }),
    backlog: fc.integer({ min: 0, max: 4 }),
    receiver: fc.constantFrom('running' as const, 'connecting' as const, 'stopped' as const),
    applier: fc.constantFrom('running' as const, 'running' as const, 'stopped' as const),
    answers: fc.integer({ min: 0, max: 4 }).map((n) => n > 0),
    acknowledges: fc.boolean(),
    attached: fc.boolean(),
    preference: fc.constantFrom('neutral' as const, 'prefer' as const, 'avoid' as const, 'never' as const),
    halfReceived: fc.boolean(),
    broken: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  })
  .map(({ backlog, ...r }) => ({ ...r, applied: r.received - backlog, applier: r.broken ? 'stopped' : r.applier }))

export const settings: fc.Arbitrary<Setting> = fc.record({
  flavour: fc.constantFrom('mysql' as const, 'mariadb' as const),
  primaryWrote: fc.integer({ min: 8, max: 12 }),
  replicas: fc.array(replicas, { minLength: 1, maxLength: 4 }),
  waitCount: fc.integer({ min: 0, max: 2 }),
  routes: fc.constantFrom([], ['proxy'], ['proxy', 'dns']),
  subjectState: fc.constantFrom('refused' as const, 'silent' as const, 'answers' as const),
  stopped: fc.boolean(),
  policy: fc.constantFrom<Partial<Policy>>(
    {},
    { loss: { kind: 'at_most', seconds: Number.POSITIVE_INFINITY } },
    { loss: { kind: 'at_most', seconds: Number.POSITIVE_INFINITY }, fence: { kind: 'at_least', level: 'none' } },
    { ackers: 'refuse' },
    { startsReadOnly: true },
  ),
})
