import { isRecorded } from '../../model/diagnosis.ts'
import { errant, receivedWithin } from '../../model/history.ts'
import type { Instant } from '../../model/ids.ts'
import { type ServerStatus, takesWrites } from '../../model/server.ts'
import type { LastAnswer, Sighting } from '../../model/sighting.ts'
import type { PrimaryFacts } from './facts.ts'
import { age, answersNow, nameOf, nameOfMember, type Snapshot } from './snapshot.ts'
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
 * The replica's sample must have ended before the primary's began: then whatever the replica has beyond it, the primary lacks.
 * That a closed primary lacks nothing is settled by a sample from after its start: since then it commits nothing. Of a replica that
 * does not answer, an old sample still accuses; that it cannot acquit is told by the fact `replicas`. Undefined: nothing to say.
 */
function compare({ member }: Follower, primary: LastAnswer, snapshot: Snapshot): Finding | undefined {
  const { sighting } = member
  const sample = sampleBefore(sighting, primary)
  const name = nameOfMember(member)
  const unread = {
    value: 'unprovable',
    reading: `${name} was not read between the primary's start and its last reading`,
  } as const
  const unsettled = answersNow(sighting, snapshot) ? unread : undefined
  if (sample === undefined) return unsettled
  const answer = receivedWithin(sample.status.history, primary.status.history)
  const read = `${name}, read ${age(sample.at, snapshot)}`
  if (answer === 'yes') return sample.sentAt < mustFollow(primary) ? unsettled : undefined
  if (answer === 'unprovable') return { value: 'unprovable', reading: `${read}: whether it has more cannot be proven` }
  return surplusOf({ sample, primary, read, lastDown: downAt(snapshot, primary) })
}

/** The latest instant at which the present run of a closed primary may have begun; uptime is told in whole seconds, rounded down. */
function mustFollow({ status, at }: LastAnswer): number {
  return takesWrites(status.access) ? Number.NEGATIVE_INFINITY : at - status.uptimeS * 1000
}

function downAt({ topology }: Snapshot, primary: LastAnswer): Instant | undefined {
  const sighting = topology.members.find((m) => m.id === primary.status.id)?.sighting
  return sighting !== undefined && isRecorded(sighting) ? sighting.downAt : undefined
}

export function sampleBefore(sighting: Sighting, primary: LastAnswer): LastAnswer | undefined {
  const prior = isRecorded(sighting) ? sighting.prior : undefined
  return [sighting.answer, prior].find((sample) => sample !== undefined && sample.at <= primary.sentAt)
}

interface Surplus {
  readonly sample: LastAnswer
  readonly primary: LastAnswer
  readonly read: string
  /** When the primary was last refused, before its present run. */
  readonly lastDown: Instant | undefined
}

/**
 * A primary that takes writes may lack what a replica has and be sound: MySQL counts a transaction as executed only after its
 * replicas were sent it, and with semi-sync after they acknowledged it. Nothing of the kind survives a restart: what a replica
 * had while the primary was down, the primary has or has lost.
 */
function surplusOf({ sample, primary, read, lastDown }: Surplus): Finding {
  const surplus = errant(sample.status.history, primary.status.history)
  if (surplus.kind === 'unprovable') return { value: 'unprovable', reading: `${read}: ${surplus.because}` }
  const isItsOwn = surplus.kind === 'none' ? sample.status.channels.length === 1 : wrote(primary.status, surplus.gtids)
  const what = surplus.kind === 'none' ? 'received transactions' : surplus.gtids
  const settled = !takesWrites(primary.status.access) || (lastDown !== undefined && sample.at <= lastDown)
  const value = isItsOwn && settled ? 'behind_its_replicas' : 'replica_has_more'
  return { value, reading: `${read}: it has ${what} that the primary does not show` }
}

/** A MySQL server signs its transactions with its UUID, which is its identity; a MariaDB server with its server_id. */
function wrote(primary: ServerStatus, gtids: string): boolean {
  if (primary.version.flavour === 'mysql') return gtids.toLowerCase().includes(primary.id.toLowerCase())
  return gtids.split(',').some((gtid) => gtid.split('-')[1] === `${primary.numericId}`)
}

/** Whether the primary wrote everything that it lacks: then the replica is not errant, the primary went backwards. */
export const wroteAllOf = (primary: ServerStatus, gtids: string): boolean =>
  gtids.split(',').every((each) => wrote(primary, each))
