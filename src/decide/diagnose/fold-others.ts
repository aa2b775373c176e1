import { takesWrites } from '../../model/server.ts'
import { edgesOf, type Member } from '../../model/topology.ts'
import type { Fact } from './facts.ts'
import { describeLook } from './fold-primary.ts'
import { age, answersNow, nameOf, nameOfMember, type Snapshot } from './snapshot.ts'
import { isWritable, type Subject, writableRoots } from './subject.ts'
import { unreadAddresses } from './unread.ts'

/** Primaries of older reigns that take writes now, by fresh readings. Whom they follow does not matter. */
export function olderPrimaries(snapshot: Snapshot): readonly Member[] {
  const { topology, formerPrimaries } = snapshot
  const { reign } = topology
  if (reign === undefined) return []
  return topology.members.filter((m) => m.id !== reign.primary && formerPrimaries.has(m.id) && isWritable(m, snapshot))
}

export function otherWritableFact(
  subject: Subject,
  older: readonly Member[],
  snapshot: Snapshot,
): Fact<'otherWritable'> {
  const tell = (m: Member): string =>
    `${nameOfMember(m)} is ${m.sighting.answer?.status.access ?? 'unread'}, ${age(m.sighting.latest.at, snapshot)}`
  if (older.length > 0) return { value: 'older_reign', readings: older.map(tell) }
  const others = unexplained(subject, snapshot)
  return { value: others.length > 0 ? 'unexplained' : 'none', readings: others.map(tell) }
}

/** Without a reign only several count: one alone is the subject. Upstreams, from which the primary itself receives, are no rivals. */
function unexplained(subject: Subject, snapshot: Snapshot): readonly Member[] {
  const { topology } = snapshot
  const writable = writableRoots(snapshot)
  if (topology.reign === undefined) return writable.length > 1 ? writable : []
  const upstream = upstreamOf(subject, snapshot)
  return writable.filter((m) => m.id !== topology.reign?.primary && !upstream.has(m.id))
}

/**
 * Servers that a primary which takes writes receives from belong to another cluster. A read-only primary that follows a writable
 * server is another matter: somebody has moved the role by hand.
 */
function upstreamOf(subject: Subject, { topology }: Snapshot): ReadonlySet<string> {
  if (subject.kind !== 'met') return new Set()
  const { answer } = subject.sighting
  if (answer === undefined || !takesWrites(answer.status.access)) return new Set()
  return new Set(edgesOf(topology, subject.id).flatMap((edge) => edge.source ?? []))
}

/**
 * Downtimed servers are not waited for. An address that never answered might be a server that takes writes, and so might one that was
 * only just named: a co-primary is known by its partner's channel a moment before anybody has looked at it.
 */
export function everyoneFact(snapshot: Snapshot): Fact<'everyone'> {
  const { members } = snapshot.topology
  const away = members.filter((m) => !m.declared.downtimed && !answersNow(m.sighting, snapshot)).map((m) => m.sighting)
  const readings = away.map((s) => `${nameOf(s)}: ${describeLook(s.latest)}, ${age(s.latest.at, snapshot)}`)
  const all = [...readings, ...unreadAddresses(snapshot).map((u) => u.reading)]
  return { value: all.length === 0 ? 'answers' : 'not_all', readings: all }
}
