import type { Evidence } from '../../model/diagnosis.ts'
import type { ServerId } from '../../model/ids.ts'
import { FACT_NAMES, type Facts, NOT_KNOWN, type PrimaryFacts } from './facts.ts'
import { everyoneFact, olderPrimaries, otherWritableFact } from './fold-others.ts'
import { accessFact, primaryFact, reignFact } from './fold-primary.ts'
import { inquiryFacts, replicasFact, replicationFact } from './fold-replicas.ts'
import { primaryHistory } from './primary-history.ts'
import type { Snapshot } from './snapshot.ts'
import { followersOf, type Subject, subjectOf } from './subject.ts'

/** What the primary's table is asked, and what it was made from. */
export interface Folded {
  readonly subject: Subject
  readonly facts: PrimaryFacts
  readonly evidence: readonly Evidence[]
  readonly olderPrimaries: readonly ServerId[]
}

/** Readings and policy in, facts over small closed domains out. Every threshold and every instant ends here. */
export function foldPrimary(snapshot: Snapshot): Folded {
  const subject = subjectOf(snapshot)
  const followers = followersOf(subject, snapshot.topology)
  const older = olderPrimaries(snapshot)
  const primary = primaryFact(subject, snapshot)
  const sighting = primary.value === 'answers' && subject.kind !== 'none' ? subject.sighting : undefined
  const all: Facts = {
    reign: reignFact(snapshot),
    primary,
    access: sighting === undefined ? NOT_KNOWN : accessFact(sighting, snapshot),
    history: sighting === undefined ? NOT_KNOWN : primaryHistory(sighting, followers, snapshot),
    otherWritable: otherWritableFact(subject, older, snapshot),
    replicas: replicasFact(subject, followers, snapshot),
    replication: sighting === undefined ? NOT_KNOWN : replicationFact(subject, followers, snapshot),
    ...inquiryFacts({ subject, primary: primary.value, followers }, snapshot),
    everyone: everyoneFact(snapshot),
  }
  return { subject, facts: valuesOf(all), evidence: evidenceOf(all), olderPrimaries: older.map((m) => m.id) }
}

function valuesOf(all: Facts): PrimaryFacts {
  return {
    reign: all.reign.value,
    primary: all.primary.value,
    access: all.access.value,
    history: all.history.value,
    otherWritable: all.otherWritable.value,
    replicas: all.replicas.value,
    replication: all.replication.value,
    hearing: all.hearing.value,
    witnesses: all.witnesses.value,
    proof: all.proof.value,
    everyone: all.everyone.value,
  }
}

const evidenceOf = (all: Facts): readonly Evidence[] =>
  FACT_NAMES.map((fact) => ({ fact, value: all[fact].value, readings: all[fact].readings }))
