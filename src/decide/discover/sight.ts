import type { Address } from '../../model/address.ts'
import { isRecorded, type RecordedSighting } from '../../model/diagnosis.ts'
import { executedWithin, type History } from '../../model/history.ts'
import type { Instant, WallTime } from '../../model/ids.ts'
import type { Look } from '../../model/look.ts'
import { type ServerStatus, takesWrites } from '../../model/server.ts'
import type { Sighting } from '../../model/sighting.ts'
import { progressOf } from './progress.ts'

type Answered = Extract<Look, { readonly kind: 'answered' }>
type Unanswered = Exclude<Look, Answered>

interface Seen {
  readonly address: Address
  readonly look: Look
  readonly wall: WallTime
}

/**
 * Folds one look into what is known of a server. A look that was sent before the latest one, and failed, changes nothing: news
 * of an older silence must not hide a newer answer.
 */
export function sight(previous: Sighting | undefined, address: Address, look: Look, wall: WallTime): RecordedSighting {
  const known = previous === undefined ? undefined : recorded(previous)
  if (known !== undefined && isOutdated(known, look)) return known
  if (look.kind !== 'answered') return unanswered(known, address, look)
  return answered(known?.id === look.status.id ? known : undefined, { address, look, wall })
}

function isOutdated(previous: Sighting, look: Look): boolean {
  if (look.kind !== 'answered') return look.sentAt < previous.latest.sentAt
  return previous.answer !== undefined && look.sentAt < previous.answer.sentAt
}

/** Another server at this address (a rebuilt one, a moved VIP) starts a sighting of its own: progress of two servers does not compare. */
function answered(
  previous: RecordedSighting | undefined,
  { address, look, wall }: Seen & { readonly look: Answered },
): RecordedSighting {
  const { status, sentAt, at } = look
  const lostHistory = historyLost(previous, status)
  const downAt = previous?.latest.kind === 'refused' ? previous.latest.sentAt : previous?.downAt
  const writableAt = takesWrites(status.access) ? sentAt : previous?.writableAt
  return {
    address,
    id: status.id,
    latest: look,
    answer: { status, sentAt, at, wall },
    progress: status.channels.map((channel) => progressOf(channel, previous, sentAt)),
    ...(previous?.answer === undefined ? {} : { prior: previous.answer }),
    ...(lostHistory === undefined ? {} : { lostHistory }),
    ...(writableAt === undefined ? {} : { writableAt }),
    ...(downAt === undefined ? {} : { downAt }),
  }
}

/**
 * What a server had while it took writes, and has no more: kept until it contains it again, because a history that went
 * backwards is not sound only because it stopped shrinking. A replica may be rewound or rebuilt: its history is not a primary's.
 */
function historyLost(previous: RecordedSighting | undefined, now: ServerStatus): History | undefined {
  if (now.channels.some((channel) => channel.receiver === 'running')) return undefined
  const last = previous?.answer?.status
  const had = previous?.lostHistory ?? (last !== undefined && takesWrites(last.access) ? last.history : undefined)
  return had !== undefined && executedWithin(had, now.history) === 'no' ? had : undefined
}

function unanswered(previous: RecordedSighting | undefined, address: Address, look: Unanswered): RecordedSighting {
  if (previous === undefined) return { address, latest: look, troubleSince: look.sentAt, progress: [] }
  return { ...previous, latest: look, troubleSince: troubleSince(previous, look) }
}

/**
 * A server that denies us is alive: the trouble that is counted as silence starts with the first look after that sign of life.
 */
function troubleSince(previous: Sighting, look: Unanswered): Instant {
  if (previous.troubleSince === undefined || showsLife(previous.latest) !== showsLife(look)) return look.sentAt
  return previous.troubleSince
}

const showsLife = (look: Look): boolean =>
  look.kind === 'answered' || look.kind === 'denied' || look.kind === 'unusable'

/** A sighting that something else made is taken without its progress: memory that was not recorded is not invented. */
const recorded = (sighting: Sighting): RecordedSighting =>
  isRecorded(sighting) ? sighting : { ...sighting, progress: [] }
