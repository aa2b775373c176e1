import { planFailoverAct1 } from '../../decide/recover/failover-act1.ts'
import { type Situation, subjectAddresses } from '../../decide/recover/situation.ts'
import { printAddress } from '../../model/address.ts'
import type { RefusalReason } from '../../model/plan.ts'
import { OPEN_STATES, type RecoveryRecord } from '../../ports/journal.ts'
import type { HeldLease } from '../../ports/lease.ts'
import { type Asked, type Office, situationFor } from './office.ts'
import { refusedAt, routesMaybeTold } from './opening.ts'
import { waitsForWinner } from './reasons.ts'
import { recover } from './recovery.ts'
import type { RecoveryEnd } from './recovery-end.ts'

export interface Waiting {
  /** The recovery that minted the reign. */
  readonly record: RecoveryRecord
  readonly lease: HeldLease
}

/**
 * A recovery of a winner that was minted, and died before it was known to be open; it was just found refusing, with nobody receiving
 * from it. Established in this order: it is stopped; then that no route was ever told of its reign. Whatever it did before it stopped,
 * no client was led to it, so it has acknowledged nothing to anybody, and all that was ever promised stands in what was sealed before.
 */
export async function replaceWinner(
  office: Office,
  waiting: Waiting & { readonly because: string },
): Promise<RecoveryEnd> {
  const { record, because, lease } = waiting
  const id = office.ids.recovery()
  const minted = record.plans.findLast((p) => p.mints)?.mints
  const replaceable = record.kind === 'failover' || record.kind === 'switchover'
  if (!minted || !replaceable) return refused(id, [waitsForWinner(record, office.config.alias)])
  const asked: Asked = {
    subject: minted.winner,
    subjectState: 'refused',
    stopped: true,
    automatic: true,
    unannounced: true,
  }
  const situation = await situationFor(office, asked, id)
  const missing = await missingFor(office, situation, minted.epoch)
  if (missing !== undefined) return refused(id, [waitsForWinner(record, office.config.alias, missing)])
  // Foreseen here: the recovery before this one is ended only for one that can begin.
  const planned = planFailoverAct1(situation)
  if (planned.kind === 'refusal')
    return refused(id, [waitsForWinner(record, office.config.alias, 'replacing it is refused'), ...planned.reasons])
  await giveUp(office, waiting, `${minted.winner} died before it was known to be open, and no client was led to it`)
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

async function missingFor(
  office: Office,
  situation: Situation,
  epoch: Parameters<typeof routesMaybeTold>[1],
): Promise<string | undefined> {
  if (situation.opening?.unannounced === undefined) return 'no reign before it was open'
  const addresses = subjectAddresses(situation)
  if (!(await refusedAt(office, addresses)))
    return `it does not refuse, or that would prove nothing, at every address known of it (${addresses.map(printAddress).join(', ')})`
  if (office.announcers.size === 0) return 'no route is registered that could show that no client was led to it'
  if (!situation.policy.routesAreComplete)
    return 'clients may have reached it beside the routes (clients_only_by_routes is not declared)'
  const told = await routesMaybeTold(office, epoch)
  return told.length > 0 ? `clients may have been led to it by ${told.join(', ')}` : undefined
}

const refused = (id: RecoveryEnd['id'], reasons: readonly RefusalReason[]): RecoveryEnd => ({
  kind: 'refused',
  id,
  reasons,
  undone: false,
})
