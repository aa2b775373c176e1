import { planFailoverAct1 } from '../../decide/recover/failover-act1.ts'
import { fencing } from '../../decide/recover/fencing.ts'
import { withoutUndo } from '../../decide/recover/opening.ts'
import { type Situation, subjectAddresses } from '../../decide/recover/situation.ts'
import { printAddress } from '../../model/address.ts'
import type { ServerId } from '../../model/ids.ts'
import type { RefusalReason } from '../../model/plan.ts'
import { takesWrites } from '../../model/server.ts'
import { OPEN_STATES, type RecoveryRecord } from '../../ports/journal.ts'
import type { HeldLease } from '../../ports/lease.ts'
import { runAct } from '../execute/run.ts'
import type { Office } from './office.ts'
import { refusedAt, routesMaybeTold } from './opening.ts'
import { waitsForWinner } from './reasons.ts'
import { recover } from './recovery.ts'
import type { RecoveryEnd } from './recovery-end.ts'
import { type Asked, situationFor } from './situation.ts'
import { worldFor } from './world.ts'

export interface Waiting {
  /** The recovery that minted the reign. */
  readonly record: RecoveryRecord
  readonly lease: HeldLease
}

/** Why a winner that answers is replaced all the same. */
export const DROPPED_IT = 'it was restarted before it was opened, and no longer has what it had received'

/**
 * A recovery of a winner that was minted, and died before it was known to be open; it was just found refusing, with nobody receiving
 * from it. Established in this order: it is stopped; then that no route was ever told of its reign. Whatever it did before it stopped,
 * no client was led to it, so it has acknowledged nothing to anybody, and all that was ever promised stands in what was sealed before.
 *
 * `dropped`: it answers again, without what it had received. Instead of stopped it is read-only, before its routes are asked: whoever
 * held the lease before cannot open it any more, and this recovery closes it once more and reads that back before another one opens.
 */
export async function replaceWinner(
  office: Office,
  waiting: Waiting & { readonly because: string; readonly dropped: boolean },
): Promise<RecoveryEnd> {
  const { record, because, dropped, lease } = waiting
  const id = office.ids.recovery()
  const minted = record.plans.findLast((p) => p.mints)?.mints
  const replaceable = record.kind === 'failover' || record.kind === 'switchover'
  const waits = (missing?: string): RefusalReason =>
    (dropped ? hasDroppedIt : waitsForWinner)(record, office.config.alias, missing)
  if (!minted || !replaceable) return refused(id, [waits()])
  const asked: Asked = {
    subject: minted.winner,
    subjectState: dropped ? 'answers' : 'refused',
    stopped: !dropped,
    automatic: true,
    unannounced: true,
  }
  const situation = await situationFor(office, asked, id)
  const harmless = dropped ? await closedFirst(office, waiting, situation) : await stoppedEverywhere(office, situation)
  const missing = harmless ?? (await missingFor(office, situation, record))
  if (missing !== undefined) return refused(id, [waits(missing)])
  // Foreseen here: the recovery before this one is ended only for one that can begin.
  const planned = planFailoverAct1(situation)
  if (planned.kind === 'refusal') return refused(id, [waits('replacing it is refused'), ...planned.reasons])
  const what = dropped ? DROPPED_IT : 'it died before it was known to be open'
  await giveUp(office, waiting, `${minted.winner} is given up: ${what}, and no client was led to it`)
  return recover(office, { ...asked, kind: 'failover', because: `${because} (goes on for ${record.id})` }, lease)
}

/**
 * Ended, and not forgotten: as long as the reign that it minted is only being opened, the next cycle goes forward to its winner if that
 * answers, and comes here if it does not.
 */
export async function giveUp({ journal, clock }: Office, { record, lease }: Waiting, says: string): Promise<void> {
  if (!OPEN_STATES.includes(record.state)) return
  journal.event(record.id, clock.wall(), says)
  await journal.flush()
  await journal.setState(record.id, 'failed', clock.wall(), lease.token)
}

/** As it reads now. Undefined: shown. */
async function stoppedEverywhere(office: Office, situation: Situation): Promise<string | undefined> {
  const addresses = subjectAddresses(situation)
  if (await refusedAt(office, addresses)) return undefined
  return `it does not refuse, or that would prove nothing, at every address known of it (${addresses.map(printAddress).join(', ')})`
}

/** Most start read-only, and then nothing is sent. In the record of the recovery that minted it, whose winner it still is. */
async function closedFirst(
  office: Office,
  { record, lease }: Waiting,
  situation: Situation,
): Promise<string | undefined> {
  const { subject } = situation
  if (await readsClosed(office, subject)) return undefined
  const last = record.plans.findLast((p) => p.mints)
  if (!last?.mints) return 'nothing is minted for it'
  const closing = { ...last, steps: fencing({ ...situation, routes: [] }).map(withoutUndo) }
  await runAct(closing, worldFor(office, { recovery: record.id, lease, epoch: last.mints.epoch })).end
  await office.journal.flush()
  return (await readsClosed(office, subject)) ? undefined : 'it could not be closed'
}

async function readsClosed({ observer, config }: Office, server: ServerId): Promise<boolean> {
  await observer.lookAt([server], 'live', config.policy.lookDeadlineMs)
  const look = observer.sightingOf(server)?.latest
  return look?.kind === 'answered' && !takesWrites(look.status.access)
}

/** Not tried again with it: each attempt would lead an acker to a server that cannot be opened. */
export function hasDroppedIt({ plans }: RecoveryRecord, alias: string, missing?: string): RefusalReason {
  const minted = plans.findLast((p) => p.mints)?.mints
  const why = missing === undefined ? '' : `. Another one is not chosen without being told: ${missing}`
  return {
    code: 'waits_for_winner',
    says: `epoch ${minted?.epoch ?? ''} is minted for ${minted?.winner ?? 'a server'}, which is not opened: ${DROPPED_IT}${why}`,
    tryThis: `give it up: regent failover ${alias} --abandon --reason "…", which names what would be lost`,
  }
}

async function missingFor(
  office: Office,
  situation: Situation,
  { plans }: RecoveryRecord,
): Promise<string | undefined> {
  const minted = plans.findLast((p) => p.mints)
  if (!minted?.mints) return 'nothing is minted for it'
  if (situation.opening?.unannounced === undefined) return 'no reign before it was open'
  if (office.announcers.size === 0) return 'no route is registered that could show that no client was led to it'
  if (!situation.policy.routesAreComplete)
    return 'clients may have reached it beside the routes (clients_only_by_routes is not declared)'
  // One that is not configured any more cannot be read back, and may lead clients there all the same.
  const gone = minted.steps.flatMap((s) => (s.kind === 'announce' && !office.announcers.has(s.route) ? [s.route] : []))
  const told = [...gone, ...(await routesMaybeTold(office, minted.mints.epoch))]
  return told.length > 0 ? `clients may have been led to it by ${told.join(', ')}` : undefined
}

const refused = (id: RecoveryEnd['id'], reasons: readonly RefusalReason[]): RecoveryEnd => ({
  kind: 'refused',
  id,
  reasons,
  undone: false,
})
