import { type Evidence, REPLICA_FINDINGS, type ReplicaDiagnosis } from '../../model/diagnosis.ts'
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
      (finding) => ({
        server: member.id,
        finding,
        because: REPLICA_RULES[finding].because,
        evidence: evidenceFor(REPLICA_RULES[finding].when, folded),
      }),
    )
  })
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
