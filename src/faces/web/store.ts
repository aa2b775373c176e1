import { useSyncExternalStore } from 'react'
import type { ClusterJson, EventJson, RecoveryJson, RouteJson, ServerJson } from '../api/contract.ts'

export type Connection = 'connecting' | 'live' | 'lost' | 'needs_token'
export type Verdict = Extract<EventJson, { readonly kind: 'verdict' }>
export type Trouble = Extract<EventJson, { readonly kind: 'trouble' | 'refused' }>

export interface WriterSeen {
  readonly acknowledged: number
  readonly unanswered: number
  readonly lastAckAgoMs: number
  readonly longestGapMs: number
  readonly perSecond: number
  /** Longest pause seen in each sample, newest last. */
  readonly gaps: readonly { readonly number: number; readonly ms: number }[]
}

export interface State {
  readonly connection: Connection
  /** By alias. */
  readonly clusters: ReadonlyMap<string, ClusterJson>
  /** Newest first. */
  readonly recoveries: readonly RecoveryJson[]
  /** The verdicts that led to something, newest last. */
  readonly verdicts: readonly Verdict[]
  readonly troubles: readonly Trouble[]
  readonly writer?: WriterSeen
  /** By recovery: the longest pause that the writer felt around it, ms. */
  readonly felt: ReadonlyMap<string, number>
}

const KEPT_SAMPLES = 120
const KEPT = 30
/** When a pause began and ended is known only as exactly as it is told. */
const TOLD_EVERY_MS = 300
const RATE_OVER_MS = 500

/** All that the page knows. What did not change keeps its identity, so that each node of the topology renders alone. */
export class Store {
  #state: State = {
    connection: 'connecting',
    clusters: new Map(),
    recoveries: [],
    verdicts: [],
    troubles: [],
    felt: new Map(),
  }
  readonly #listeners = new Set<() => void>()
  #wake: (() => void) | undefined
  #aheadMs = 0
  #rate: { readonly at: number; readonly acknowledged: number } | undefined

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
  readonly state = (): State => this.#state

  connection(connection: Connection): void {
    if (connection !== this.#state.connection) this.#set({ connection })
  }

  /** Resolves after `ms`, or as soon as there is a reason to try again. */
  wakes(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  tryAgain(): void {
    this.#wake?.()
  }

  history(found: readonly RecoveryJson[]): void {
    this.#set({ recoveries: found.reduce(withRecovery, this.#state.recoveries) })
  }

  take(event: EventJson): void {
    const { clusters, recoveries, verdicts, troubles } = this.#state
    switch (event.kind) {
      case 'cluster': {
        const { alias, at } = event.cluster
        this.#aheadMs = at - Date.now()
        this.#set({ clusters: new Map(clusters).set(alias, keeping(clusters.get(alias), event.cluster)) })
        break
      }
      case 'recovery':
        this.#set({ recoveries: withRecovery(recoveries, event.recovery) })
        break
      case 'verdict':
        this.#set({ verdicts: [...verdicts, event].slice(-KEPT) })
        break
      case 'refused':
      case 'trouble':
        this.#set({ troubles: [...troubles, event].slice(-KEPT) })
        break
      case 'writer':
        this.#takeWriter(event)
    }
  }

  #takeWriter(told: Extract<EventJson, { readonly kind: 'writer' }>): void {
    const { writer, recoveries, felt } = this.#state
    const { acknowledged, unanswered, lastAckAgoMs, longestGapMs } = told
    const grew = writer !== undefined && longestGapMs > writer.longestGapMs + 1
    const gap = Math.max(lastAckAgoMs, grew ? longestGapMs : 0)
    const number = (writer?.gaps.at(-1)?.number ?? 0) + 1
    const gaps = [...(writer?.gaps ?? []), { number, ms: gap }].slice(-KEPT_SAMPLES)
    const perSecond = this.#rateOf(acknowledged, writer?.perSecond ?? 0)
    const during = grew ? recoveries.find((r) => this.#overlaps(r, longestGapMs, lastAckAgoMs)) : undefined
    this.#set({
      writer: { acknowledged, unanswered, lastAckAgoMs, longestGapMs, perSecond, gaps },
      ...(during ? { felt: new Map(felt).set(during.id, longestGapMs) } : {}),
    })
  }

  /** Over at least half a second: two samples that arrive together are no rate. */
  #rateOf(acknowledged: number, before: number): number {
    const at = performance.now()
    const from = this.#rate
    if (from && at - from.at < RATE_OVER_MS) return before
    this.#rate = { at, acknowledged }
    return from ? Math.max(0, (1000 * (acknowledged - from.acknowledged)) / (at - from.at)) : 0
  }

  /** Whether the pause that grew to `gapMs`, and ended or lasts, stood while this recovery moved the writes. */
  #overlaps({ kind, startedAt, endedAt }: RecoveryJson, gapMs: number, lastAckAgoMs: number): boolean {
    const lasts = lastAckAgoMs >= gapMs - TOLD_EVERY_MS
    const end = this.now() - (lasts ? 0 : lastAckAgoMs)
    const begin = end - gapMs - TOLD_EVERY_MS
    return MOVES_WRITES.has(kind) && startedAt <= end && begin <= (endedAt ?? end)
  }

  /** The time as Regent has it: this browser's clock may be another. */
  now(): number {
    return Date.now() + this.#aheadMs
  }

  #set(change: Partial<State>): void {
    this.#state = { ...this.#state, ...change }
    for (const listener of this.#listeners) listener()
  }
}

const MOVES_WRITES: ReadonlySet<string> = new Set(['failover', 'switchover', 'reopen'])

/** A server that is not the same by all that is shown of it is a new object; any other one stays the old. */
function keeping(before: ClusterJson | undefined, next: ClusterJson): ClusterJson {
  if (!before) return next
  const old = new Map(before.servers.map((s) => [keyOf(s), s]))
  const servers = next.servers.map((server) => same(old.get(keyOf(server)), server))
  const routes = next.routes.map((route) =>
    same(
      before.routes.find((r) => r.name === route.name),
      route,
    ),
  )
  return { ...next, servers, routes }
}

function same<T extends ServerJson | RouteJson>(before: T | undefined, next: T): T {
  return before !== undefined && shownOf(before) === shownOf(next) ? before : next
}

const shownOf = (what: ServerJson | RouteJson): string =>
  JSON.stringify('look' in what && what.look === 'answered' ? { ...what, lookAgeMs: 0 } : what)

function withRecovery(known: readonly RecoveryJson[], found: RecoveryJson): readonly RecoveryJson[] {
  const before = known.find((r) => r.id === found.id)
  // A history that was read before the newest event came must not undo it.
  if (before?.endedAt !== undefined && found.endedAt === undefined) return known
  const merged = before?.verdict && !found.verdict ? { ...found, verdict: before.verdict } : found
  return [...known.filter((r) => r.id !== found.id), merged].toSorted((a, b) => b.startedAt - a.startedAt)
}

/** Known before its first answer by its address only. */
export const keyOf = (server: ServerJson): string => server.id ?? server.address

export const store = new Store()

/** Renders again only when what `select` gives is another value; it must give something that the state holds. */
export function useStore<T>(select: (state: State) => T): T {
  return useSyncExternalStore(store.subscribe, () => select(store.state()))
}

export const useServer = (alias: string, key: string): ServerJson | undefined =>
  useStore((s) => s.clusters.get(alias)?.servers.find((server) => keyOf(server) === key))

export const useRoute = (alias: string, name: string): RouteJson | undefined =>
  useStore((s) => s.clusters.get(alias)?.routes.find((route) => route.name === name))
