import { closedStill } from '../../decide/fence/privileged.ts'
import { isAsShown } from '../../decide/recover/differs.ts'
import { planFailoverAct1 } from '../../decide/recover/failover-act1.ts'
import { planFailoverAct2, type SealedReadings } from '../../decide/recover/failover-act2.ts'
import type { Situation } from '../../decide/recover/situation.ts'
import { planSwitchoverAct1 } from '../../decide/recover/switchover-act1.ts'
import { planSwitchoverAct2 } from '../../decide/recover/switchover-act2.ts'
import type { Instant, RecoveryId, ServerId } from '../../model/ids.ts'
import type { Plan, RefusalReason } from '../../model/plan.ts'
import { type ServerStatus, takesWrites } from '../../model/server.ts'
import type { HeldLease } from '../../ports/lease.ts'
import type { Ledger } from '../execute/ledger.ts'
import { runAct } from '../execute/run.ts'
import type { StoppedBy } from '../execute/stopped.ts'
import { stoppedText } from '../execute/stopped.ts'
import { undoAct1 } from '../execute/undo.ts'
import type { World } from '../execute/world.ts'
import { consent, type Second, type Shown } from './consent.ts'
import { endOpened, fencingSettled, goForward } from './forward.ts'
import type { Office } from './office.ts'
import type { RecoveryEnd } from './recovery-end.ts'
import { type Asked, seenAgain, situationFor } from './situation.ts'
import { worldFor } from './world.ts'

export interface Order extends Asked {
  readonly kind: 'failover' | 'switchover'
  readonly because: string
  /** What a person saw and said yes to; planned here where nothing was shown. Automatic recovery has nobody to ask. */
  readonly shown?: Shown
  /** The yes was given beforehand: it covers another winner, never more loss or a weaker fence than was shown. */
  readonly yes?: boolean
}

/** A failover or switchover from its first veto to its end. Never throws for what can happen to servers; every end is journalled. */
export async function recover(office: Office, order: Order, lease: HeldLease): Promise<RecoveryEnd> {
  const id = order.shown?.plan.recovery ?? office.ids.recovery()
  const situation = await situationFor(office, order, id)
  const planned = order.kind === 'failover' ? planFailoverAct1(situation) : planSwitchoverAct1(situation)
  if (planned.kind === 'refusal') return refusedBefore(office, order, id, planned.reasons)
  const changed = order.shown && !isAsShown(order.shown.plan, planned.plan)
  if (changed) return refusedBefore(office, order, id, [PLAN_CHANGED])
  const began = await begin(office, order, planned.plan, lease)
  if (began !== undefined) return refusedBefore(office, order, id, [began])
  const world = worldFor(office, {
    recovery: id,
    lease,
    epoch: situation.opening?.unannounced ?? situation.topology.reign?.epoch ?? situation.nextEpoch,
    ...(order.policy ? { policy: order.policy } : {}),
  })
  const sealedFrom = office.clock.now()
  const act1 = runAct(planned.plan, world)
  if (order.kind === 'failover') await act1.ended(idsOf(planned.plan, 'seal'))
  else {
    await act1.ended(planned.plan.steps.filter((s) => s.ifItFails === 'stop').map((s) => s.id))
    const stopped = act1.stopped()
    if (stopped) {
      await act1.end
      return takeBack(office, world, [stoppedAct1(id, stopped)])
    }
  }
  return second(office, { order, world, act1End: act1.end, plan: planned.plan, sealedFrom }, situation)
}

const stoppedAct1 = (id: RecoveryId, stopped: StoppedBy): RefusalReason => ({
  code: 'act1_stopped',
  says: stoppedText(stopped),
  tryThis: `regent history ${id}`,
})

/** What was shown is what is run: where the cluster moved on in between, the new plan is shown first. */
export const PLAN_CHANGED: RefusalReason = {
  code: 'plan_changed',
  says: 'the cluster has changed since the plan was shown',
  tryThis: 'look at the new plan, and give the command again',
}

interface FirstAct {
  readonly order: Order
  readonly world: World
  readonly act1End: Promise<unknown>
  readonly plan: Plan
  /** No seal is older. */
  readonly sealedFrom: Instant
}

/** Plan again from what act 1 found; say no while it can still be undone; then the durable intent, and forward. */
async function second(office: Office, first: FirstAct, before: Situation): Promise<RecoveryEnd> {
  const { order, world } = first
  const found = await planSecond(office, first, before)
  if (!('plan' in found)) return takeBackAfter(first, office, found)
  const unfenced = await fencingSettled(found.plan, world)
  if (unfenced) return takeBackAfter(first, office, [unfenced])
  if (order.automatic) noteOtherWinner(office, first.plan, found.plan)
  const { shown, yes = false } = order
  const again = (): Promise<Second | readonly RefusalReason[]> => planAfterAnswer(office, first, before)
  const agreed = shown ? await consent(office, found, { shown, yes, again }) : found
  if (!('plan' in agreed)) return takeBackAfter(first, office, agreed)
  const { plan, situation } = agreed
  const intended = await office.journal.intend(world.recovery, plan, world.lease.token)
  if (intended !== 'intended')
    return takeBackAfter(first, office, [
      {
        code: intended,
        says: intended === 'epoch_used' ? 'this epoch is already used' : 'the lease is not ours any more',
        tryThis: `regent history ${world.recovery}`,
      },
    ])
  office.tell({ kind: 'plan', cluster: office.cluster, at: office.clock.wall(), id: world.recovery, plan })
  const sealed = sealedReadings(world.ledger)
  return goForward(office, { plan, situation, ledger: world.ledger, lease: world.lease, sealed })
}

/** `only`: of the sealed ones, those that a winner may be chosen from. */
async function planSecond(
  office: Office,
  { order, world, plan: act1 }: FirstAct,
  before: Situation,
  only: (server: ServerId) => boolean = () => true,
): Promise<Second | readonly RefusalReason[]> {
  const situation = await seenAgain(office, before)
  const sealed = new Map([...sealedReadings(world.ledger)].filter(([server]) => only(server)))
  const planned = order.kind === 'failover' ? planFailoverAct2(situation, sealed) : planSwitchoverAct2(situation, act1)
  return planned.kind === 'refusal' ? planned.reasons : { plan: planned.plan, situation }
}

/** A person took up to half a minute: whoever died meanwhile is chosen no more, and a primary that came back is not replaced. */
async function planAfterAnswer(
  office: Office,
  first: FirstAct,
  before: Situation,
): Promise<Second | readonly RefusalReason[]> {
  const { observer, config } = office
  const { plan: act1, sealedFrom, world } = first
  await observer.lookAtAll('live', config.policy.lookDeadlineMs)
  const statusOf = (server: ServerId): ServerStatus | undefined => {
    const look = observer.sightingOf(server)?.latest
    return look?.kind === 'answered' ? look.status : undefined
  }
  const old = statusOf(before.subject)
  if (before.subjectState !== 'answers' && old) return [PRIMARY_IS_BACK]
  // Its closing was read back before the question: whoever opened or restarted it since made that worthless.
  if (act1.fence.demand.atLeast === 'readonly' && old && takesWrites(old.access)) return [PRIMARY_IS_OPEN]
  const again = closedStill(act1)
  if (again) {
    const end = await runAct(again, world).end
    if (end.kind === 'stopped') return [stoppedAct1(world.recovery, end)]
  }
  // What a server held when it was sealed it may have dropped by a restart since, and its receiver runs again.
  // By when it started, not by its uptime: one that was young when it was sealed may have been started again and be older by now.
  const kept = (server: ServerId): boolean => {
    const look = observer.sightingOf(server)?.latest
    return look?.kind === 'answered' && look.at - look.status.uptimeS * 1000 <= sealedFrom
  }
  return planSecond(office, first, before, kept)
}

const PRIMARY_IS_BACK: RefusalReason = {
  code: 'primary_is_back',
  says: 'the old primary answers again: it was judged while it did not',
  tryThis: 'look at it as it is now: regent diagnose',
}

const PRIMARY_IS_OPEN: RefusalReason = {
  code: 'primary_is_open',
  says: 'the old primary was closed, and takes writes again: somebody opened or restarted it meanwhile',
  tryThis: 'see who opens it: regent diagnose',
}

/** Automatic recovery never asks; that the seal showed another one than was expected stands in its record. */
function noteOtherWinner(office: Office, act1: Plan, act2: Plan): void {
  if (act1.kind !== 'failover') return
  const expected = act1.ranking.find((r) => r.eligible)?.server
  const real = act2.ranking.find((r) => r.server === act2.mints?.winner)
  if (!real || expected === real.server) return
  const says = `the seal showed another winner: ${real.server} (${real.reasons.join(', ')}), not ${expected ?? 'nobody'}`
  office.journal.event(act2.recovery, office.clock.wall(), says)
}

async function begin(office: Office, order: Order, plan: Plan, lease: HeldLease): Promise<RefusalReason | undefined> {
  const { clock, journal, cluster, tell } = office
  const at = clock.wall()
  const head = {
    id: plan.recovery,
    cluster,
    kind: order.kind,
    subject: order.subject,
    automatic: order.automatic,
    startedAt: at,
    because: order.because,
  }
  let began = await journal.begin(head, plan, lease.token)
  if (began.kind === 'another_is_open' && (await openedSubject(office, order, began.id, lease)))
    began = await journal.begin(head, plan, lease.token)
  if (began.kind === 'another_is_open')
    return {
      code: 'recovery_open',
      says: `recovery ${began.id} is not finished`,
      tryThis: `regent history ${began.id}`,
    }
  if (began.kind === 'lease_lost')
    return { code: 'lease_lost', says: 'the lease is not ours any more', tryThis: 'see who acts: regent history' }
  tell({ kind: 'recovery_began', cluster, at, id: plan.recovery, what: order.kind, because: order.because })
  tell({ kind: 'plan', cluster, at, id: plan.recovery, plan })
  return undefined
}

/** The recovery that brought this primary to the throne does not stand in the way of the one that replaces it. */
async function openedSubject(office: Office, order: Order, id: RecoveryId, lease: HeldLease): Promise<boolean> {
  if (order.kind !== 'failover' || order.subjectState === 'answers') return false
  const record = await office.journal.read(id)
  return record !== undefined && endOpened(office, record, lease)
}

const idsOf = (plan: Plan, kind: string): readonly string[] =>
  plan.steps.filter((s) => s.kind === kind).map((s) => s.id)

/** Only readings taken after a receiver was seen stopped. */
export function sealedReadings(ledger: Ledger): SealedReadings {
  const readings = new Map<ServerId, ServerStatus>()
  for (const { step, outcome } of ledger.all())
    if (step.kind === 'seal' && outcome?.kind === 'done' && outcome.reading) readings.set(step.server, outcome.reading)
  return readings
}

function refusedBefore(
  office: Office,
  { kind: what, automatic }: Order,
  id: RecoveryId,
  reasons: readonly RefusalReason[],
): RecoveryEnd {
  // What refuses the daemon stands for minutes, and is told by it when it changes; a person is told each time.
  if (!automatic) office.tell({ kind: 'refused', cluster: office.cluster, at: office.clock.wall(), what, reasons })
  return { kind: 'refused', id, reasons, undone: false }
}

async function takeBackAfter(first: FirstAct, office: Office, reasons: readonly RefusalReason[]): Promise<RecoveryEnd> {
  await first.act1End
  return takeBack(office, first.world, reasons)
}

/** Act 1 is reversed, step by step; what could not be reversed is said. */
export async function takeBack(office: Office, world: World, reasons: readonly RefusalReason[]): Promise<RecoveryEnd> {
  const { journal, clock, cluster, tell } = office
  const { recovery: id, lease } = world
  await journal.setState(id, 'undoing', clock.wall(), lease.token)
  await journal.setRefusals(id, reasons)
  const undone = await undoAct1(world)
  // Judged like any other primary that is read-only, once what speaks against it now is gone.
  for (const { step, outcome } of undone)
    if (step.kind === 'open_server' && outcome.kind !== 'done') office.observer.closedByUs(step.server)
  const left = undone.filter((u) => u.outcome.kind !== 'done').map((u) => `${u.step.id}: ${u.outcome.says}`)
  await journal.flush()
  await journal.setState(id, 'undone', clock.wall(), lease.token)
  const says = `refused: ${reasons.map((r) => r.says).join('; ')}${left.length > 0 ? `. Not reversed: ${left.join('; ')}` : ''}`
  tell({ kind: 'recovery_ended', cluster, at: clock.wall(), id, state: 'undone', says })
  const what = (await journal.read(id))?.kind ?? 'failover'
  tell({ kind: 'refused', cluster, at: clock.wall(), what, reasons })
  return { kind: 'refused', id, reasons, undone: true }
}
