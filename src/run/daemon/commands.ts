import { adoptable } from '../../decide/recover/adopt.ts'
import { planFailoverAct1 } from '../../decide/recover/failover-act1.ts'
import { planFailoverAct2, type SealedReadings } from '../../decide/recover/failover-act2.ts'
import type { FormerReading } from '../../decide/recover/over-reign.ts'
import { isOnlyClosing, planRejoin, planRejoinOnceClosed } from '../../decide/recover/returning.ts'
import { followers, type Situation } from '../../decide/recover/situation.ts'
import { planSwitchoverAct1 } from '../../decide/recover/switchover-act1.ts'
import { planSwitchoverAct2 } from '../../decide/recover/switchover-act2.ts'
import { parseAddress, printAddress } from '../../model/address.ts'
import type { ServerId } from '../../model/ids.ts'
import { wallTime } from '../../model/ids.ts'
import type { Plan, Planned, RefusalReason } from '../../model/plan.ts'
import { refuse } from '../../model/plan.ts'
import type { FencePolicy, LossPolicy, Policy } from '../../model/policy.ts'
import { ProblemError, problem } from '../../model/problem.ts'
import type { Reign } from '../../model/reign.ts'
import type { RecoveryRecord } from '../../ports/journal.ts'
import type { HeldLease } from '../../ports/lease.ts'
import type { Shown } from './consent.ts'
import { continueOpen } from './continue.ts'
import { examine } from './examine.ts'
import { endOpened } from './forward.ts'
import type { Keeper } from './keeper.ts'
import type { Office } from './office.ts'
import { lastOpenBefore } from './opening.ts'
import { isNotOpened, waitsForWinner } from './reasons.ts'
import { PLAN_CHANGED, recover } from './recovery.ts'
import type { RecoveryEnd } from './recovery-end.ts'
import { act, planSingle } from './single.ts'
import { type Asked, recognised, situationFor } from './situation.ts'

export type ChangeVerb = 'failover' | 'switchover' | 'adopt' | 'rejoin' | 'fence' | 'unfence'

/** A person's command. Overrides are scoped to this one, and recorded with their reason. */
export interface Command {
  readonly verb: ChangeVerb
  /** Address or id; the primary, or the chosen winner, where a verb needs none. */
  readonly server?: string
  readonly open?: boolean
  readonly loss?: LossPolicy
  readonly fence?: FencePolicy
  readonly reason: string
  readonly by: string
  /** End the open recovery by name first: its minted winner is given up. */
  readonly abandon?: boolean
  /** `unfence`: although another reign stands, or another server takes writes. `adopt`: in place of a reign that nobody holds. */
  readonly overReign?: boolean
  /** `unfence`, `adopt`: although others received what it lacks, and would skip what it writes under the same GTIDs. */
  readonly overHistory?: boolean
  /** `unfence`: how long Regent leaves it alone. */
  readonly forMs?: number
  /** Said beforehand to the second act as well, whoever wins; never to more loss or a weaker fence than was shown. */
  readonly yes?: boolean
}

/** What a command would do, without doing it: the very plan that would be run. */
export async function planCommand(keeper: Keeper, command: Command): Promise<Planned> {
  const { office, books } = keeper
  await books.reload()
  const asked = await askedBy(keeper, command)
  if ('reasons' in asked) return refuse(...asked.reasons)
  const waits = command.verb === 'unfence' ? winnerAwaited(keeper, command) : undefined
  // One that answers is gone on with before the command is run.
  if (waits?.code === 'waits_for_winner') return refuse(waits)
  const situation = await situationFor(office, asked, office.ids.recovery())
  switch (command.verb) {
    case 'failover':
      return withExpected(planFailoverAct1(situation), () => planFailoverAct2(situation, readingsNow(situation)))
    case 'switchover':
      return withExpected(planSwitchoverAct1(situation), (act1) => planSwitchoverAct2(situation, act1))
    case 'rejoin': {
      const planned = planRejoin(situation)
      const whole = planned.kind === 'refusal' || !isOnlyClosing(planned.plan)
      return whole ? planned : withExpected(planned, () => planRejoinOnceClosed(situation))
    }
    default:
      return planSingle(command.verb, situation)
  }
}

/** A dry run shows both acts: the second as the readings of now would have it. */
function withExpected(planned: Planned, second: (act1: Plan) => Planned): Planned {
  if (planned.kind === 'refusal') return planned
  const expected = second(planned.plan)
  return { ...planned, expected: expected.kind === 'plan' ? expected.plan : expected }
}

const readingsNow = (situation: Situation): SealedReadings => new Map(followers(situation).map((f) => [f.id, f.status]))

/** Runs it in its turn. `shown`: what the person said yes to; where the second act turns out otherwise, they are asked again. */
export async function runCommand(keeper: Keeper, command: Command, shown?: Shown): Promise<RecoveryEnd> {
  demandReason(command)
  return keeper.exclusively(async () => {
    const { office, books } = keeper
    const lease = await keeper.acting()
    if (!lease) throw new ProblemError(problem('lease_lost', { why: 'see its log: journalctl -u regent' }))
    await books.reload()
    if (command.abandon) await abandonOpen(keeper, command, lease)
    const first = command.abandon ? undefined : await endOpen(keeper, lease)
    await books.reload()
    if (command.verb === 'fence') await setAside(keeper, lease)
    const waits = winnerAwaited(keeper, command)
    if (waits) return { kind: 'refused', id: office.ids.recovery(), undone: false, reasons: [waits] }
    const asked = await askedBy(keeper, command)
    if ('reasons' in asked) return { kind: 'refused', id: office.ids.recovery(), reasons: asked.reasons, undone: false }
    const because = `${command.by}: ${command.reason || command.verb}`
    const end =
      command.verb === 'failover' || command.verb === 'switchover'
        ? await recover(
            office,
            { ...asked, ...(shown ? { shown } : {}), yes: command.yes ?? false, kind: command.verb, because },
            lease,
          )
        : await act(office, { ...asked, ...(shown ? { shown: shown.plan } : {}), kind: command.verb, because }, lease)
    if (end.kind === 'done') await ordersAfter(keeper, asked.subject, command)
    await Promise.all([books.reload(), office.observer.lookAtAll('live', office.config.policy.lookDeadlineMs)])
    return first ? withFirst(end, first) : end
  })
}

/** What an earlier process began and did not end comes before any command; undefined where nothing was open, or could be ended now. */
async function endOpen(keeper: Keeper, lease: HeldLease): Promise<RecoveryRecord | undefined> {
  const { office, books } = keeper
  const open = books.unfinished()
  if (!open) return undefined
  const continued = await continueOpen(office, lease, async () => (await keeper.acting()) !== undefined)
  return continued === 'ended' ? office.journal.read(open.id) : undefined
}

/** Beside an open recovery nothing can be begun. A fence is never wrong; the reign that is being opened keeps its duty alive. */
async function setAside({ office, books }: Keeper, lease: HeldLease): Promise<void> {
  const open = books.openRecovery()
  if (!open || (await endOpened(office, open, lease)) || books.reign()?.state !== 'opening') return
  office.journal.event(
    open.id,
    office.clock.wall(),
    'set aside: a person fences a server; its winner is still waited for',
  )
  await office.journal.flush()
  await office.journal.setState(open.id, 'failed', office.clock.wall(), lease.token)
}

/** Until a minted reign is open, or given up by name, nothing but a fence is begun: also where its recovery is ended already. */
function winnerAwaited({ office, books }: Keeper, { verb, abandon }: Command): RefusalReason | undefined {
  const waits = abandon || verb === 'fence' ? undefined : books.unfinished()
  const winner = waits?.plans.findLast((p) => p.mints)?.mints?.winner
  // Once it was open, a primary that does not answer is judged like any other.
  if (!waits || winner === undefined || books.reign()?.state !== 'opening') return undefined
  const answers = office.observer.sightingOf(winner)?.latest.kind === 'answered'
  return (answers ? isNotOpened : waitsForWinner)(waits, office.config.alias)
}

/** Who changed the cluster since the plan was shown: this very command, before its own plan. */
function withFirst(end: RecoveryEnd, { id, state }: RecoveryRecord): RecoveryEnd {
  if (end.kind !== 'refused') return end
  const ended = state === 'done' ? 'finished' : state === 'failed' ? 'ended' : 'taken back'
  const first = `recovery ${id}, which was left open, was ${ended} first`
  const reasons = end.reasons.map((r) => (r.code === PLAN_CHANGED.code ? { ...r, says: `${r.says}: ${first}` } : r))
  return { ...end, reasons }
}

/** Whatever face it came by: an override without a reason stands in no record. */
function demandReason({ verb, loss, fence, abandon, overReign, overHistory, reason }: Command): void {
  const accepts = abandon === true || overReign === true || overHistory === true
  const overrides = verb === 'unfence' || loss !== undefined || fence !== undefined || accepts
  if (!overrides || reason.trim() !== '') return
  throw new ProblemError(
    problem('usage', {
      what: 'an override needs a reason: it is recorded',
      fix: 'add --reason "…", or "reason" to the body',
    }),
  )
}

/** The way out of a recovery that cannot go on: recorded with its reason. What it has changed is judged by the next plan. */
async function abandonOpen(keeper: Keeper, command: Command, lease: HeldLease): Promise<void> {
  const { journal, clock, cluster } = keeper.office
  const open = await journal.open(cluster)
  if (!open) return
  journal.event(open.id, clock.wall(), `abandoned by ${command.by}: ${command.reason}`)
  await journal.flush()
  await journal.setState(open.id, 'failed', clock.wall(), lease.token)
}

/** A person who fences or rejoins a server has ended its being left alone. */
async function ordersAfter(keeper: Keeper, server: ServerId, command: Command): Promise<void> {
  const { store, cluster, clock } = keeper.office
  if (command.verb === 'fence' || command.verb === 'rejoin')
    await store.withdrawOrder(cluster, 'unfence', server, clock.wall())
  if (command.verb === 'unfence') await release(keeper, server, command)
}

async function release(keeper: Keeper, server: ServerId, command: Command): Promise<void> {
  const { store, cluster, clock } = keeper.office
  const from = clock.wall()
  await store.giveOrder({
    kind: 'unfence',
    cluster,
    server,
    reason: command.reason,
    by: command.by,
    from,
    until: wallTime(from + (command.forMs ?? 600_000)),
  })
}

async function askedBy(
  keeper: Keeper,
  command: Command,
): Promise<Asked | { readonly reasons: readonly RefusalReason[] }> {
  const { office, books } = keeper
  const { verb } = command
  const named = command.server === undefined ? undefined : serverNamed(keeper, command.server)
  const policy: Policy = {
    ...office.config.policy,
    ...(command.loss ? { loss: command.loss } : {}),
    ...(command.fence ? { fence: command.fence } : {}),
  }
  const common = { stopped: false, automatic: false, policy, subjectState: 'answers' } as const
  const reign = books.reign()
  if (verb === 'adopt') return adoption(keeper, command, named, common)
  if (verb === 'rejoin' || verb === 'fence' || verb === 'unfence') {
    if (!named)
      throw new ProblemError(problem('usage', { what: `${verb} needs a server`, fix: `regent ${verb} <host:port>` }))
    const { overReign = false, overHistory = false } = command
    const unsound = verb === 'fence' && named === reign?.primary && (await isUnsound(keeper, named))
    return { ...common, subject: named, overReign, overHistory, unsound }
  }
  if (!reign)
    return {
      reasons: [{ code: 'no_reign', says: 'no reign is recorded', tryThis: `regent adopt ${office.config.alias}` }],
    }
  const seen = await examine(office, books, patiently(office))
  const latest = office.observer.sightingOf(reign.primary)?.latest
  const subjectState = latest?.kind === 'answered' ? 'answers' : seen.stopped ? 'refused' : 'silent'
  return { ...common, subject: reign.primary, subjectState, stopped: seen.stopped, ...(named ? { wanted: named } : {}) }
}

/** Nobody waits for a person as clients wait for a failover. */
const patiently = ({ config }: Office) => ({ everyone: true, lookMs: config.policy.lookDeadlineMs })

/** Its history went backwards while it takes writes: the one case in which a primary is fenced, as the remedy for that would. */
async function isUnsound({ office, books }: Keeper, primary: ServerId): Promise<boolean> {
  const { remedy, targets } = (await examine(office, books, patiently(office))).diagnosis.primary
  return remedy === 'fence_stale' && targets.includes(primary)
}

async function adoption(
  keeper: Keeper,
  command: Command,
  named: ServerId | undefined,
  common: Omit<Asked, 'subject'>,
): Promise<Asked | { readonly reasons: readonly RefusalReason[] }> {
  const { office, books } = keeper
  const { open = false, overReign = false, overHistory = false, abandon = false } = command
  const reign = books.reign()
  // Whether nobody holds a reign is judged on looks from now, and by every address that was ever known of its primary.
  if (reign && overReign) await examine(office, books, patiently(office))
  const former = reign && (await formerReading(keeper, reign))
  const choice = adoptable(reign ? await recognised(office, reign) : office.observer.topology(undefined), {
    ...{ open, overReign, overHistory, abandon },
    ...(former ? { former } : {}),
    ...(named ? { wanted: named } : {}),
  })
  return 'reasons' in choice ? choice : { ...common, subject: choice.server, overReign, overHistory }
}

/** Of the last primary that clients were promised something by. */
async function formerReading({ office, books }: Keeper, reign: Reign): Promise<FormerReading | undefined> {
  const last = reign.state === 'open' ? reign : lastOpenBefore(books.reigns(), reign)
  const found = (await office.store.readings(office.cluster)).find((r) => r.server === last?.primary)
  return found && { server: found.server, history: found.status.history }
}

/** By id, or by any address that leads to it. */
export function serverNamed(keeper: Keeper, name: string): ServerId {
  const { observer } = keeper.office
  const wanted = parseAddress(name)
  const sightings = observer.sightings()
  const found = sightings.find((s) => s.id === name || (wanted && printAddress(s.address) === printAddress(wanted)))
  if (found?.id) return found.id
  throw unknownServer(keeper.office, name)
}

export function unknownServer({ observer, config }: Office, name: string): ProblemError {
  const known = observer.sightings().map((s) => printAddress(s.address))
  return new ProblemError(problem('server_unknown', { cluster: config.alias, name, known: known.join(', ') }))
}
