/**
 * What the primary's table asks. Every domain is small and closed, and time and thresholds are already folded in, so that a
 * test can enumerate every combination. The first value of each is the one where nothing is wrong, or nothing is asked.
 */
export const FACTS = {
  /** `opening`: a recovery has minted it, and goes on to open its winner. */
  reign: ['open', 'opening', 'none'],
  /**
   * The reign's primary, or without a reign the one server that could be it. `in_doubt`: its socket was closed and nothing new
   * was tried, or its last reading is too old to speak of now. `never_answered`: unreachable, and this process never read it.
   */
  primary: ['answers', 'denies', 'in_doubt', 'refused', 'silent', 'never_answered', 'unknown'],
  /**
   * `offline`: it would take writes, and offline_mode turns clients away. `closed_by_hand`: read-only, and the same run of the
   * server was seen to take writes: somebody closed it, no restart did.
   */
  access: ['writable', 'offline', 'read_only', 'closed_by_hand', 'not_known'],
  /**
   * On causally ordered samples only. `behind_its_replicas`: a replica has transactions that the primary gave it and has no more.
   * `replica_has_more`: a replica has something that the primary does not show: another wrote it, or its commit is under way.
   */
  history: ['sound', 'unprovable', 'replica_has_more', 'behind_its_replicas', 'went_backwards', 'not_known'],
  /** `older_reign`: a former primary takes writes. `unexplained`: a server that follows nobody does, and no reign names it. */
  otherWritable: ['none', 'older_reign', 'unexplained'],
  /** Those that follow the primary by their last answers, and known addresses that never answered; downtimed ones left out. */
  replicas: ['all_answer', 'some_answer', 'none_answer', 'none'],
  /** Receivers and appliers, while the primary answers. */
  replication: ['flows', 'all_stopped', 'single_stopped', 'not_known'],
  /**
   * While the primary cannot be reached: what the receivers of the answering replicas say that ran at their last reading before.
   * Appliers are not asked. `cannot_tell`: at least one stands still, and its heartbeats are too slow to mean anything by it yet.
   */
  hearing: ['not_asked', 'some_hear', 'cannot_tell', 'none_hear', 'no_witness'],
  /** Of those that do not hear it, against the number that policy demands. */
  witnesses: ['not_asked', 'enough', 'too_few'],
  /**
   * Why it need not be waited for any longer. `everyone_refused`: the host's own kernel and every witness say so. `refused_unheard`: its
   * reign is only being opened, so that nobody need follow it yet; its kernel says so at every address, and nobody receives from it.
   */
  proof: ['not_asked', 'everyone_refused', 'refused_unheard', 'time_passed', 'not_yet'],
  /** Every server and every configured address of the cluster. */
  everyone: ['answers', 'not_all'],
} as const

export type FactName = keyof typeof FACTS
export type PrimaryFacts = { readonly [F in FactName]: (typeof FACTS)[F][number] }

/** For people, in the printed table. */
export const FACT_QUESTIONS: { readonly [F in FactName]: string } = {
  reign: 'Is a reign recorded, and was its primary opened?',
  primary: 'What came back from the primary at the last look?',
  access: 'Does it take writes, and if not, since when?',
  history: 'Does it still have everything that it once had and gave to its replicas?',
  otherWritable: 'Does another server take writes?',
  replicas: 'Which of its replicas answer us?',
  replication: 'Do its replicas replicate?',
  hearing: 'Do the replicas that were receiving from it still hear it?',
  witnesses: 'Are those that do not hear it as many as policy demands?',
  proof: 'Why need it not be waited for any longer?',
  everyone: 'Do all servers and addresses of the cluster answer?',
}

export const FACT_NAMES: readonly FactName[] = [
  'reign',
  'primary',
  'access',
  'history',
  'otherWritable',
  'replicas',
  'replication',
  'hearing',
  'witnesses',
  'proof',
  'everyone',
]

/** Values of `primary` for which nothing comes back: only then the replicas are asked. */
export const LOST = ['refused', 'silent', 'never_answered'] as const

/** One fact with the readings that it was made from: who said what, and how long ago. */
export interface Fact<F extends FactName> {
  readonly value: PrimaryFacts[F]
  readonly readings: readonly string[]
}
export type Facts = { readonly [F in FactName]: Fact<F> }

export const NOT_KNOWN = { value: 'not_known', readings: [] } as const
export const NOT_ASKED = { value: 'not_asked', readings: [] } as const
