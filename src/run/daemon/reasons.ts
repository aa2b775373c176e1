import type { RefusalReason } from '../../model/plan.ts'
import type { RecoveryRecord } from '../../ports/journal.ts'

/**
 * Replaced by itself only where it is shown that no client was ever led to it: whether it was opened is not known (outcomes are written
 * behind), and if it was, it may have acknowledged writes that the readings sealed before its opening say nothing of. A person may know
 * that nobody wrote to it.
 */
export function waitsForWinner(
  { plans, subject }: RecoveryRecord,
  alias: string,
  missing: string = NOT_STOPPED,
): RefusalReason {
  const minted = plans.findLast((p) => p.mints)?.mints
  const before = subject === minted?.winner ? '<host:port>' : subject
  return {
    code: 'waits_for_winner',
    says: `epoch ${minted?.epoch ?? ''} is minted for ${minted?.winner ?? 'a server'}, which does not answer: ${missing}, so nobody else is chosen without being told`,
    tryThis: `bring ${minted?.winner ?? 'that server'} back, or give it up: regent failover ${alias} --abandon --reason "…", or, where the primary before it is back: regent adopt ${alias} --server ${before} --open --over-reign --abandon --reason "…"`,
  }
}

/** It answers, and what was gone on with just now could not open it. `why`: by which step, and what to do about that. */
export function isNotOpened({ id, plans }: RecoveryRecord, alias: string, why?: string): RefusalReason {
  const minted = plans.findLast((p) => p.mints)?.mints
  const found = why === undefined ? '' : ` (${why})`
  return {
    code: 'winner_not_opened',
    says: `epoch ${minted?.epoch ?? ''} is minted for ${minted?.winner ?? 'a server'}, which answers and could not be opened yet${found}: nobody else is chosen without being told`,
    tryThis: `see why: regent history ${id}; or give it up: regent failover ${alias} --abandon --reason "…"; or open it by name, without any proof: regent unfence ${minted?.winner ?? '<host:port>'} --abandon --reason "…" --for 10m`,
  }
}

const NOT_STOPPED = 'it is not shown to be stopped, and may be open and written to'

/** Why a server is closed, and that no test says how its version takes that. */
export const onUnproven = (because: string, versions: readonly string[]): string =>
  versions.length === 0
    ? because
    : `${because} (closed although no test of Regent ran on ${versions.join(', ')}: a server of an older reign must not take writes)`

export const notProven = (versions: readonly string[], tryThis: string): RefusalReason => ({
  code: 'version_not_proven',
  says: `its history seems to have gone backwards, but no test of Regent ran on ${versions.join(', ')}: it is not closed without being told`,
  tryThis: `${tryThis}, or allow it by name in the policy: trust_versions: [${versions.join(', ')}]`,
})
