import type { Address } from './address.ts'
import type { Instant, ServerId, WallTime } from './ids.ts'
import type { Look } from './look.ts'
import type { ServerStatus } from './server.ts'

/** A channel's sign of life of its source: since when nothing new (events or heartbeats) has been seen to arrive. */
export interface Progress {
  readonly channel: string
  /** Sent time of the first look that showed the present received set and heartbeat count. */
  readonly stillSince: Instant
  /** The look before last showed something else: what arrived, arrived between two looks of ours. */
  readonly moved: boolean
}

export interface LastAnswer {
  readonly status: ServerStatus
  readonly sentAt: Instant
  readonly at: Instant
  /** For people and for records. */
  readonly wall: WallTime
}

/** What this process knows of one server, folded from all its looks. `id` is absent until it first answered. */
export interface Sighting {
  readonly address: Address
  readonly id?: ServerId
  readonly latest: Look
  readonly answer?: LastAnswer
  /** Sent time of the first look, since the last answer, that was not answered. */
  readonly troubleSince?: Instant
  readonly progress: readonly Progress[]
}
