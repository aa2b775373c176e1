import { z } from 'zod'
import { printDuration } from '../model/duration.ts'
import {
  DEFAULT_POLICY,
  type LossPolicy,
  type Policy,
  PROOF_LEVELS,
  type SemiSyncPolicy,
  UNPROVEN_LOSS_BOUND_S,
} from '../model/policy.ts'
import { complain, duration } from './leaves.ts'

/** One key below `policy:`. Reading it yields the part of the policy that it decides. */
export interface PolicyField {
  readonly schema: z.ZodType<Partial<Policy>>
  /** The value as the file would say it. */
  readonly show: (policy: Policy) => string
  /** Why the default is what it is, or what the key decides. */
  readonly why: string
}

interface Definition<S extends z.ZodType> {
  readonly is: S
  readonly to: (value: z.output<S>) => Partial<Policy>
  readonly show: (policy: Policy) => string
  readonly why: string
}

const field = <S extends z.ZodType>({ is, to, show, why }: Definition<S>): PolicyField => ({
  schema: is.meta({ ...is.meta(), description: `${why} Default: ${show(DEFAULT_POLICY)}.` }).transform(to),
  show,
  why,
})

type DurationKey = {
  [K in keyof Policy]: Policy[K] extends number ? (K extends `${string}Ms` ? K : never) : never
}[keyof Policy]
type Range = { readonly min: number; readonly max: number; readonly wholeSeconds?: true }

const time = (key: DurationKey, range: Range, why: string): PolicyField =>
  field({
    is: duration({ ...range, description: why }),
    to: (ms) => ({ [key]: ms }),
    show: (policy) => printDuration(policy[key]),
    why,
  })

const MINUTE = 60_000
const HOUR = 60 * MINUTE

const loss = z
  .union(
    [
      z.literal('auto'),
      z.literal('proven'),
      z.strictObject({
        at_most: duration({ min: 0, max: 24 * HOUR, description: 'age of the newest write that may be lost' }),
      }),
    ],
    {
      error: 'this is no bound on loss',
    },
  )
  .meta({ examples: ['auto', 'proven', { at_most: '10s' }] })

const lossPolicy = (value: z.output<typeof loss>): LossPolicy =>
  typeof value === 'string' ? { kind: value } : { kind: 'at_most', seconds: value.at_most / 1000 }

const showLoss = ({ loss }: Policy): string =>
  loss.kind === 'at_most' ? `{at_most: ${printDuration(loss.seconds * 1000)}}` : loss.kind

const waitCount = z
  .int()
  .meta({ description: 'replicas that acknowledge a write before the client hears OK, 1 to 65535' })
  .superRefine((count, context) => {
    if (count >= 1 && count <= 65_535) return
    complain(context, {
      what: `a wait count of ${count} cannot be`,
      fix: count === 0 ? 'write `semi_sync: off`, or a count from 1' : 'write a count from 1 to 65535',
    })
  })

const semiSync = z
  .union([z.literal('as_found'), z.literal('off'), z.strictObject({ wait_count: waitCount })], {
    error: 'this is no setting of semi-sync',
  })
  .meta({ examples: ['as_found', 'off', { wait_count: 1 }] })

const semiSyncPolicy = (value: z.output<typeof semiSync>): SemiSyncPolicy =>
  typeof value === 'string' ? { kind: value } : { kind: 'wait_count', count: value.wait_count }

const showSemiSync = ({ semiSync }: Policy): string =>
  semiSync.kind === 'wait_count' ? `{wait_count: ${semiSync.count}}` : semiSync.kind

const versionName = z
  .string()
  .meta({ description: 'flavour and major.minor', examples: ['mysql 8.4'] })
  .refine((text) => /^(mysql|mariadb) \d+\.\d+$/.test(text), {
    error: 'this names no version',
    params: { fix: 'write the flavour and major.minor, for example "mysql 8.4" or "mariadb 11.8"' },
  })

/** Every key below `policy:`, with the reason of its default. */
export const POLICY_FIELDS = {
  recovery: field({
    is: z.enum(['automatic', 'ask']),
    to: (recovery) => ({ recovery }),
    show: (p) => p.recovery,
    why: 'Whether a dead primary is replaced without a person. Automatic, because nights are long; only on versions that tests have proven.',
  }),
  trust_versions: field({
    is: z.array(versionName).meta({ examples: [['mysql 8.4']] }),
    to: (trustVersions) => ({ trustVersions }),
    show: (p) => (p.trustVersions.length === 0 ? '[]' : `[${p.trustVersions.join(', ')}]`),
    why: 'Versions outside the proven ones on which automatic recovery is allowed all the same. None, because nobody has seen it work there.',
  }),
  loss: field({
    is: loss,
    to: (value) => ({ loss: lossPolicy(value) }),
    show: showLoss,
    why: `How much may be lost without asking. Auto: nothing where lossless semi-sync was in force, else at most ${UNPROVEN_LOSS_BOUND_S} s of writes.`,
  }),
  fence: field({
    is: z.enum(['default', ...PROOF_LEVELS]),
    to: (level) => ({ fence: level === 'default' ? { kind: 'default' } : { kind: 'at_least', level } }),
    show: (p) => (p.fence.kind === 'default' ? 'default' : p.fence.level),
    why: 'How surely the old primary must take no writes before another opens. Default: routes withdrawn where it is silent; stopped where its own kernel refuses, and routes too unless servers start read-only.',
  }),
  semi_sync: field({
    is: semiSync,
    to: (value) => ({ semiSync: semiSyncPolicy(value) }),
    show: showSemiSync,
    why: 'Whether a new primary waits for acknowledgements. As found: as the old one did at its last good reading.',
  }),
  ackers: field({
    is: z.enum(['lower', 'refuse']),
    to: (ackers) => ({ ackers }),
    show: (p) => p.ackers,
    why: 'When fewer replicas than the wait count can be attached. Lower: the count, as a recorded risk, because a primary that cannot commit is no primary.',
  }),
  other_site: field({
    is: z.enum(['allow', 'never']),
    to: (other) => ({ sites: { other } }),
    show: (p) => p.sites.other,
    why: 'Whether a server of another site may become primary. Allowed, but ranked after those of the same site.',
  }),
  silence_window: time(
    'silenceWindowMs',
    { min: 100, max: HOUR },
    'How long a primary must have been silent, and unheard by every replica, to count as dead. Long enough for a lost packet to be sent again.',
  ),
  look_every: time(
    'lookEveryMs',
    { min: 50, max: MINUTE },
    'Time between two looks at one server. One round trip each.',
  ),
  suspect_after: time(
    'suspectAfterMs',
    { min: 10, max: MINUTE },
    'An unanswered look makes a suspicion after this; a suspicion makes looks, never a failover.',
  ),
  look_deadline: time(
    'lookDeadlineMs',
    { min: 50, max: MINUTE },
    'A look that has not ended by then counts as silence, and its connection is not used again.',
  ),
  witnesses: field({
    is: z.int().min(1, { error: 'at least one replica must answer for a primary to be judged' }).max(1000),
    to: (witnesses) => ({ witnesses }),
    show: (p) => String(p.witnesses),
    why: 'Replicas that must answer for a primary that cannot be reached to be judged. One, so that 1+1 is possible.',
  }),
  act1_deadline: time(
    'act1DeadlineMs',
    { min: 100, max: 10 * MINUTE },
    'Longest wait for withdrawing, fencing and sealing; a replica that misses it is neither candidate nor acker.',
  ),
  seal_kill_after: time(
    'sealKillAfterMs',
    { min: 10, max: MINUTE },
    'A receiver that has not stopped by then is killed: it goes on acknowledging while its STOP waits behind another.',
  ),
  attach_deadline: time(
    'attachDeadlineMs',
    { min: 100, max: 10 * MINUTE },
    'Longest wait for ackers to be counted by the new primary.',
  ),
  drain_limit: time(
    'drainLimitMs',
    { min: 0, max: 24 * HOUR },
    'Longest wait for a candidate to apply what it received, and so the lag bound.',
  ),
  hold_clients: time(
    'holdClientsMs',
    { min: 0, max: 10 * MINUTE },
    'How long the proxy keeps new connections waiting for a primary before it refuses them, and how long a session of a former primary may take to end its answer.',
  ),
  switchover_bound: time(
    'switchoverBoundMs',
    { min: 1000, max: 10 * MINUTE, wholeSeconds: true },
    'Longest time without writes in a switchover; after it, everything is undone. Whole seconds: it becomes lock_wait_timeout.',
  ),
  anti_flapping: time(
    'antiFlappingMs',
    { min: 0, max: 365 * 24 * HOUR },
    'No automatic recovery of a primary within this time after the last completed one; 0s: off. A cause that outlives one failover kills the next primary too.',
  ),
  ask_deadline: time(
    'askDeadlineMs',
    { min: 1000, max: HOUR },
    'How long a person is asked when act 2 differs from what was shown; after it, act 1 is undone.',
  ),
  heartbeat: time(
    'heartbeatMs',
    { min: 50, max: MINUTE },
    'Heartbeat period of the channels that Regent sets. Above 500ms an idle replica cannot tell in time whether it hears its primary.',
  ),
  connect_retry: time(
    'connectRetryMs',
    { min: 1000, max: MINUTE, wholeSeconds: true },
    'Connect retry of the channels that Regent sets. Whole seconds, as servers take it.',
  ),
} as const satisfies Record<string, PolicyField>

/** Two declarations about the cluster, which stand beside `policy:` because they are facts, not choices. */
export const DECLARED_FIELDS = {
  clients_only_by_routes: {
    show: (p: Policy) => String(p.routesAreComplete),
    why: 'Declares that clients have no way to the primary beside the routes. False until said: a withdrawn route proves nothing while another way is open.',
  },
  servers_start_read_only: {
    show: (p: Policy) => String(p.startsReadOnly),
    why: 'Declares that every server starts read-only, so that a stopped one cannot come back writable. False until said.',
  },
} as const
