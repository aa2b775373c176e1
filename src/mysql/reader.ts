import type { ServerStatus } from '../model/server.ts'
import type { ResultSets } from './session.ts'

export type Depth = 'live' | 'full'

/** Reads one server over one standing connection, and keeps what moves slowly between two full readings of it. */
export interface Reader {
  /** One packet. A reader that has no slow parts yet asks for all, whatever the depth. Constant text: no value is spliced in. */
  ask(depth: Depth): Question
}

export interface Question {
  readonly sql: string
  /** Throws UnusableReply. */
  readonly read: (sets: ResultSets) => ServerStatus
}

/** How one flavour is read: `live` in every packet, `slow` behind it in a full one. */
export interface Reading<Slow> {
  readonly live: readonly string[]
  readonly slow: readonly string[]
  readonly readSlow: (sets: ResultSets) => Slow
  readonly readLive: (sets: ResultSets, slow: Slow) => ServerStatus
}

export function readerOf<Slow>(reading: Reading<Slow>): Reader {
  const live = reading.live.join('; ')
  const full = [...reading.live, ...reading.slow].join('; ')
  const split = reading.live.length
  let known: { readonly slow: Slow } | undefined
  const readFull = (sets: ResultSets): ServerStatus => {
    const slow = reading.readSlow(sets.slice(split))
    known = { slow }
    return reading.readLive(sets, slow)
  }
  return {
    ask: (depth) => {
      if (depth === 'full' || known === undefined) return { sql: full, read: readFull }
      const { slow } = known
      return { sql: live, read: (sets) => reading.readLive(sets, slow) }
    },
  }
}
