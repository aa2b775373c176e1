import { planForwardAgain, withoutAckers } from '../../decide/recover/again.ts'
import { planFailoverAct2, type SealedReadings } from '../../decide/recover/failover-act2.ts'
import type { Situation } from '../../decide/recover/situation.ts'
import { provenLevels, satisfies } from '../../model/fence.ts'
import type { ServerId } from '../../model/ids.ts'
import type { Plan, RefusalReason } from '../../model/plan.ts'
import type { Step } from '../../model/step.ts'
import { edgesTo } from '../../model/topology.ts'
import type { RecoveryRecord } from '../../ports/journal.ts'
import type { HeldLease } from '../../ports/lease.ts'
import { mintAhead } from '../execute/doers-route.ts'
import { isDropped } from '../execute/kept.ts'
import { Ledger } from '../execute/ledger.ts'
import { type ActEnd, runAct } from '../execute/run.ts'
import { stoppedText, whyNot } from '../execute/stopped.ts'
import type { World } from '../execute/world.ts'
import { leftOf } from './left.ts'
import type { Office } from './office.ts'
import type { RecoveryEnd } from './recovery-end.ts'
import { rivalOf, worldFor } from './world.ts'

/**
 * Waits, before the epoch is minted, for the fencing that the barrier will demand: a refusal can then still undo act 1. Costs
 * nothing where the proof stands already; where a route hangs, the opening would wait for it anyway.
 */
export async function fencingSettled(plan: Plan, world: World): Promise<RefusalReason | undefined> {
  const barriers = plan.steps.filter((s): s is Step<'barrier'> => s.kind === 'barrier')
  const unfenced = await Promise.all(barriers.map((barrier) => settled(barrier, world)))
  return unfenced.find((reason) => reason !== undefined)
}

async function settled(barrier: Step<'barrier'>, world: World): Promise<RefusalReason | undefined> {
  const { stopped, routesAreComplete, demand } = barrier
  if (satisfies(provenLevels({ stopped, routesAreComplete, routes: [], closedReadOnly: false }), demand))
    return undefined
  const ok = async (id: string): Promise<boolean> => (await world.ledger.get(id)?.ended)?.kind === 'done'
  const routes = await Promise.all(barrier.routeSteps.map(async (route) => ({ route, closed: await ok(route) })))
  const closed = await Promise.all(barrier.closeSteps.map(ok))
  const proven = provenLevels({
    stopped,
    routesAreComplete,
    routes,
    closedReadOnly: closed.length > 0 && closed.every(Boolean),
  })
  if (satisfies(proven, demand)) return undefined
  const open = routes.filter((r) => !r.closed).map((r) => r.route.replace(/^withdraw:/, ''))
  return {
    code: 'not_fenced',
    says:
      open.length > 0
        ? `these routes could not be shown closed: ${open.join(', ')}`
        : `only ${proven.join(', ')} is proven of the old primary${whyNot(barrier.closeSteps, world)}`,
    tryThis: `fence it by hand, or accept the risk by name: regent failover --fence none --reason "…"`,
  }
}

export interface Forward {
  readonly plan: Plan
  readonly situation: Situation
  /** Holds act 1's fencing, by which the barrier is judged. */
  readonly ledger: Ledger
  readonly lease: HeldLease
  readonly sealed: SealedReadings
  /** Step ids that the journal knows as done; only where the winner has been opened. */
  readonly skip?: ReadonlySet<string>
  /** By another process, or in a later cycle: its snapshot is from after the moves of act 2, and shows other followers than were sealed. */
  readonly continued?: boolean
}

/** Between two attempts to go forward. */
const PAUSE_MS = 500
/** After so many the recovery is left open and told; the daemon takes it up again with its next cycle. */
const ATTEMPTS = 8

/**
 * The epoch is minted: from here on there is only forward with this winner. Ackers that were not counted in time are left out under
 * policy `ackers: lower`; whatever else failed is tried again, from the beginning until the winner is open, each step looking before
 * it changes.
 */
export async function goForward(office: Office, forward: Forward): Promise<RecoveryEnd> {
  const { lease, plan } = forward
  const minted = plan.mints
  if (!minted) return { kind: 'failed', id: plan.recovery, says: 'this plan mints no reign' }
  let current = plan
  let ledger = forward.ledger
  let skip = forward.skip ?? new Set<string>()
  for (let attempt = 1; ; attempt++) {
    const world = worldFor(office, { recovery: plan.recovery, lease, epoch: minted.epoch, ledger })
    // Time has passed since anybody looked who else takes writes; a first attempt follows the looks that it was decided by at once.
    const late = forward.continued === true || attempt > 1
    const beforeOpening = (server: ServerId): Promise<string | undefined> => rivalOf(office, server, judged(current))
    const mintedAhead = mintAhead(current, world)
    const end = await runAct(current, { ...world, mintedAhead, ...(late ? { beforeOpening } : {}) }, skip).end
    await office.journal.flush()
    if (end.kind === 'completed') return finish(office, current, minted.winner, ledger, lease)
    const over = attempt >= ATTEMPTS || isDropped(end.outcome) || lease.leftMs() <= 0
    if (over || !(await stillAnswers(office, minted.winner))) return stuck(office, current, { end, lease })
    skip = opened(current, ledger) ? doneSteps(current, ledger, skip) : new Set()
    current = planForwardAgain((await lowered(office, { ...forward, plan: current }, end)) ?? current)
    ledger = carried(ledger)
    await office.clock.sleep(end.by.kind === 'count_ackers' ? 0 : PAUSE_MS)
  }
}

/** Whether these may take writes is what the barriers demand, or what a person accepted. */
export const judged = ({ subject, steps }: Plan): readonly ServerId[] => [
  subject,
  ...steps.flatMap((s) => (s.kind === 'barrier' ? [s.server] : [])),
]

/** Not tried again on a server that does not answer: what becomes of its reign is judged by the next cycle. */
async function stillAnswers({ observer, config }: Office, winner: ServerId): Promise<boolean> {
  await observer.lookAt([winner], 'live', config.policy.suspectAfterMs)
  return observer.sightingOf(winner)?.latest.kind === 'answered'
}

const opened = (plan: Plan, ledger: Ledger): boolean =>
  plan.steps.some((s) => s.kind === 'open_server' && ledger.get(s.id)?.outcome?.kind === 'done')

/** Act 1's fencing is still asked for by the barrier. */
function carried(ledger: Ledger): Ledger {
  const next = new Ledger()
  for (const entry of ledger.all()) if (entry.act === 1) next.enter(entry.step, 1, entry.ended)
  return next
}

/** A count that was not reached is not repeated with ackers that do not receive from the winner: those are left out, the others stay. */
async function lowered(
  office: Office,
  forward: Forward,
  end: Extract<ActEnd, { kind: 'stopped' }>,
): Promise<Plan | undefined> {
  const { plan, situation, sealed } = forward
  if (end.by.kind !== 'count_ackers' || !plan.mints) return undefined
  const { server: winner, ackers } = end.by
  const { observer, config } = office
  await observer.lookAt(ackers, 'live', config.policy.suspectAfterMs)
  const attached = edgesTo(observer.topology(situation.topology.reign), winner).filter(
    (e) => e.channel.receiver === 'running',
  )
  const unusable = ackers.filter((a) => !attached.some((e) => e.replica === a))
  if (plan.kind !== 'failover' || forward.continued)
    return situation.policy.ackers === 'refuse' ? undefined : { ...plan, steps: withoutAckers(plan.steps, unusable) }
  const again = planFailoverAct2({ ...situation, wanted: winner, unusableAckers: unusable }, sealed)
  return again.kind === 'refusal' ? undefined : { ...again.plan, mints: plan.mints }
}

function doneSteps(plan: Plan, ledger: Ledger, before: ReadonlySet<string>): ReadonlySet<string> {
  const done = plan.steps.filter((s) => before.has(s.id) || ledger.get(s.id)?.outcome?.kind === 'done').map((s) => s.id)
  return new Set(done)
}

/** Nothing else tells those who were on call why some clients cannot log in while all servers are well. */
const PASSWORD_CACHE =
  'clients that log in without TLS with caching_sha2_password may fail with error 2061 here until their account has logged in once: let them ask for the server public key, or use TLS'

async function finish(
  office: Office,
  plan: Plan,
  winner: ServerId,
  ledger: Ledger,
  lease: HeldLease,
): Promise<RecoveryEnd> {
  const { journal, clock, cluster, tell } = office
  if (office.observer.sightingOf(winner)?.answer?.status.version.flavour === 'mysql')
    journal.event(plan.recovery, clock.wall(), PASSWORD_CACHE)
  await journal.setState(plan.recovery, 'done', clock.wall(), lease.token)
  const left = leftOf(ledger, 2)
  const reigns = `${winner} reigns, epoch ${plan.mints?.epoch}`
  const says = left.length > 0 ? `${reigns}; not done: ${left.join('; ')}` : reigns
  tell({ kind: 'recovery_ended', cluster, at: clock.wall(), id: plan.recovery, state: 'done', says })
  return { kind: 'done', id: plan.recovery, says: reigns, left, newPrimary: winner }
}

/** Its reign is open: what was left of this recovery is what a rejoin does, and a primary that died is judged like any other. */
export async function endOpened(office: Office, record: RecoveryRecord, lease: HeldLease): Promise<boolean> {
  const { journal, store, cluster, clock, tell } = office
  const minted = record.plans.findLast((p) => p.mints)?.mints
  const reign = await store.reign(cluster)
  if (!minted || reign?.state !== 'open' || reign.epoch !== minted.epoch) return false
  const says = `${minted.winner} reigns, epoch ${minted.epoch}; it does not answer, so what was left to do is not done by this recovery`
  journal.event(record.id, clock.wall(), says)
  await journal.flush()
  await journal.setState(record.id, 'done', clock.wall(), lease.token)
  tell({ kind: 'recovery_ended', cluster, at: clock.wall(), id: record.id, state: 'done', says })
  return true
}

/** It stays open: the next cycle goes on, and while the winner does not answer, a person may replace it by a failover. */
async function stuck(
  office: Office,
  plan: Plan,
  stop: { readonly end: Extract<ActEnd, { kind: 'stopped' }>; readonly lease: HeldLease },
): Promise<RecoveryEnd> {
  const { journal, clock, cluster, tell } = office
  const says = `${stoppedText(stop.end)}; the recovery stays open and is taken up again`
  journal.event(plan.recovery, clock.wall(), says)
  await journal.flush()
  tell({ kind: 'trouble', cluster, at: clock.wall(), says })
  return { kind: 'failed', id: plan.recovery, says }
}
