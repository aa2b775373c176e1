import {
  type ClusterId,
  clusterId,
  type Epoch,
  epoch,
  type RecoveryId,
  recoveryId,
  serverId,
  wallTime,
} from '../../src/model/ids.ts'
import type { StepRecord } from '../../src/model/outcome.ts'
import type { Plan } from '../../src/model/plan.ts'
import type { Reign } from '../../src/model/reign.ts'
import type { ServerStatus } from '../../src/model/server.ts'

/** Nouns for the contracts of ports: any valid ones will do. */
export const SHOP = clusterId('c-5a0b')
export const OTHER = clusterId('c-77fe')
export const S1 = serverId('11111111-1111-1111-1111-111111111111')
export const S2 = serverId('22222222-2222-2222-2222-222222222222')
export const S3 = serverId('33333333-3333-3333-3333-333333333333')
export const NOON = wallTime(1_795_262_400_000)

export function aReign(number: number, changes: Partial<Reign> = {}): Reign {
  return {
    ...{ cluster: SHOP, epoch: epoch(number), primary: S1, state: 'open', semiSync: { kind: 'off' } },
    ...{ openedAt: '11111111-1111-1111-1111-111111111111:1-9', at: NOON, ...changes },
  }
}

export interface PlanChanges {
  readonly act?: 1 | 2
  readonly cluster?: ClusterId
  readonly mints?: { readonly epoch: Epoch; readonly winner: typeof S2 }
  readonly because?: string
}

export function aPlan(recovery: RecoveryId, changes: PlanChanges = {}): Plan {
  const plan: Plan = {
    ...{ version: 1, recovery, cluster: changes.cluster ?? SHOP, kind: 'failover', act: changes.act ?? 1, subject: S1 },
    steps: [
      {
        ...{ kind: 'seal', server: S2, channel: '', killAfterMs: 300 },
        ...{ id: 'seal:s2', after: [], deadlineMs: 1000, ifItFails: 'count_missing' },
        undo: { kind: 'unseal', server: S2, channel: '' },
      },
    ],
    ranking: [{ server: S2, eligible: true, reasons: ['has received the most'] }],
    risks: [{ code: 'ackers_lowered', says: 'one acker is left' }],
    fence: { demand: { atLeast: 'routes', alsoRoutes: false }, because: 'the primary is silent' },
    because: changes.because ?? 'the primary is dead',
  }
  return changes.mints === undefined
    ? plan
    : { ...plan, mints: { ...changes.mints, semiSync: { kind: 'on', waitCount: 1, waitPoint: 'after_sync' } } }
}

export const R1 = recoveryId('r-20261121-120000-0001')
export const R2 = recoveryId('r-20261121-120100-0001')

export function aRecovery(id: RecoveryId, cluster: ClusterId = SHOP) {
  const kind = 'failover' as const
  return { id, cluster, kind, subject: S1, automatic: true, startedAt: NOON, because: 'dead' }
}

export function aStatus(): ServerStatus {
  return {
    ...{ id: S1, version: { flavour: 'mysql', numbers: [9, 7, 4], text: '9.7.4' }, numericId: 101 },
    ...{ aliases: [{ host: 'db1', port: 3306 }], uptimeS: 12, access: 'writable', adminPort: 33_062 },
    history: {
      kind: 'mysql',
      executed: { parts: [{ uuid: S1, tag: '', bounds: [1, 10, 12, 9_223_372_036_854_775_806n] }] },
      received: { parts: [{ uuid: S1, tag: '', bounds: [1, 10, 12, 9_223_372_036_854_775_806n] }] },
      purged: { parts: [] },
    },
    channels: [],
    semiSync: { kind: 'absent' },
    attached: [{ numericId: 102 }],
    binlog: {
      ...{ enabled: true, format: 'row', rowImage: 'FULL', logsReplicaUpdates: true },
      ...{ sync: 1, flushAtCommit: 1, gtid: 'on', strict: true },
    },
    connections: { used: 3, max: 151 },
  }
}

export function aStepRecord(says: string): StepRecord {
  const outcome = { kind: 'done', says, reading: aStatus(), facts: { clients: 1 } } as const
  return { step: 'seal:s2', startedAt: NOON, tookMs: 12.5, outcome }
}
