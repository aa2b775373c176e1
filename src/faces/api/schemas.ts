import { z } from 'zod'
import type { Plan } from '../../model/plan.ts'
import type { CommandJson } from './contract.ts'

/** What requests may carry. Strict everywhere: a key that is not known is an error, never ignored. */

const server = z.string().min(1).max(300).meta({ description: 'a server: host:port, or its id' })
const text = (description: string) => z.string().max(1000).meta({ description })
const LONGEST_ORDER_MS = 30 * 86_400_000
const forMs = z.int().positive().max(LONGEST_ORDER_MS).meta({ description: 'how long it is in force, in ms' })

/** Only what comparing needs is looked at: a plan that is not the one of now is refused, whatever it says. */
const shown = z.custom<Plan>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    'version' in value &&
    value.version === 1 &&
    'recovery' in value &&
    typeof value.recovery === 'string' &&
    'steps' in value &&
    Array.isArray(value.steps),
  { error: 'this is no plan: give back the whole plan as it was answered' },
)

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
    overReign: z.boolean().exactOptional().meta({ description: 'unfence although another reign stands' }),
    forMs: forMs.exactOptional(),
    shown: shown
      .exactOptional()
      .meta({ description: 'the plan that was shown; refused when it is not the plan any more' }),
  })
  .meta({ description: 'a change as it is asked for' })

/** The contract and the schema may not part: this line stops compiling when they do. */
export const asCommand = (body: z.output<typeof command>): CommandJson => body

export const pause = z.strictObject({
  reason: z.string().min(1).max(1000).meta({ description: 'why nothing shall be done automatically' }),
  by: z.string().min(1).max(200).meta({ description: 'who asks' }),
  forMs,
})
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
  name: z
    .string()
    .max(300)
    .meta({ description: 'a cluster: its alias, its id, or any member; empty where there is only one' }),
})
export const numbered = z.strictObject({ id: z.string().min(1).max(100).meta({ description: 'the id of a recovery' }) })
export const listing = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(20).meta({ description: 'how many, newest first' }),
})
export const nothing = z.strictObject({})
