import { planAdopt } from '../../decide/recover/adopt.ts'
import { isAsShown } from '../../decide/recover/differs.ts'
import { planRaiseAckers } from '../../decide/recover/raise.ts'
import { isOnlyClosing, planFence, planRejoin, planReopen } from '../../decide/recover/returning.ts'
import type { Situation } from '../../decide/recover/situation.ts'
import { planUnfence } from '../../decide/recover/unfence.ts'
import { epoch, type ServerId } from '../../model/ids.ts'
import type { Plan, Planned, RecoveryKind } from '../../model/plan.ts'
import { takesWrites } from '../../model/server.ts'
import type { HeldLease } from '../../ports/lease.ts'
import { Ledger } from '../execute/ledger.ts'
import { runAct } from '../execute/run.ts'
import { stoppedText } from '../execute/stopped.ts'
import { leftOf } from './left.ts'
import type { Office } from './office.ts'
import { PLAN_CHANGED } from './recovery.ts'
import type { RecoveryEnd } from './recovery-end.ts'
import { type Asked, situationFor } from './situation.ts'
import { rivalOf, worldFor } from './world.ts'

export type SingleKind = Exclude<RecoveryKind, 'failover' | 'switchover'>

export interface SingleOrder extends Asked {
  readonly kind: SingleKind
  readonly because: string
  readonly shown?: Plan
}

const PLANNERS: { readonly [K in SingleKind]: (situation: Situation) => Planned } = {
  adopt: (s) => planAdopt(s),
  rejoin: planRejoin,
  reopen: planReopen,
  fence: planFence,
  unfence: planUnfence,
  raise_ackers: planRaiseAckers,
}

export const planSingle = (kind: SingleKind, situation: Situation): Planned => PLANNERS[kind](situation)

/** A recovery of one act: adopt, rejoin, reopen, fence, unfence. Shown, journalled and run by the same object. */
export async function act(office: Office, order: SingleOrder, lease: HeldLease): Promise<RecoveryEnd> {
  const id = order.shown?.recovery ?? office.ids.recovery()
  const situation = await situationFor(office, order, id)
  const planned = planSingle(order.kind, situation)
  if (planned.kind === 'refusal') return refused(office, order, id, planned.reasons)
  const { plan } = planned
  if (order.shown && !isAsShown(order.shown, plan)) return refused(office, order, id, [PLAN_CHANGED])
  const at = office.clock.wall()
  const head = {
    id,
    cluster: office.cluster,
    kind: order.kind,
    subject: order.subject,
    automatic: order.automatic,
    startedAt: at,
    because: order.because,
  }
  const began = await office.journal.begin(head, firstIntent(plan), lease.token)
  if (began.kind !== 'begun')
    return refused(office, order, id, [
      {
        code: began.kind,
        says: began.kind === 'lease_lost' ? 'the lease is not ours any more' : `recovery ${began.id} is not finished`,
        tryThis: 'regent history',
      },
    ])
  if (plan.mints && (await office.journal.intend(id, plan, lease.token)) !== 'intended')
    return refused(office, order, id, [
      { code: 'epoch_used', says: 'this epoch is already used', tryThis: 'regent history' },
    ])
  office.tell({ kind: 'recovery_began', cluster: office.cluster, at, id, what: order.kind, because: order.because })
  office.tell({ kind: 'plan', cluster: office.cluster, at, id, plan })
  const end = await run(office, plan, lease)
  return isOnlyClosing(plan) && end.kind === 'done' ? comparedAfter(office, order, lease) : end
}

/** Its history stands still now. Read before the primary's: what the later reading lacks, the present reign lacks. */
async function comparedAfter(office: Office, order: SingleOrder, lease: HeldLease): Promise<RecoveryEnd> {
  const { observer, store, cluster, config } = office
  const { shown: _, ...again } = order
  const primary = (await store.reign(cluster))?.primary
  await observer.lookAt([order.subject], 'live', config.policy.lookDeadlineMs)
  if (primary !== undefined) await observer.lookAt([primary], 'live', config.policy.lookDeadlineMs)
  const look = observer.sightingOf(order.subject)?.latest
  if (look?.kind !== 'answered' || takesWrites(look.status.access))
    return refused(office, order, office.ids.recovery(), [
      {
        code: 'not_closed',
        says: `${order.subject} was closed, and does not read as closed now`,
        tryThis: `see who opens it, then: regent rejoin ${order.subject}`,
      },
    ])
  return act(office, again, lease)
}

/** An epoch is minted by the intent of act 2 only: a plan that mints one begins with an empty first act. */
function firstIntent(plan: Plan): Plan {
  if (!plan.mints) return plan
  const { mints: _, ...rest } = plan
  return { ...rest, act: 1, steps: [] }
}

/** Also for continuing after a crash: every step looks before it changes. */
export async function run(office: Office, plan: Plan, lease: HeldLease): Promise<RecoveryEnd> {
  const reign = await office.store.reign(office.cluster)
  const world = worldFor(office, {
    recovery: plan.recovery,
    lease,
    epoch: plan.mints?.epoch ?? reign?.epoch ?? epoch(0),
    ledger: new Ledger(),
  })
  const beforeOpening = (server: ServerId): Promise<string | undefined> => rivalOf(office, server)
  // What a person opens by name was judged with the plan, and may have been accepted with it.
  const byItself = plan.kind === 'reopen' || plan.kind === 'adopt'
  const end = await runAct(plan, byItself ? { ...world, beforeOpening } : world).end
  const { journal, clock, cluster, tell } = office
  await journal.flush()
  // A minted reign that could not be opened yet stays somebody's duty: the next cycle goes on with it.
  const state = end.kind === 'completed' ? 'done' : plan.mints ? 'act2' : 'failed'
  const says = end.kind === 'completed' ? `${plan.kind} of ${plan.subject} done` : stoppedText(end)
  journal.event(plan.recovery, clock.wall(), says)
  if (state !== 'act2') await journal.setState(plan.recovery, state, clock.wall(), lease.token)
  tell({ kind: 'recovery_ended', cluster, at: clock.wall(), id: plan.recovery, state, says })
  return end.kind === 'completed'
    ? { kind: 'done', id: plan.recovery, says, left: leftOf(world.ledger, plan.act) }
    : { kind: 'failed', id: plan.recovery, says }
}

function refused(
  office: Office,
  order: SingleOrder,
  id: Plan['recovery'],
  reasons: Extract<Planned, { kind: 'refusal' }>['reasons'],
): RecoveryEnd {
  if (!order.automatic)
    office.tell({ kind: 'refused', cluster: office.cluster, at: office.clock.wall(), what: order.kind, reasons })
  return { kind: 'refused', id, reasons, undone: false }
}
