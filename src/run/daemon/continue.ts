import type { Outcome } from '../../model/outcome.ts'
import { OPEN_STATES, type RecoveryRecord } from '../../ports/journal.ts'
import type { HeldLease } from '../../ports/lease.ts'
import { Ledger } from '../execute/ledger.ts'
import { goForward } from './forward.ts'
import { type Office, situationFor, worldFor } from './office.ts'
import { takeBack } from './recovery.ts'
import { run } from './single.ts'

/**
 * A recovery that another process began and did not end. Before its epoch was minted nothing is decided: act 1 is taken back, and a
 * primary that is still dead is found so again. After it: forward to the minted winner, and to no other. True when one was continued.
 */
export async function continueOpen(office: Office, lease: HeldLease): Promise<boolean> {
  const record = await office.journal.open(office.cluster)
  if (!record || !OPEN_STATES.includes(record.state)) return false
  await office.observer.discover()
  const act2 = record.plans.findLast((p) => p.act === 2 && p.mints !== undefined)
  const latest = record.plans.findLast((p) => p.act === 2) ?? act2
  if (record.kind !== 'failover' && record.kind !== 'switchover') {
    const plan = record.plans.at(-1)
    if (plan) await run(office, plan, lease)
    return plan !== undefined
  }
  if (!act2?.mints || !latest) {
    await abandonAct1(office, record, lease)
    return true
  }
  const situation = await situationFor(
    office,
    { subject: record.subject, subjectState: 'refused', stopped: false, automatic: record.automatic },
    record.id,
  )
  const plan = { ...latest, mints: act2.mints }
  await goForward(office, {
    plan,
    situation,
    ledger: ledgerOf(record, 1),
    lease,
    sealed: new Map(),
    skip: skippable(record, act2.mints.winner),
  })
  return true
}

/** Steps whose outcome is not known count as having taken effect: the undo looks before it changes. */
async function abandonAct1(office: Office, record: RecoveryRecord, lease: HeldLease): Promise<void> {
  const reign = await office.store.reign(office.cluster)
  const world = worldFor(office, {
    recovery: record.id,
    lease,
    epoch: reign?.epoch ?? (0 as never),
    ledger: ledgerOf(record, 1),
  })
  const reason = {
    code: 'interrupted',
    says: 'Regent ended before a winner was chosen: act 1 is taken back, and the cluster is judged anew',
    tryThis: `regent history ${record.id}`,
  }
  await takeBack(office, world, [reason])
}

/** Of every step of the plan: that one has begun is written behind, so a change may have taken effect of which no record tells. */
function ledgerOf(record: RecoveryRecord, act: 1 | 2): Ledger {
  const ledger = new Ledger()
  const outcomes = new Map(record.steps.map((s) => [s.key, s.record?.outcome]))
  for (const step of record.plans.filter((p) => p.act === act).flatMap((p) => p.steps)) {
    const outcome = outcomes.get(`${act}/${step.id}`) ?? UNKNOWN
    ledger.enter(step, act, Promise.resolve(outcome))
  }
  return ledger
}

const UNKNOWN: Outcome = { kind: 'unknown', says: 'Regent ended before its outcome was known' }

/**
 * Before the opening every step is run again: each looks first, and a winner that restarted in between has lost what was set. After
 * it only what is not known as done: the old channel may be gone, and with it what the first steps would look at.
 */
function skippable(record: RecoveryRecord, winner: string): ReadonlySet<string> {
  const done = doneIn(record, 2)
  return done.has(`open:${winner}`) ? done : new Set()
}

function doneIn(record: RecoveryRecord, act: 1 | 2): ReadonlySet<string> {
  const prefix = `${act}/`
  return new Set(
    record.steps
      .filter((s) => s.key.startsWith(prefix) && s.record?.outcome.kind === 'done')
      .map((s) => s.key.slice(prefix.length)),
  )
}
