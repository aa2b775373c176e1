import type { Address } from './address.ts'
import { type FenceDemand, printDemand } from './fence.ts'
import type { ServerId } from './ids.ts'

/** What every kind of step needs. Servers are named by id: addresses are looked up when the step runs. */
export interface StepFields {
  /** Clients are led nowhere by this route; read back. Frees nothing else. */
  withdraw_route: { readonly route: string; readonly sessions: 'close' | 'leave' }
  /** Clients are led to the server by this route; read back. */
  announce: { readonly route: string; readonly server: ServerId }
  /** Sessions of this route are closed between statements (switchover). `held`: one look, and the rest is heard no more. */
  close_idle_sessions: { readonly route: string; readonly server: ServerId; readonly until: 'held' | 'closed' }
  /**
   * KILL of client sessions on a server, seen gone or shown as Killed. `privileged`: only those whose accounts write in spite of
   * read-only (MariaDB); it fails, naming them, where they come back at once and write. Of a closed server that is watched for in any case.
   */
  cut_clients: { readonly server: ServerId; readonly whom: 'all' | 'privileged' }
  /** read_only / super_read_only set and both read back. `lockWaitS` bounds how long new writes may be held by the waiting SET. */
  close_server: { readonly server: ServerId; readonly lockWaitS: number }
  open_server: { readonly server: ServerId }
  semi_sync_source: { readonly server: ServerId; readonly to: 'on' | 'off'; readonly waitCount: number }
  start_applier: { readonly server: ServerId; readonly channel: string }
  /** Stop the receiver, see it stopped, then read what it received. */
  seal: { readonly server: ServerId; readonly channel: string; readonly killAfterMs: number }
  /** The receiver is started again (undo of seal); only while the applier runs. */
  unseal: { readonly server: ServerId; readonly channel: string }
  /** Wait until applied = received. */
  drain: { readonly server: ServerId; readonly channel: string }
  /** Wait until a server has applied everything that another one has executed (read when the step starts). */
  reach: { readonly server: ServerId; readonly channel: string; readonly of: ServerId }
  /** Stop the applier and see it stopped; `rollBack`: a half-received transaction is ended by a kill, not by a stop that waits a minute. */
  stop_applier: { readonly server: ServerId; readonly channel: string; readonly rollBack: boolean }
  /** Make a server follow another. `keepRelayLog`: only host and port change, the applier stays on (MySQL). */
  attach: { readonly server: ServerId; readonly channel: string; readonly to: ServerId; readonly keepRelayLog: boolean }
  /** Wait until the source counts that many semi-sync replicas and these receivers are seen running. */
  count_ackers: { readonly server: ServerId; readonly ackers: readonly ServerId[]; readonly atLeast: number }
  /** Nothing opens before this: the level proven by the fencing steps, or the risk recorded. */
  barrier: {
    readonly server: ServerId
    readonly demand: FenceDemand
    readonly stopped: boolean
    /** Where a server that is said to be stopped is knocked at once more, immediately before the opening. */
    readonly addresses: readonly Address[]
    readonly routesAreComplete: boolean
    /** Steps of act 1 whose success closes a route each, and those that close the server itself. */
    readonly routeSteps: readonly string[]
    readonly closeSteps: readonly string[]
  }
  /** The reign is recorded as open. */
  crown: { readonly server: ServerId }
  /** One named channel is forgotten. Never of a server that has not drained it. */
  reset_channel: { readonly server: ServerId; readonly channel: string }
}

export type StepKind = keyof StepFields

export interface StepCommon {
  /** Unique within its plan, for example `seal:s2`. */
  readonly id: string
  /** Steps that must have ended (done, or failed with `go_on`/`count_missing`) before this one starts. */
  readonly after: readonly string[]
  /** Steps that must have succeeded, or this one is not started and fails with them: what makes it safe did not happen. */
  readonly needs?: readonly string[]
  readonly deadlineMs: number
  /** `stop`: the act ends here. `go_on`: noted. `count_missing`: its server counts as absent from then on. */
  readonly ifItFails: 'stop' | 'go_on' | 'count_missing'
}

export type StepBody<K extends StepKind = StepKind> = { readonly [P in K]: { readonly kind: P } & StepFields[P] }[K]
export type Step<K extends StepKind = StepKind> = {
  readonly [P in K]: { readonly kind: P } & StepFields[P] & StepCommon & { readonly undo?: StepBody }
}[K]

export interface StepTraits<K extends StepKind> {
  /** One line for people, in the words of the glossary. `name` prints a server. */
  readonly describe: (step: StepBody<K>, name: (server: ServerId) => string) => string
  /** Whether it changes a server or a route (and needs the lease's guard), or only looks. */
  readonly changes: boolean
  readonly summary: string
}

export const STEPS: { readonly [K in StepKind]: StepTraits<K> } = {
  withdraw_route: {
    changes: true,
    summary: 'leads clients nowhere by one route, and reads that back',
    describe: (s) => `withdraw route ${s.route}`,
  },
  announce: {
    changes: true,
    summary: 'leads clients to a server by one route, and reads that back',
    describe: (s, name) => `announce ${name(s.server)} by route ${s.route}`,
  },
  close_idle_sessions: {
    changes: true,
    summary: 'closes the sessions of a route between statements',
    describe: (s, name) =>
      s.until === 'held'
        ? `close the idle sessions of route ${s.route} to ${name(s.server)}, let the others finish their statement`
        : `wait until route ${s.route} has no session to ${name(s.server)} any more`,
  },
  cut_clients: {
    changes: true,
    summary: 'kills client sessions of a server, all or those that read-only does not hold, and sees them gone',
    describe: (s, name) =>
      `cut the clients of ${name(s.server)}${s.whom === 'privileged' ? ' that write in spite of read-only' : ''}`,
  },
  close_server: {
    changes: true,
    summary: 'sets a server read-only and reads it back',
    describe: (s, name) => `close ${name(s.server)} (read-only, at most ${s.lockWaitS} s of waiting)`,
  },
  open_server: {
    changes: true,
    summary: 'makes a server writable and reads it back',
    describe: (s, name) => `open ${name(s.server)}`,
  },
  semi_sync_source: {
    changes: true,
    summary: 'switches the source side of semi-sync',
    describe: (s, name) =>
      `semi-sync source side of ${name(s.server)} ${s.to}${s.to === 'on' ? ` (wait for ${s.waitCount})` : ''}`,
  },
  start_applier: {
    changes: true,
    summary: 'starts an applier before the receiver is stopped, so that received relay log is kept',
    describe: (s, name) => `start the applier of ${name(s.server)}`,
  },
  seal: {
    changes: true,
    summary: 'stops a receiver, sees it stopped, reads what it received',
    describe: (s, name) => `seal ${name(s.server)}`,
  },
  unseal: {
    changes: true,
    summary: 'starts a sealed receiver again',
    describe: (s, name) => `start the receiver of ${name(s.server)} again`,
  },
  drain: {
    changes: false,
    summary: 'waits until all that was received is applied',
    describe: (s, name) => `drain ${name(s.server)}`,
  },
  reach: {
    changes: false,
    summary: 'waits until one server has applied all that another has executed',
    describe: (s, name) => `wait until ${name(s.server)} has applied all of ${name(s.of)}`,
  },
  stop_applier: {
    changes: true,
    summary: 'stops an applier and sees it stopped; ends a half-received transaction',
    describe: (s, name) =>
      `stop the applier of ${name(s.server)}${s.rollBack ? ', rolling back its half-received transaction' : ''}`,
  },
  attach: {
    changes: true,
    summary: 'makes a server follow another',
    describe: (s, name) => `attach ${name(s.server)} to ${name(s.to)}${s.keepRelayLog ? ' (relay log kept)' : ''}`,
  },
  count_ackers: {
    changes: false,
    summary: 'waits until enough semi-sync replicas are counted and seen running',
    describe: (s, name) =>
      `see at least ${s.atLeast} acker${s.atLeast === 1 ? '' : 's'} of ${name(s.server)} (${s.ackers.map(name).join(', ')})`,
  },
  barrier: {
    changes: false,
    summary: 'nothing opens before the demanded proof that the old primary takes no writes',
    describe: (s, name) => `prove ${name(s.server)} fenced: ${printDemand(s.demand)}`,
  },
  crown: {
    changes: false,
    summary: 'records the reign as open',
    describe: (s, name) => `record the reign of ${name(s.server)}`,
  },
  reset_channel: {
    changes: true,
    summary: 'forgets one named channel of a drained server',
    describe: (s, name) => `forget the old channel${s.channel === '' ? '' : ` "${s.channel}"`} of ${name(s.server)}`,
  },
}

/** One line for people. */
export function describeStep(step: StepBody, name: (server: ServerId) => string): string {
  const traits: StepTraits<never> = STEPS[step.kind]
  return traits.describe(step as never, name)
}
