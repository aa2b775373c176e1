import { z } from 'zod'
import { isPlain } from '../../model/plain.ts'
import type { Plan } from '../../model/plan.ts'
import { PROOF_LEVELS } from '../../model/policy.ts'
import type { CommandJson } from './contract.ts'

/** What requests may carry. Strict everywhere: a key that is not known is an error, never ignored. */

/** Terminals, logs and the store get these words as they are: none of them may move a cursor or clear a screen. */
const words = (most: number) => z.string().max(most).refine(isPlain, 'holds control characters; leave them out')

const server = words(300).min(1).meta({ description: 'a server: host:port, or its id' })
const text = (description: string) => words(1000).meta({ description })
const LONGEST_ORDER_MS = 30 * 86_400_000
const forMs = z.int().positive().max(LONGEST_ORDER_MS).meta({ description: 'how long it is in force, in ms' })

/** All that comparing looks at: in the middle of a recovery is no time to find that it is missing. */
const comparable = z.looseObject({
  version: z.literal(1),
  recovery: z.string(),
  subject: z.string(),
  kind: z.string(),
  act: z.union([z.literal(1), z.literal(2)]),
  mints: z.looseObject({ winner: z.string() }).exactOptional(),
  switchover: z.looseObject({ winner: z.string() }).exactOptional(),
  steps: z.array(z.looseObject({ id: z.string(), kind: z.string() })),
  risks: z.array(z.looseObject({ code: z.string(), says: z.string(), seconds: z.number().exactOptional() })),
  fence: z.looseObject({ demand: z.looseObject({ atLeast: z.enum(PROOF_LEVELS), alsoRoutes: z.boolean() }) }),
})
const plan = z.custom<Plan>((value) => comparable.safeParse(value).success, {
  error: 'this is no plan: give back the whole plan as it was answered',
})

const shown = z.strictObject({
  plan: plan.meta({ description: 'the plan as it was answered' }),
  expected: plan
    .exactOptional()
    .meta({ description: 'its second act as it was answered; absent where that was a refusal' }),
})

export const command = z
  .strictObject({
    verb: z.enum(['failover', 'switchover', 'adopt', 'rejoin', 'fence', 'unfence']),
    server: server.exactOptional(),
    open: z.boolean().exactOptional().meta({ description: 'adopt: also make it writable' }),
    loss: z.string().max(40).exactOptional().meta({ description: '`proven`, `any`, or a duration such as `10s`' }),
    fence: z.string().max(40).exactOptional().meta({ description: 'the proof level that suffices' }),
    reason: text('why, for the record').exactOptional(),
    by: text('who asks, for the record').exactOptional(),
    abandon: z.boolean().exactOptional().meta({ description: 'first end the recovery that is open' }),
    overHistory: z.boolean().exactOptional().meta({
      description: 'unfence or adopt although others received what it lacks: they would skip what it then writes',
    }),
    overReign: z
      .boolean()
      .exactOptional()
      .meta({ description: 'unfence although another reign stands; adopt in place of a reign that nobody holds' }),
    forMs: forMs.exactOptional(),
    shown: shown.exactOptional().meta({ description: 'what was shown; refused when it is not the plan any more' }),
    yes: z
      .boolean()
      .exactOptional()
      .meta({ description: 'ask nobody again: accept another winner than shown, never more loss or a weaker fence' }),
  })
  .meta({ description: 'a change as it is asked for' })

/** The contract and the schema may not part: this line stops compiling when they do. */
export const asCommand = (body: z.output<typeof command>): CommandJson => body

export const pause = z.strictObject({
  reason: words(1000).min(1).meta({ description: 'why nothing shall be done automatically' }),
  by: words(200).min(1).meta({ description: 'who asks' }),
  forMs,
})
export const answer = z.strictObject({ yes: z.boolean().meta({ description: 'go on; else act 1 is taken back' }) })
export const resume = z.strictObject({})
export const forget = z.strictObject({ server })

/** What the client that writes in a demo remembers; it is only shown. */
export const writer = z.strictObject({
  acknowledged: z.int().nonnegative(),
  unanswered: z.int().nonnegative(),
  lastAckAgoMs: z.number().nonnegative(),
  longestGapMs: z.number().nonnegative(),
})

export const named = z.strictObject({
  name: words(300).meta({ description: 'a cluster: its alias, its id, or any member; empty where there is only one' }),
})
export const numbered = z.strictObject({ id: words(100).min(1).meta({ description: 'the id of a recovery' }) })
export const listing = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(20).meta({ description: 'how many, newest first' }),
})
export const nothing = z.strictObject({})
