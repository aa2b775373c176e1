import type { History } from './history.ts'
import type { Instant, ServerId } from './ids.ts'
import type { LastAnswer, Progress, Sighting } from './sighting.ts'

/** Verdicts on the primary. One and only one holds at any instant. */
export const PRIMARY_VERDICTS = [
  'healthy',
  'no_reign',
  'no_primary_known',
  'two_writable',
  'unexplained_writable',
  'stale_reign_writable',
  'read_only_primary',
  'history_went_backwards',
  'suspected',
  'unreachable_from_here',
  'refuses_but_serves_replicas',
  'denies_us',
  'dead',
  'dead_with_some_replicas',
  'dead_with_all_replicas',
  'dead_without_replicas',
  'limbo',
  'all_replicas_stopped',
  'single_replica_not_replicating',
] as const
export type PrimaryVerdict = (typeof PRIMARY_VERDICTS)[number]

/** Findings about a replica; any number may hold. */
export const REPLICA_FINDINGS = [
  'unreachable',
  'receiver_broken',
  'applier_broken',
  'receiver_stopped',
  'applier_stopped',
  'lagging',
  'writable',
  'errant_transactions',
  'follows_another',
  'follows_nobody',
  'without_binlog',
  'same_server_id',
  'no_gtid',
] as const
export type ReplicaFinding = (typeof REPLICA_FINDINGS)[number]

/** What may be done about a verdict. */
export type Remedy = 'none' | 'watch' | 'look_again' | 'tell' | 'fail_over' | 'fence_stale' | 'reopen' | 'adopt'

/** One fact as it stood, with the readings that made it: printable, storable. */
export interface Evidence {
  readonly fact: string
  readonly value: string
  readonly readings: readonly string[]
}

export interface PrimaryDiagnosis {
  readonly verdict: PrimaryVerdict
  /** Name of the rule's row. */
  readonly row: string
  readonly because: string
  readonly remedy: Remedy
  readonly primary?: ServerId
  /** Whom the remedy acts on: the servers to fence, to reopen, to adopt, to replace. Empty where it acts on nobody. */
  readonly targets: readonly ServerId[]
  readonly evidence: readonly Evidence[]
}

export interface ReplicaDiagnosis {
  readonly server: ServerId
  readonly finding: ReplicaFinding
  /** With the server's own words where it reports an error. */
  readonly because: string
  readonly evidence: readonly Evidence[]
  readonly tryThis?: string
}

export interface Diagnosis {
  readonly primary: PrimaryDiagnosis
  readonly replicas: readonly ReplicaDiagnosis[]
}

/** Why another row did not hold. */
export interface WhyNot {
  readonly row: string
  readonly verdict: PrimaryVerdict
  readonly missing: readonly { readonly fact: string; readonly is: string; readonly needs: readonly string[] }[]
  /** A row that held and overruled this one. */
  readonly beatenBy?: string
}

/**
 * What a receiver says of its source. `refused`: a refusal or a reset, which only the source's host can send (2003/111, 2013/104).
 * `turned_away`: an error that only a living server sends (wrong password, too many connections). `stopped`: says nothing.
 */
export type Voice = 'running' | 'connecting' | 'refused' | 'turned_away' | 'stopped'

/** `since`: sent time of the first look that showed it. */
export interface VoiceSince {
  readonly voice: Voice
  readonly since: Instant
}

/** A channel's progress with its memory: what it said before, and before which look its last movement cannot have been. */
export interface ChannelRecord extends Progress {
  /** Changes of voice, newest last, at most a few. Never empty. */
  readonly voices: readonly [...VoiceSince[], VoiceSince]
  /** Sent time of the last look that showed something else: what arrived last, arrived after it. Absent: nothing was ever seen to arrive. */
  readonly movedAfter?: Instant
}

/** A sighting with the memory that verdicts need beyond the last answer. The folding of looks makes no other kind. */
export interface RecordedSighting extends Sighting {
  readonly progress: readonly ChannelRecord[]
  /** The answer before the last one: comparisons of two servers need samples in causal order. */
  readonly prior?: LastAnswer
  /** A history that this server once had and does not contain any more. */
  readonly lostHistory?: History
  /** Sent time of the last look that saw it take writes. */
  readonly writableAt?: Instant
  /** Sent time of the last look that was refused: its present run began after that. */
  readonly downAt?: Instant
}

export const isRecord = (progress: Progress): progress is ChannelRecord => 'voices' in progress
export const isRecorded = (sighting: Sighting): sighting is RecordedSighting => sighting.progress.every(isRecord)
