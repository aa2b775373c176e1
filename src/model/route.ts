import { type Address, sameAddress } from './address.ts'
import { type ClusterId, clusterId, type Epoch, epoch } from './ids.ts'

interface Ordinal {
  readonly cluster: ClusterId
  readonly epoch: Epoch
  /** Minted by the store for each message of an epoch, an undo included. */
  readonly number: number
}

/** What a route is told. Clients are led nowhere, or to one primary. */
export type RouteMessage =
  | (Ordinal & { readonly kind: 'withdrawn' })
  | (Ordinal & { readonly kind: 'open'; readonly primary: Address })

export type RouteVerdict = 'accepted' | 'same' | 'refused_older' | 'refused_conflict' | 'refused_other_cluster'

/**
 * A receiver refuses a lower (epoch, number), and an equal pair with other content: a late message of an older leader, or of an
 * older plan, can never lead clients back. An equal pair with equal content is confirmed again.
 */
export function acceptRoute(current: RouteMessage | undefined, incoming: RouteMessage): RouteVerdict {
  if (!current) return 'accepted'
  if (current.cluster !== incoming.cluster) return 'refused_other_cluster'
  const order = incoming.epoch - current.epoch || incoming.number - current.number
  if (order > 0) return 'accepted'
  if (order < 0) return 'refused_older'
  return sameRoute(current, incoming) ? 'same' : 'refused_conflict'
}

export function sameRoute(a: RouteMessage, b: RouteMessage): boolean {
  if (a.cluster !== b.cluster || a.epoch !== b.epoch || a.number !== b.number) return false
  if (a.kind === 'withdrawn' || b.kind === 'withdrawn') return a.kind === b.kind
  return sameAddress(a.primary, b.primary)
}

/** `12.3`: epoch and number, as people read them. */
export const printOrdinal = (message: RouteMessage): string => `${message.epoch}.${message.number}`

/** Reads what came from a wire, a file or a program; undefined when it is not a whole route message. Unknown keys are ignored. */
export function readRouteMessage(value: unknown): RouteMessage | undefined {
  if (!isRecord(value)) return undefined
  const { cluster, epoch: reign, number, kind } = value
  if (typeof cluster !== 'string' || cluster === '' || !isOrdinal(reign) || !isOrdinal(number)) return undefined
  const ordinal = { cluster: clusterId(cluster), epoch: epoch(reign), number }
  if (kind === 'withdrawn') return { ...ordinal, kind }
  const primary = readAddress(value['primary'])
  return kind === 'open' && primary ? { ...ordinal, kind, primary } : undefined
}

export function readAddress(value: unknown): Address | undefined {
  if (!isRecord(value)) return undefined
  const { host, port } = value
  if (typeof host !== 'string' || host === '' || typeof port !== 'number') return undefined
  return Number.isInteger(port) && port >= 1 && port <= 65_535 ? { host, port } : undefined
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isOrdinal = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
