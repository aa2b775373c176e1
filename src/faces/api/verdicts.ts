import { z } from 'zod'
import type { PrimaryDiagnosis } from '../../model/diagnosis.ts'
import type { Keeper } from '../../run/daemon/index.ts'
import type { RecoveryJson } from './contract.ts'

export interface StoredVerdict {
  readonly at: number
  readonly diagnosis: PrimaryDiagnosis
}

/** More verdicts than recoveries are shown: each recovery has about three (suspected, dead, healthy again). */
const AS_MANY = 200

const body = z.looseObject({
  diagnosis: z.looseObject({
    primary: z.custom<PrimaryDiagnosis>(
      (found) => z.looseObject({ because: z.string(), evidence: z.array(z.unknown()) }).safeParse(found).success,
    ),
  }),
})

/** The verdicts that the store keeps, newest first. One that cannot be read any more is left out: it is only shown. */
export async function storedVerdicts({ office }: Keeper): Promise<readonly StoredVerdict[]> {
  const records = await office.store.evidence(office.cluster, AS_MANY)
  return records
    .flatMap(({ at, body: text }) => {
      const read = body.safeParse(parsed(text))
      return read.success ? [{ at, diagnosis: read.data.diagnosis.primary }] : []
    })
    .toSorted((a, b) => b.at - a.at)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The verdict that was in force when it began, if that is what it was begun for; a command has none. */
export function withVerdict(recovery: RecoveryJson, verdicts: readonly StoredVerdict[]): RecoveryJson {
  const found = verdicts.find((verdict) => verdict.at <= recovery.startedAt)
  return found && found.diagnosis.because === recovery.because ? { ...recovery, verdict: found } : recovery
}
