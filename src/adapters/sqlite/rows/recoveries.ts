import { type ClusterId, type RecoveryId, recoveryId, type WallTime } from '../../../model/ids.ts'
import type { Plan, RefusalReason } from '../../../model/plan.ts'
import { type BeginResult, OPEN_STATES, type RecoveryRecord, type RecoveryState } from '../../../ports/journal.ts'
import type { Database } from '../database.ts'
import { encode } from '../encoding.ts'
import { number, text } from '../row.ts'
import { demandLease, holdsLease } from './lease.ts'
import { mintReign } from './reigns.ts'

const OPEN = OPEN_STATES.map((state) => `'${state}'`).join(', ')

export interface BeginInput {
  readonly record: Pick<RecoveryRecord, 'id' | 'cluster' | 'kind' | 'subject' | 'automatic' | 'startedAt' | 'because'>
  readonly plan: Plan
  readonly token: number
}

export interface IntendInput {
  readonly id: RecoveryId
  readonly plan: Plan
  readonly token: number
  readonly at: WallTime
}

export interface StateInput {
  readonly id: RecoveryId
  readonly state: RecoveryState
  readonly at: WallTime
  readonly token: number
}

/** The guarded part of the journal: intents and states. Each is one transaction, which compares the lease's token first. */
export function recoveryRows(db: Database) {
  return {
    begin: (input: BeginInput): BeginResult => db.write(() => begin(db, input)),
    intend: (input: IntendInput): 'intended' | 'epoch_used' | 'lease_lost' => db.write(() => intend(db, input)),
    setState: (input: StateInput): void => db.write(() => setState(db, input)),

    setRefusals: (input: { readonly id: RecoveryId; readonly reasons: readonly RefusalReason[] }): void =>
      db.write(() =>
        demandOne(db.run('UPDATE recoveries SET refusals = ? WHERE id = ?', encode(input.reasons), input.id), input.id),
      ),

    setLost: (input: { readonly id: RecoveryId; readonly lost: string }): void =>
      db.write(() => demandOne(db.run('UPDATE recoveries SET lost = ? WHERE id = ?', input.lost, input.id), input.id)),
  }
}

function begin(db: Database, { record, plan, token }: BeginInput): BeginResult {
  if (!holdsLease(db, token)) return { kind: 'lease_lost' }
  if (plan.mints !== undefined)
    throw new Error(`recovery ${record.id}: a plan that mints an epoch is intended, not begun`)
  const open = openRecovery(db, record.cluster)
  // Asked again after an answer that was lost: the same recovery has begun already.
  if (open !== undefined) return open === record.id ? { kind: 'begun' } : { kind: 'another_is_open', id: open }
  db.run(
    `INSERT INTO recoveries (id, cluster, kind, subject, state, automatic, started_at, because, refusals)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[record.id, record.cluster, record.kind, record.subject, stateOf(plan), record.automatic ? 1 : 0],
    ...[Math.round(record.startedAt), record.because, encode([])],
  )
  addPlan(db, record.id, plan)
  return { kind: 'begun' }
}

function intend(db: Database, { id, plan, token, at }: IntendInput): 'intended' | 'epoch_used' | 'lease_lost' {
  if (!holdsLease(db, token)) return 'lease_lost'
  const open = openRecovery(db, plan.cluster)
  if (open !== id) throw new Error(`recovery ${id} of ${plan.cluster} is not open: nothing can be intended in it`)
  if (plan.mints !== undefined && !isMinted(db, id, plan) && !mint(db, { id, plan, at })) return 'epoch_used'
  db.run('UPDATE recoveries SET state = ? WHERE id = ?', stateOf(plan), id)
  addPlan(db, id, plan)
  return 'intended'
}

/** The same recovery goes forward to the same winner in the epoch it has minted: that uses no epoch a second time. */
function isMinted(db: Database, id: RecoveryId, plan: Plan): boolean {
  if (plan.mints === undefined) return false
  const row = db.get(
    `SELECT 1 FROM reigns WHERE cluster = ? AND epoch = ? AND primary_server = ? AND recovery = ? AND state = 'opening'
     AND epoch = (SELECT highest FROM epochs WHERE cluster = reigns.cluster)`,
    ...[plan.cluster, plan.mints.epoch, plan.mints.winner, id],
  )
  return row !== undefined
}

function mint(db: Database, { id, plan, at }: Pick<IntendInput, 'id' | 'plan' | 'at'>): boolean {
  if (plan.mints === undefined) return true
  const { epoch, winner, semiSync } = plan.mints
  return mintReign(db, {
    ...{ cluster: plan.cluster, epoch, primary: winner, state: 'opening', semiSync },
    ...{ openedAt: '', recovery: id, at },
  })
}

/** An ended recovery stays ended: it never comes back to life against the servers of another day. */
function setState(db: Database, { id, state, at, token }: StateInput): void {
  demandLease(db, token)
  if (OPEN_STATES.includes(state)) {
    demandOne(db.run(`UPDATE recoveries SET state = ? WHERE id = ? AND state IN (${OPEN})`, state, id), id)
  } else {
    demandOne(
      db.run(
        'UPDATE recoveries SET state = ?, ended_at = coalesce(ended_at, ?) WHERE id = ?',
        state,
        Math.round(at),
        id,
      ),
      id,
    )
  }
}

export function openRecovery(db: Database, cluster: ClusterId): RecoveryId | undefined {
  const row = db.get(`SELECT id FROM recoveries WHERE cluster = ? AND state IN (${OPEN})`, cluster)
  return row === undefined ? undefined : recoveryId(text(row, 'id'))
}

const stateOf = (plan: Plan): RecoveryState => (plan.act === 1 ? 'act1' : 'act2')

function addPlan(db: Database, id: RecoveryId, plan: Plan): void {
  const count = number(db.get('SELECT count(*) AS n FROM plans WHERE recovery = ?', id) ?? {}, 'n')
  db.run(
    'INSERT INTO plans (recovery, number, version, body) VALUES (?, ?, ?, ?)',
    id,
    count + 1,
    plan.version,
    encode(plan),
  )
}

function demandOne(changed: number, id: RecoveryId): void {
  if (changed !== 1) throw new Error(`the journal has no recovery ${id} that could be changed so`)
}
