import { isRecorded } from '../../model/diagnosis.ts'
import { errant, receivedWithin } from '../../model/history.ts'
import type { ServerStatus } from '../../model/server.ts'
import type { LastAnswer, Sighting } from '../../model/sighting.ts'
import type { PrimaryFacts } from './facts.ts'
import { age, nameOf, nameOfMember, type Snapshot } from './snapshot.ts'
import type { Follower } from './subject.ts'

type HistoryValue = PrimaryFacts['history']

interface Finding {
  readonly value: HistoryValue
  readonly reading: string
}

/** Worst first. */
const BY_WEIGHT: readonly HistoryValue[] = ['went_backwards', 'behind_its_replicas', 'replica_has_more', 'unprovable']

export interface HistoryFact {
  readonly value: HistoryValue
  readonly readings: readonly string[]
}

/** Whether the primary that answers still has everything that it once gave to others. */
export function primaryHistory(sighting: Sighting, followers: readonly Follower[], snapshot: Snapshot): HistoryFact {
  const { answer } = sighting
  if (answer === undefined) return { value: 'not_known', readings: [] }
  const own: readonly Finding[] =
    isRecorded(sighting) && sighting.lostHistory !== undefined
      ? [{ value: 'went_backwards', reading: `${nameOf(sighting)} once had transactions that it has no more` }]
      : []
  const findings = [...own, ...followers.flatMap((follower) => compare(follower, answer, snapshot) ?? [])]
  const value = BY_WEIGHT.find((each) => findings.some((f) => f.value === each)) ?? 'sound'
  return { value, readings: findings.map((f) => f.reading) }
}

/**
 * The replica's sample must have ended before the primary's began: then whatever the replica has beyond it, the primary lacks for
 * good. Of two samples of one instant the replica may be ahead only because it was asked later. Undefined: nothing to say.
 */
function compare({ member }: Follower, primary: LastAnswer, snapshot: Snapshot): Finding | undefined {
  const { sighting } = member
  const sample = sampleBefore(sighting, primary)
  const name = nameOfMember(member)
  if (sample === undefined)
    return { value: 'unprovable', reading: `${name} was not read before the primary's last reading` }
  const answer = receivedWithin(sample.status.history, primary.status.history)
  const read = `${name}, read ${age(sample.at, snapshot)}`
  if (answer === 'yes') return undefined
  if (answer === 'unprovable') return { value: 'unprovable', reading: `${read}: whether it has more cannot be proven` }
  return surplusOf(sample.status, primary.status, read)
}

export function sampleBefore(sighting: Sighting, primary: LastAnswer): LastAnswer | undefined {
  const prior = isRecorded(sighting) ? sighting.prior : undefined
  return [sighting.answer, prior].find((sample) => sample !== undefined && sample.at <= primary.sentAt)
}

function surplusOf(replica: ServerStatus, primary: ServerStatus, read: string): Finding {
  const surplus = errant(replica.history, primary.history)
  if (surplus.kind === 'none')
    return { value: 'behind_its_replicas', reading: `${read}: it received more from its source than the primary has` }
  if (surplus.kind === 'unprovable') return { value: 'unprovable', reading: `${read}: ${surplus.because}` }
  if (wrote(primary, surplus.gtids))
    return {
      value: 'behind_its_replicas',
      reading: `${read}: it has the primary's own ${surplus.gtids}, which the primary lacks`,
    }
  return {
    value: 'replica_has_more',
    reading: `${read}: it has ${surplus.gtids}, which the primary neither has nor wrote`,
  }
}

/** A MySQL server signs its transactions with its UUID, which is its identity; a MariaDB server with its server_id. */
function wrote(primary: ServerStatus, gtids: string): boolean {
  if (primary.version.flavour === 'mysql') return gtids.toLowerCase().includes(primary.id.toLowerCase())
  return gtids.split(',').some((gtid) => gtid.split('-')[1] === `${primary.numericId}`)
}

/** Whether the primary wrote everything that it lacks: then the replica is not errant, the primary went backwards. */
export const wroteAllOf = (primary: ServerStatus, gtids: string): boolean =>
  gtids.split(',').every((each) => wrote(primary, each))
