import type { SemiSync, SemiSyncSource } from '../model/server.ts'
import { flag, integer, oneOf } from './cells.ts'
import type { Row } from './session.ts'

/** Where a server counts acknowledgements, and where it always waits for exactly one. */
export type WaitCount = 'counted' | 'always_one'

/** `variables` and `status` hold lower-case names; the servers' old words (master, slave) and new ones are both read. */
export function semiSyncOf(variables: Row, status: Row, waitCount: WaitCount): SemiSync {
  const settings = inNewWords(variables)
  const state = inNewWords(status)
  const hasSource = 'rpl_semi_sync_source_enabled' in settings
  const hasReplica = 'rpl_semi_sync_replica_enabled' in settings
  if (!hasSource && !hasReplica) return { kind: 'absent' }
  return {
    kind: 'present',
    source: hasSource ? sourceOf(settings, state, waitCount) : SOURCE_NOT_LOADED,
    replicaEnabled: hasReplica && flag(settings, 'rpl_semi_sync_replica_enabled'),
    replicaOperational: hasReplica && flag(state, 'rpl_semi_sync_replica_status'),
  }
}

function sourceOf(settings: Row, state: Row, waitCount: WaitCount): SemiSyncSource {
  return {
    enabled: flag(settings, 'rpl_semi_sync_source_enabled'),
    operational: flag(state, 'rpl_semi_sync_source_status'),
    clients: integer(state, 'rpl_semi_sync_source_clients'),
    waitCount: waitCount === 'always_one' ? 1 : integer(settings, 'rpl_semi_sync_source_wait_for_replica_count'),
    waitPoint: oneOf(settings, 'rpl_semi_sync_source_wait_point', {
      AFTER_SYNC: 'after_sync',
      AFTER_COMMIT: 'after_commit',
    }),
    timeoutMs: integer(settings, 'rpl_semi_sync_source_timeout'),
    waitsWithoutReplicas: flag(settings, 'rpl_semi_sync_source_wait_no_replica'),
  }
}

/** Only MySQL's replica plugin is loaded: this server cannot wait. The settings are those that loading the other would give. */
const SOURCE_NOT_LOADED: SemiSyncSource = {
  enabled: false,
  operational: false,
  clients: 0,
  waitCount: 1,
  waitPoint: 'after_sync',
  timeoutMs: 10_000,
  waitsWithoutReplicas: true,
}

function inNewWords(row: Row): Row {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name.replace(/master/g, 'source').replace(/slave/g, 'replica'), value]),
  )
}
