/** Shapes that the API, the command line and the web page share. JSON: no class, no Map, no undefined that means something. */
import type { Diagnosis, PrimaryDiagnosis, WhyNot } from '../../model/diagnosis.ts'
import type { Plan, RefusalReason } from '../../model/plan.ts'

export type Role = 'primary' | 'replica' | 'intermediate' | 'co-primary' | 'alone' | 'unknown'
export type Health = 'good' | 'warning' | 'bad' | 'unknown'

/** What happened, and what to try. */
export interface WhyJson {
  readonly says: string
  readonly tryThis: string
}

/** What an operator ordered: always with a reason, a name and an end. */
export interface OrderJson {
  readonly kind: 'pause' | 'downtime' | 'unfence' | 'prefer'
  readonly reason: string
  readonly by: string
  readonly from: number
  readonly until: number
}

export interface ServerJson {
  /** Absent until it first answered. */
  readonly id?: string
  readonly address: string
  /** The configuration names it, by this address or another one. */
  readonly seed?: true
  readonly role: Role
  readonly health: Health
  /** The kind of the latest look: answered, refused, closed, denied, silent, unusable. */
  readonly look: string
  readonly lookAgeMs: number
  /** Why it does not serve us; absent where it answered. */
  readonly why?: WhyJson
  readonly version?: string
  readonly access?: string
  /** Address, or id, of what it replicates from; one per channel. */
  readonly sources: readonly {
    readonly channel: string
    readonly from: string
    readonly id?: string
    readonly receiver: string
    readonly applier: string
    readonly error?: string
  }[]
  readonly lagMs?: number
  /** Printed history: what it executed. */
  readonly gtid?: string
  readonly semiSync: {
    readonly source: boolean
    readonly replica: boolean
    readonly clients: number
    readonly waitCount: number
  }
  readonly site: string
  readonly fenced: boolean
  /** Standing orders on this server that are in force. */
  readonly orders: readonly OrderJson[]
  readonly findings: readonly { readonly finding: string; readonly because: string; readonly tryThis?: string }[]
}

export interface RouteJson {
  readonly name: string
  readonly state: 'open' | 'withdrawn' | 'empty' | 'unknown'
  readonly primary?: string
  readonly epoch?: number
  readonly number?: number
  readonly sessions: number | 'unknown'
  readonly why?: string
}

export interface ClusterJson {
  readonly alias: string
  readonly id: string
  readonly at: number
  readonly sentence: string
  readonly verdict: string
  readonly row: string
  readonly remedy: string
  readonly because: string
  readonly epoch?: number
  readonly reignState?: string
  readonly primary?: string
  readonly servers: readonly ServerJson[]
  readonly routes: readonly RouteJson[]
  readonly paused?: { readonly reason: string; readonly by: string; readonly until: number }
  readonly openRecovery?: string
  /** A recovery waits for a person's yes or no. */
  readonly question?: QuestionJson
  readonly refusals: readonly RefusalReason[]
}

export interface ExplainJson {
  readonly alias: string
  readonly diagnosis: Diagnosis
  readonly whyNot: readonly WhyNot[]
}

export interface PlanJson {
  readonly kind: 'plan'
  readonly plan: Plan
  /** One line per step, in the order in which they may start. */
  readonly lines: readonly string[]
  /** The second act as it would be planned now. */
  readonly expected?:
    | { readonly plan: Plan; readonly lines: readonly string[] }
    | { readonly reasons: readonly RefusalReason[] }
  /** Names of servers by id. */
  readonly names: Readonly<Record<string, string>>
}

export type PlannedJson = PlanJson | { readonly kind: 'refusal'; readonly reasons: readonly RefusalReason[] }

/**
 * Act 1 has been run, and the real act 2 is not the one that was shown to whoever gave the command: they are asked again. Without a
 * yes by `until`, act 1 is taken back.
 */
export interface QuestionJson {
  /** The recovery. */
  readonly id: string
  /** When this was said, by the clock by which `until` stands. */
  readonly at: number
  readonly until: number
  readonly differs: readonly { readonly kind: string; readonly says: string }[]
  readonly plan: PlanJson
}

export interface RecoveryJson {
  readonly id: string
  readonly cluster: string
  readonly kind: string
  readonly subject: string
  readonly state: string
  readonly automatic: boolean
  readonly startedAt: number
  readonly endedAt?: number
  readonly because: string
  readonly plans: readonly Plan[]
  readonly steps: readonly {
    readonly key: string
    readonly line: string
    readonly startedAt?: number
    readonly tookMs?: number
    readonly state: 'started' | 'done' | 'failed' | 'unknown'
    readonly says?: string
  }[]
  readonly events: readonly { readonly at: number; readonly says: string }[]
  readonly refusals: readonly RefusalReason[]
  readonly lost?: string
  /** The stored verdict with its evidence, where one led to it. */
  readonly verdict?: { readonly at: number; readonly diagnosis: PrimaryDiagnosis }
  readonly names: Readonly<Record<string, string>>
}

/** A change as it is asked for: POST /api/v1/clusters/<alias>/<verb>. */
export interface CommandJson {
  readonly verb: 'failover' | 'switchover' | 'adopt' | 'rejoin' | 'fence' | 'unfence'
  readonly server?: string
  readonly open?: boolean
  /** End the recovery that is open first. */
  readonly abandon?: boolean
  /** `unfence`, or `adopt` in place of a reign that nobody holds. */
  readonly overReign?: boolean
  readonly overHistory?: boolean
  /** `10s`, `any`, `proven` */
  readonly loss?: string
  readonly fence?: string
  readonly reason?: string
  readonly by?: string
  readonly forMs?: number
  /** The plan that was shown; refused when it is not the plan any more. */
  readonly shown?: ShownJson
  /** Nobody is asked again: another winner than shown is accepted, more loss or a weaker fence than shown is refused. */
  readonly yes?: boolean
}

/** As `plan` answered it. Without `expected`, the dry run showed that there would be no second act. */
export interface ShownJson {
  readonly plan: Plan
  readonly expected?: Plan
}

export type EndJson =
  | {
      readonly kind: 'done'
      readonly id: string
      readonly says: string
      /** Steps that were not done and kept nothing from going on: a problem was found. */
      readonly left: readonly string[]
    }
  | {
      readonly kind: 'refused'
      readonly id: string
      readonly reasons: readonly RefusalReason[]
      readonly undone: boolean
    }
  | { readonly kind: 'failed'; readonly id: string; readonly says: string }

/** Server-sent events; `cluster` events carry the whole cluster, at most a few a second. */
export type EventJson =
  | { readonly kind: 'cluster'; readonly cluster: ClusterJson }
  | {
      readonly kind: 'verdict'
      readonly cluster: string
      readonly at: number
      readonly diagnosis: Diagnosis
      readonly tookMs: number
    }
  | { readonly kind: 'recovery'; readonly recovery: RecoveryJson }
  | {
      readonly kind: 'refused'
      readonly cluster: string
      readonly at: number
      readonly what: string
      readonly reasons: readonly RefusalReason[]
    }
  | { readonly kind: 'trouble'; readonly cluster: string; readonly at: number; readonly says: string }
  /** Of the demo's writer, where one runs. */
  | {
      readonly kind: 'writer'
      readonly acknowledged: number
      readonly unanswered: number
      readonly lastAckAgoMs: number
      readonly longestGapMs: number
    }

/** What the command line needs; implemented over HTTP, and by a Regent in this very process. */
export interface Client {
  clusters(): Promise<readonly ClusterJson[]>
  cluster(name: string): Promise<ClusterJson>
  explain(name: string): Promise<ExplainJson>
  plan(name: string, command: CommandJson): Promise<PlannedJson>
  run(name: string, command: CommandJson): Promise<EndJson>
  /** What a recovery that runs asks just now; undefined while it asks nothing. */
  question(id: string): Promise<QuestionJson | undefined>
  /** Throws `refused` where that question is not open any more. */
  answer(id: string, yes: boolean): Promise<void>
  pause(name: string, order: { readonly reason: string; readonly by: string; readonly forMs: number }): Promise<void>
  resume(name: string): Promise<void>
  forget(name: string, server: string): Promise<void>
  history(name: string, limit: number): Promise<readonly RecoveryJson[]>
  recovery(id: string): Promise<RecoveryJson>
  end(): Promise<void>
}
