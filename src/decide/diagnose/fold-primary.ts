import { isRecorded } from '../../model/diagnosis.ts'
import type { Look } from '../../model/look.ts'
import { takesWrites } from '../../model/server.ts'
import type { LastAnswer, Sighting } from '../../model/sighting.ts'
import type { Fact, PrimaryFacts } from './facts.ts'
import { age, isFresh, nameOf, type Snapshot } from './snapshot.ts'
import type { Subject } from './subject.ts'

export function reignFact({ topology }: Snapshot): Fact<'reign'> {
  const { reign } = topology
  if (reign === undefined) return { value: 'none', readings: ['no reign is recorded'] }
  return { value: reign.state, readings: [`reign ${reign.epoch} of ${reign.primary} is ${reign.state}`] }
}

/** The last look decides; a server that was never read is `never_answered` instead of refused or silent, and lives if it denies us. */
export function primaryFact(subject: Subject, snapshot: Snapshot): Fact<'primary'> {
  if (subject.kind === 'none') return { value: 'unknown', readings: [] }
  const { sighting } = subject
  const readings = [`${nameOf(sighting)}: ${describeLook(sighting.latest)}, ${age(sighting.latest.at, snapshot)}`]
  if (!isFresh(sighting, snapshot))
    return { value: 'in_doubt', readings: [...readings, 'that is too old to speak of now'] }
  const value = BY_LOOK[sighting.latest.kind]
  const lost = value === 'refused' || value === 'silent'
  if (lost && subject.kind === 'unmet') return { value: 'never_answered', readings }
  if (lost && sighting.troubleSince !== undefined)
    return { value, readings: [...readings, `nothing came back since ${age(sighting.troubleSince, snapshot)}`] }
  return { value, readings }
}

const BY_LOOK: { readonly [K in Look['kind']]: PrimaryFacts['primary'] } = {
  answered: 'answers',
  denied: 'denies',
  unusable: 'denies',
  closed: 'in_doubt',
  refused: 'refused',
  silent: 'silent',
}

export function describeLook(look: Look): string {
  if (look.kind === 'answered') return 'answered'
  if (look.kind === 'denied') return `denied us (${look.denial}, ${look.errno} ${look.message})`
  if (look.kind === 'unusable') return `said something unusable (${look.problem})`
  return `${look.kind} (${look.code})`
}

export function accessFact(sighting: Sighting, snapshot: Snapshot): Fact<'access'> {
  const { answer } = sighting
  if (answer === undefined) return { value: 'not_known', readings: [] }
  const readings = [
    `${nameOf(sighting)} is ${answer.status.access}, up for ${answer.status.uptimeS} s, ${age(answer.at, snapshot)}`,
  ]
  if (takesWrites(answer.status.access))
    return answer.status.offline === true
      ? {
          value: 'offline',
          readings: [...readings, 'offline_mode is on: clients without CONNECTION_ADMIN are refused'],
        }
      : { value: 'writable', readings }
  return wasWritableInThisRun(sighting, answer)
    ? { value: 'closed_by_hand', readings: [...readings, 'the same run of the server was seen to take writes'] }
    : { value: 'read_only', readings }
}

/**
 * Its start is at most this late: uptime is the difference of two clock readings in whole seconds, so it may be a second too long as
 * well as too short. A doubt counts as a restart.
 */
function wasWritableInThisRun(sighting: Sighting, { status, at }: LastAnswer): boolean {
  if (!isRecorded(sighting) || sighting.writableAt === undefined) return false
  return sighting.writableAt > at - Math.max(0, status.uptimeS - 1) * 1000
}
