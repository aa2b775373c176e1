import { type Evidence, REPLICA_FINDINGS, type ReplicaDiagnosis, type ReplicaFinding } from '../../model/diagnosis.ts'
import type { Member } from '../../model/topology.ts'
import { foldReplica, type ReplicaFolded } from './fold-replica.ts'
import { REPLICA_FACT_NAMES, REPLICA_RULES, type ReplicaFacts, type ReplicaWhen } from './replica-rules.ts'
import type { Snapshot } from './snapshot.ts'
import type { Subject } from './subject.ts'

/** Every finding about every server that is not the primary. Downtimed servers too: who shows them decides how loudly. */
export function diagnoseReplicas(snapshot: Snapshot, subject: Subject): readonly ReplicaDiagnosis[] {
  const primary = snapshot.topology.reign?.primary ?? (subject.kind === 'none' ? undefined : subject.id)
  const others = snapshot.topology.members.filter((m) => m.id !== primary)
  return others.flatMap((member) => {
    const folded = foldReplica(member, subject, snapshot)
    return REPLICA_FINDINGS.filter((finding) => replicaRuleHolds(REPLICA_RULES[finding].when, folded.facts)).map(
      (finding) => found(finding, member, folded),
    )
  })
}

function found(finding: ReplicaFinding, { id, sighting }: Member, folded: ReplicaFolded): ReplicaDiagnosis {
  const { when, because, errorOf, tryThis } = REPLICA_RULES[finding]
  const channels = errorOf ? (sighting.answer?.status.channels ?? []) : []
  const errors = channels.flatMap((channel) => {
    const error = errorOf?.(channel)
    return error ? [`${error.code} ${error.message.replace(/[\s\p{Cc}]+/gu, ' ').trim()}`] : []
  })
  return {
    server: id,
    finding,
    because: errors.length === 0 ? because : `${because}: ${[...new Set(errors)].join('; ')}`,
    evidence: evidenceFor(when, folded),
    ...(tryThis ? { tryThis: tryThis(id) } : {}),
  }
}

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
