import {
  planBarrierAgain,
  planFencingAgain,
  planForwardAgain,
  planSwitchoverAgain,
  planWithoutChannel,
} from '../../decide/recover/again.ts'
import type { SealedReadings } from '../../decide/recover/failover-act2.ts'
import { type History, receivedWithin } from '../../model/history.ts'
import { type Epoch, epoch, type ServerId } from '../../model/ids.ts'
import type { Plan, RefusalReason } from '../../model/plan.ts'
import { takesWrites } from '../../model/server.ts'
import type { Step } from '../../model/step.ts'
import type { RecoveryRecord } from '../../ports/journal.ts'
import type { HeldLease } from '../../ports/lease.ts'
import { hasDropped } from '../execute/kept.ts'
import { Ledger } from '../execute/ledger.ts'
import { runAct } from '../execute/run.ts'
import { goForward, judged } from './forward.ts'
import type { Office } from './office.ts'
import { epochBefore, foundNow, lastOpenBefore, routesMaybeTold } from './opening.ts'
import { isNotOpened } from './reasons.ts'
import { sealedReadings, takeBack } from './recovery.ts'
import type { RecoveryEnd } from './recovery-end.ts'
import { planSingle, run } from './single.ts'
import { recognised, situationFor } from './situation.ts'
import { rivalOf, worldFor } from './world.ts'

/** `winner_was_open`: its reign is open, it does not answer, and what follows the opening is not all done. */
export type Continued =
  | 'nothing_open'
  | 'ended'
  | 'not_cleared'
  | 'waits_for_winner'
  | 'winner_dropped'
  | 'winner_was_open'
  | NotOpened

/** The winner answers, and what was gone on with just now could not open it. */
export interface NotOpened {
  readonly because: readonly RefusalReason[]
}

/**
 * A recovery that another process began and did not end. Before its epoch was minted nothing is decided: act 1 is taken back, and a
 * primary that is still dead is found so again. After it: forward to the minted winner, and to no other. What was proven before is
 * proven anew: the dead process's looks speak of then, not of now.
 */
export async function continueOpen(
  office: Office,
  lease: HeldLease,
  cleared: () => Promise<boolean>,
): Promise<Continued> {
  const record = await unfinished(office)
  if (!record) return 'nothing_open'
  await office.observer.discover()
  // Only now is it known who answers: what the process that ended left on them must not come after our first change.
  if (!(await cleared())) return 'not_cleared'
  const minted = record.plans.findLast((p) => p.act === 2 && p.mints !== undefined)
  if (record.kind !== 'failover' && record.kind !== 'switchover')
    return continueSingle(office, { record, minted, lease })
  if (!minted?.mints) {
    await abandonAct1(office, record, lease)
    return 'ended'
  }
  const look = office.observer.sightingOf(minted.mints.winner)?.latest
  if (look?.kind !== 'answered') return unanswered(office, minted.mints.epoch)
  if (record.kind === 'failover' && !doneIn(record).has(`open:${minted.mints.winner}`)) {
    const known = office.observer.sightings().flatMap((s) => s.answer?.status.history ?? [])
    const { id, history } = look.status
    if (id === minted.mints.winner && hasDropped(record, { id, history }, known)) return 'winner_dropped'
  }
  const plan = { ...(record.plans.findLast((p) => p.act === 2) ?? minted), mints: minted.mints }
  return ended(office, record, await forward(office, { record, plan, lease }))
}

const ended = ({ config }: Office, record: RecoveryRecord, end: RecoveryEnd): Continued =>
  end.kind === 'failed' ? { because: [isNotOpened(record, config.alias, end.says)] } : 'ended'

/** The open one; or, ended or not, the one whose winner is still to be opened: a reign that is minted stays somebody's duty. */
async function unfinished({ journal, store, cluster }: Office): Promise<RecoveryRecord | undefined> {
  const open = await journal.open(cluster)
  if (open) return open
  const reign = await store.reign(cluster)
  return reign?.state === 'opening' && reign.recovery !== undefined ? journal.read(reign.recovery) : undefined
}

/** Once it was open, a primary that does not answer is judged like any other. */
async function unanswered({ store, cluster }: Office, minted: Epoch): Promise<Continued> {
  const reign = await store.reign(cluster)
  return reign?.epoch === minted && reign.state === 'open' ? 'winner_was_open' : 'waits_for_winner'
}

const answers = (office: Office, server: ServerId): boolean =>
  office.observer.sightingOf(server)?.latest.kind === 'answered'

interface Going {
  readonly record: RecoveryRecord
  readonly plan: Plan
  readonly lease: HeldLease
}

async function forward(office: Office, { record, plan, lease }: Going): Promise<RecoveryEnd> {
  const reign = await office.store.reign(office.cluster)
  const { state, stopped } = await foundNow(office, await recognised(office, reign), record.subject)
  const asked = { subject: record.subject, subjectState: state, stopped, automatic: record.automatic } as const
  const situation = await situationFor(office, asked, record.id)
  const before = ledgerOf(record)
  // Outcomes enter the ledger a moment later, also those that are known.
  await Promise.all(before.all().map((entry) => entry.ended))
  const sealed = sealedReadings(before)
  const done = doneIn(record)
  const common = { situation, lease, sealed }
  if (plan.mints && done.has(`open:${plan.mints.winner}`))
    return goForward(office, { ...common, plan, ledger: before, skip: done })
  const ledger = new Ledger()
  // What the winner had received when it was sealed is what its drain must still find.
  for (const { step, ended } of before.all()) if (step.kind === 'seal') ledger.enter(step, 1, ended)
  const act1 = record.plans.find((p) => p.act === 1)
  const fence = planFencingAgain(situation, act1 ?? plan)
  await runAct(fence, worldFor(office, { recovery: record.id, lease, epoch: await withdrawnIn(office, plan), ledger }))
    .end
  // A server that somebody opened meanwhile would be led to the winner as a replica, with all that it wrote of its own.
  const rival = plan.mints && (await rivalOf(office, plan.mints.winner, judged(plan)))
  if (rival !== undefined) {
    if (record.events.at(-1)?.says !== rival) office.journal.event(record.id, office.clock.wall(), rival)
    return { kind: 'failed', id: record.id, says: rival }
  }
  const again =
    record.kind === 'switchover' && act1 ? planSwitchoverAgain(act1, plan, situation) : planForwardAgain(plan)
  const forgotten = await channelForgotten(office, again, sealed)
  const whole = forgotten === 'no' ? again : planWithoutChannel(again, forgotten)
  return goForward(office, { ...common, plan: planBarrierAgain(whole, situation), ledger, continued: true })
}

/**
 * By the step that comes last, if it has all that it had received when it was sealed, and all that it was still to fetch: then it was
 * ready. Otherwise somebody else forgot it before that.
 */
async function channelForgotten(
  { observer, config }: Office,
  { steps, mints }: Plan,
  sealed: SealedReadings,
): Promise<'no' | 'ready' | 'behind'> {
  const winner = mints?.winner
  const reset = steps.find((s): s is Step<'reset_channel'> => s.kind === 'reset_channel' && s.server === winner)
  if (winner === undefined || !reset) return 'no'
  const sources = steps.flatMap((s) => (s.kind === 'reach' && s.server === winner ? [s.of] : []))
  // Looks from after the fencing: an old primary that was open a moment ago has written until then.
  await observer.lookAt([winner, ...sources], 'live', config.policy.lookDeadlineMs)
  const historyOf = (server: ServerId): History | undefined => {
    const latest = observer.sightingOf(server)?.latest
    return latest?.kind === 'answered' ? latest.status.history : sealed.get(server)?.history
  }
  const look = observer.sightingOf(winner)?.latest
  if (look?.kind !== 'answered' || look.status.channels.some((c) => c.name === reset.channel)) return 'no'
  const own = look.status.history
  const context = [...sealed.values()].map((s) => s.history)
  const has = (history: History | undefined): boolean =>
    history !== undefined && receivedWithin(history, own, context) === 'yes'
  const before = sealed.get(winner)
  if ((!before || has(before.history)) && sources.every((s) => has(historyOf(s)))) return 'ready'
  // One that takes writes may have been opened: what it has of its own must not be mixed with what it lacks.
  return takesWrites(look.status.access) ? 'no' : 'behind'
}

/**
 * The epoch that a withdrawal carries before the opening: of the reign before where no route was told of the minted one. That this
 * is so can then still be seen if the winner dies once more.
 */
async function withdrawnIn(office: Office, { mints }: Plan): Promise<Epoch> {
  const minted = mints?.epoch ?? epoch(0)
  const reigns = await office.store.reigns(office.cluster)
  const present = reigns.find((r) => r.epoch === minted)
  if (!present || !lastOpenBefore(reigns, present)) return minted
  return (await routesMaybeTold(office, minted)).length === 0 ? epochBefore(reigns, present) : minted
}

interface Single {
  readonly record: RecoveryRecord
  readonly minted: Plan | undefined
  readonly lease: HeldLease
}

/** One act: what it was about is judged anew with the next cycle. Only a minted first reign is gone on with, by a plan made now. */
async function continueSingle(office: Office, { record, minted, lease }: Single): Promise<Continued> {
  const { journal, clock } = office
  if (!minted?.mints) {
    journal.event(record.id, clock.wall(), 'Regent ended before this was done: it is judged anew')
    await journal.setState(record.id, 'failed', clock.wall(), lease.token)
    return 'ended'
  }
  if (!answers(office, minted.mints.winner)) return unanswered(office, minted.mints.epoch)
  const situation = await situationFor(
    office,
    { subject: minted.mints.winner, subjectState: 'answers', stopped: false, automatic: record.automatic },
    record.id,
  )
  const planned = planSingle('adopt', situation)
  if (planned.kind === 'refusal') return { because: planned.reasons }
  return ended(office, record, await run(office, { ...planned.plan, mints: minted.mints }, lease))
}

async function abandonAct1(office: Office, record: RecoveryRecord, lease: HeldLease): Promise<void> {
  const reign = await office.store.reign(office.cluster)
  const world = worldFor(office, {
    recovery: record.id,
    lease,
    epoch: reign?.epoch ?? epoch(0),
    ledger: ledgerOf(record),
  })
  const reason = {
    code: 'interrupted',
    says: 'Regent ended before a winner was chosen: act 1 is taken back, and the cluster is judged anew',
    tryThis: `regent history ${record.id}`,
  }
  await takeBack(office, world, [reason])
}

/**
 * Every step of act 1, not only those with an intent on record: steps are written behind, so one without may have been sent. What is
 * not known to have failed without effect counts as having taken effect; the undo looks before it changes.
 */
function ledgerOf(record: RecoveryRecord): Ledger {
  const ledger = new Ledger()
  const steps: readonly Step[] = record.plans.filter((p) => p.act === 1).flatMap((p) => p.steps)
  for (const step of steps) {
    const known = record.steps.find((s) => s.key === `1/${step.id}`)?.record?.outcome
    ledger.enter(
      step,
      1,
      Promise.resolve(known ?? { kind: 'unknown', says: 'Regent ended before its outcome was known' }),
    )
  }
  return ledger
}

function doneIn(record: RecoveryRecord): ReadonlySet<string> {
  return new Set(
    record.steps.filter((s) => s.key.startsWith('2/') && s.record?.outcome.kind === 'done').map((s) => s.key.slice(2)),
  )
}
