import type { Diagnosis, PrimaryDiagnosis } from '../../model/diagnosis.ts'
import type { ServerId } from '../../model/ids.ts'
import { decide } from './explain.ts'
import { type Folded, foldPrimary } from './fold.ts'
import { diagnoseReplicas } from './replicas.ts'
import type { PrimaryRule } from './rule.ts'
import type { Snapshot } from './snapshot.ts'

/** What is wrong with the cluster, with the readings that say so. */
export function diagnose(snapshot: Snapshot): Diagnosis {
  const folded = foldPrimary(snapshot)
  return { primary: primaryDiagnosis(folded), replicas: diagnoseReplicas(snapshot, folded.subject) }
}

export function primaryDiagnosis(folded: Folded): PrimaryDiagnosis {
  const row = decide(folded.facts)
  const primary = idOf(folded)
  return {
    verdict: row.verdict,
    row: row.name,
    because: row.because,
    remedy: row.remedy,
    ...(primary === undefined ? {} : { primary }),
    targets: targetsOf(row, folded),
    evidence: folded.evidence,
  }
}

const idOf = ({ subject }: Folded): ServerId | undefined => (subject.kind === 'none' ? undefined : subject.id)

function targetsOf(row: PrimaryRule, folded: Folded): readonly ServerId[] {
  const primary = idOf(folded)
  const targets: { readonly [A in PrimaryRule['actsOn']]: readonly ServerId[] } = {
    primary: primary === undefined ? [] : [primary],
    older_primaries: folded.olderPrimaries,
    nobody: [],
  }
  return targets[row.actsOn]
}
