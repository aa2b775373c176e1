/** How surely the old primary takes no writes, weakest first. */
export const PROOF_LEVELS = ['none', 'routes', 'readonly', 'stopped', 'off'] as const
export type ProofLevel = (typeof PROOF_LEVELS)[number]

/** `proven`: only where semi-sync proves that nothing is lost. Otherwise at most so many seconds of writes. */
export type LossPolicy =
  | { readonly kind: 'auto' }
  | { readonly kind: 'proven' }
  | { readonly kind: 'at_most'; readonly seconds: number }
/** `default`: stopped (with routes unless servers start read-only) for a refused primary, routes for a silent one. */
export type FencePolicy = { readonly kind: 'default' } | { readonly kind: 'at_least'; readonly level: ProofLevel }
export type SemiSyncPolicy =
  | { readonly kind: 'as_found' }
  | { readonly kind: 'off' }
  | { readonly kind: 'wait_count'; readonly count: number }
export type Preference = 'prefer' | 'neutral' | 'avoid' | 'never'

export interface Policy {
  /** `ask`: verdicts and plans are shown, nothing is changed without a person. */
  readonly recovery: 'automatic' | 'ask'
  /** Versions outside the proven ones for which automatic recovery is allowed, by name, for example `mysql 8.4`. */
  readonly trustVersions: readonly string[]
  readonly loss: LossPolicy
  readonly fence: FencePolicy
  readonly semiSync: SemiSyncPolicy
  /** Fewer ackers than the wait count can be attached: lower the count, or refuse. */
  readonly ackers: 'lower' | 'refuse'
  readonly sites: { readonly other: 'allow' | 'never' }
  /** A server is known to start read-only: declared, audited when it returns. */
  readonly startsReadOnly: boolean
  /** Clients have no way to the primary beside the registered routes: declared by the operator. */
  readonly routesAreComplete: boolean
  readonly silenceWindowMs: number
  readonly lookEveryMs: number
  readonly suspectAfterMs: number
  readonly lookDeadlineMs: number
  /** How many answering replicas are enough to judge a primary that cannot be reached. */
  readonly witnesses: number
  readonly act1DeadlineMs: number
  readonly sealKillAfterMs: number
  readonly attachDeadlineMs: number
  /** Longest drain, and so the lag bound. */
  readonly drainLimitMs: number
  readonly holdClientsMs: number
  readonly switchoverBoundMs: number
  /** No automatic recovery of a primary within this time after the last completed one. 0: off. */
  readonly antiFlappingMs: number
  readonly askDeadlineMs: number
  readonly heartbeatMs: number
  readonly connectRetryMs: number
}

/** All defaults stand here and nowhere else. */
export const DEFAULT_POLICY: Policy = {
  recovery: 'automatic',
  trustVersions: [],
  loss: { kind: 'auto' },
  fence: { kind: 'default' },
  semiSync: { kind: 'as_found' },
  ackers: 'lower',
  sites: { other: 'allow' },
  startsReadOnly: false,
  routesAreComplete: false,
  silenceWindowMs: 1500,
  lookEveryMs: 500,
  suspectAfterMs: 300,
  lookDeadlineMs: 1000,
  witnesses: 1,
  act1DeadlineMs: 1000,
  sealKillAfterMs: 300,
  attachDeadlineMs: 2000,
  drainLimitMs: 60_000,
  holdClientsMs: 10_000,
  switchoverBoundMs: 5000,
  antiFlappingMs: 600_000,
  askDeadlineMs: 30_000,
  heartbeatMs: 500,
  connectRetryMs: 1000,
}

/** Loss bound where semi-sync proves nothing and the policy is `auto`. */
export const UNPROVEN_LOSS_BOUND_S = 10

export const meets = (have: ProofLevel, need: ProofLevel): boolean =>
  PROOF_LEVELS.indexOf(have) >= PROOF_LEVELS.indexOf(need)
