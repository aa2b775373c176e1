import { type Evidence, REPLICA_FINDINGS, type ReplicaDiagnosis, type ReplicaFinding } from '../../model/diagnosis.ts'
import type { Member } from '../../model/topology.ts'
import { foldReplica, type ReplicaFolded } from './fold-replica.ts'
import { REPLICA_FACT_NAMES, REPLICA_RULES, type ReplicaFacts, type ReplicaWhen } from './replica-rules.ts'
import { answersNow, type Snapshot } from './snapshot.ts'
import type { Subject } from './subject.ts'

/** Every finding about every server that is not the primary. Downtimed servers too: who shows them decides how loudly. */
export function diagnoseReplicas(snapshot: Snapshot, subject: Subject): readonly ReplicaDiagnosis[] {
  const primary = snapshot.topology.reign?.primary ?? (subject.kind === 'none' ? undefined : subject.id)
  const others = snapshot.topology.members.filter((m) => m.id !== primary)
  const primaryAnswers = subject.kind === 'met' && answersNow(subject.sighting, snapshot)
  return others.flatMap((member) => {
    const folded = foldReplica(member, subject, snapshot)
    return REPLICA_FINDINGS.filter((finding) => replicaRuleHolds(REPLICA_RULES[finding].when, folded.facts)).map(
      (finding) => found(finding, member, { folded, primaryAnswers }),
    )
  })
}

interface Seen {
  readonly folded: ReplicaFolded
  readonly primaryAnswers: boolean
}

function found(finding: ReplicaFinding, { id, sighting }: Member, { folded, primaryAnswers }: Seen): ReplicaDiagnosis {
  const { when, because, errorOf, names, tryThis, needsPrimary } = REPLICA_RULES[finding]
  const channels = errorOf ? (sighting.answer?.status.channels ?? []) : []
  const errors = channels.flatMap((channel) => {
    const error = errorOf?.(channel)
    return error ? [`${error.code} ${oneLine(error.message)}`] : []
  })
  const told = [...new Set([...errors, ...(names ? (folded.readings[names] ?? []) : []).map(clipped)])]
  return {
    server: id,
    finding,
    because: told.length === 0 ? because : `${because}: ${told.join('; ')}`,
    evidence: evidenceFor(when, folded),
    ...(tryThis && (primaryAnswers || !needsPrimary) ? { tryThis: tryThis(id) } : {}),
  }
}

const oneLine = (text: string): string => text.replace(/[\s\p{Cc}]+/gu, ' ').trim()

/** A set of GTIDs may have thousands of intervals. The evidence has it whole. */
const LONGEST_TOLD = 200
const clipped = (text: string): string =>
  text.length > LONGEST_TOLD ? `${text.slice(0, LONGEST_TOLD).replace(/,[^,]*$/, ',')}…` : text

export function replicaRuleHolds(when: ReplicaWhen, facts: ReplicaFacts): boolean {
  return REPLICA_FACT_NAMES.every((fact) => {
    const needs: readonly string[] | undefined = when[fact]
    return needs === undefined || needs.includes(facts[fact])
  })
}

/** Only the facts that the row asked for: the others are no reason. */
const evidenceFor = (when: ReplicaWhen, { facts, readings }: ReplicaFolded): readonly Evidence[] =>
  REPLICA_FACT_NAMES.filter((fact) => when[fact] !== undefined).map((fact) => ({
    fact,
    value: facts[fact],
    readings: readings[fact] ?? [],
  }))
