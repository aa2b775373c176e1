import {
  type ClusterId,
  clusterId,
  type RecoveryId,
  recoveryId,
  serverId,
  type WallTime,
  wallTime,
} from '../../../model/ids.ts'
import type { StepRecord } from '../../../model/outcome.ts'
import type { Plan, RecoveryKind, RefusalReason } from '../../../model/plan.ts'
import { ProblemError, problem } from '../../../model/problem.ts'
import type { RecoveryRecord, RecoveryState } from '../../../ports/journal.ts'
import type { Database } from '../database.ts'
import { decode } from '../encoding.ts'
import { isNull, number, oneOf, type Row, text } from '../row.ts'
import { PLAN_VERSION } from '../schema.ts'
import { openRecovery } from './recoveries.ts'

const STATES: { readonly [K in RecoveryState]: K } = {
  act1: 'act1',
  act2: 'act2',
  undoing: 'undoing',
  done: 'done',
  failed: 'failed',
  undone: 'undone',
  refused: 'refused',
}

const KINDS: { readonly [K in RecoveryKind]: K } = {
  failover: 'failover',
  switchover: 'switchover',
  adopt: 'adopt',
  rejoin: 'rejoin',
  reopen: 'reopen',
  fence: 'fence',
  unfence: 'unfence',
  raise_ackers: 'raise_ackers',
}

interface Completed {
  readonly cluster: ClusterId
  readonly kind: RecoveryKind
  readonly automatic: boolean
}

/** Recoveries read back whole, and when the last of a kind was done. */
export function historyRows(db: Database) {
  const read = (id: RecoveryId): RecoveryRecord | undefined => {
    const row = db.get('SELECT * FROM recoveries WHERE id = ?', id)
    return row === undefined ? undefined : recoveryOf(db, row)
  }
  return {
    read,

    open: (cluster: ClusterId): RecoveryRecord | undefined => {
      const id = openRecovery(db, cluster)
      return id === undefined ? undefined : read(id)
    },

    list: (input: { readonly cluster: ClusterId; readonly limit: number }): readonly RecoveryRecord[] =>
      db
        .all('SELECT * FROM recoveries WHERE cluster = ? ORDER BY seq DESC LIMIT ?', input.cluster, input.limit)
        .map((row) => recoveryOf(db, row)),

    lastCompleted: (input: Completed): WallTime | undefined => {
      const row = db.get(
        `SELECT max(ended_at) AS ended_at FROM recoveries WHERE cluster = ? AND kind = ? AND automatic = ? AND state = 'done'`,
        ...[input.cluster, input.kind, input.automatic ? 1 : 0],
      )
      return row === undefined || isNull(row, 'ended_at') ? undefined : wallTime(number(row, 'ended_at'))
    },
  }
}

function recoveryOf(db: Database, row: Row): RecoveryRecord {
  const id = recoveryId(text(row, 'id'))
  return {
    id,
    cluster: clusterId(text(row, 'cluster')),
    kind: oneOf(row, 'kind', Object.values(KINDS)),
    subject: serverId(text(row, 'subject')),
    state: oneOf(row, 'state', Object.values(STATES)),
    automatic: number(row, 'automatic') === 1,
    startedAt: wallTime(number(row, 'started_at')),
    because: text(row, 'because'),
    plans: plansOf(db, id),
    steps: stepsOf(db, id),
    events: eventsOf(db, id),
    refusals: decode<readonly RefusalReason[]>(text(row, 'refusals')),
    ...(isNull(row, 'ended_at') ? {} : { endedAt: wallTime(number(row, 'ended_at')) }),
    ...(isNull(row, 'lost') ? {} : { lost: text(row, 'lost') }),
  }
}

/** A plan of a newer Regent is not guessed at: continuing it wrongly would change servers. */
function plansOf(db: Database, id: RecoveryId): readonly Plan[] {
  return db.all('SELECT version, body FROM plans WHERE recovery = ? ORDER BY number', id).map((row) => {
    const found = number(row, 'version')
    if (found <= PLAN_VERSION) return decode<Plan>(text(row, 'body'))
    throw new ProblemError(
      problem('store_newer', { path: db.path, found: `of its plans ${found}`, known: PLAN_VERSION }),
    )
  })
}

function stepsOf(db: Database, id: RecoveryId): RecoveryRecord['steps'] {
  return db.all('SELECT key, record FROM steps WHERE recovery = ? ORDER BY seq', id).map((row) => {
    const key = text(row, 'key')
    return isNull(row, 'record') ? { key } : { key, record: decode<StepRecord>(text(row, 'record')) }
  })
}

function eventsOf(db: Database, id: RecoveryId): RecoveryRecord['events'] {
  return db
    .all('SELECT at, says FROM events WHERE recovery = ? ORDER BY seq', id)
    .map((row) => ({ at: wallTime(number(row, 'at')), says: text(row, 'says') }))
}
