import type { ClusterId, RecoveryId, WallTime } from '../../model/ids.ts'
import type { Plan } from '../../model/plan.ts'
import type { Clock } from '../../ports/clock.ts'
import {
  type BeginResult,
  type Journal,
  OPEN_STATES,
  type RecoveryRecord,
  type RecoveryState,
} from '../../ports/journal.ts'
import type { Durable, RecoveryRow } from './durable.ts'
import type { Life } from './life.ts'

/** How long what was posted stays in the process before it is durable, ms: one small transaction. */
const BEHIND_MS = 1

export interface JournalParts {
  readonly durable: Durable
  readonly life: Life
  readonly clock: Clock
}

/**
 * The journal of one process. Intents and states are durable when they resolve. Steps and events are posted: they are lost with a
 * process that dies within the next millisecond, unless a later call has pushed them out.
 */
export function modelJournal({ durable, life, clock }: JournalParts): Journal {
  let behind: (() => void)[] = []
  let tick = 0
  let trouble: unknown
  /** What can never be written is dropped, and told by the next flush. */
  const push = (): void => {
    const waiting = behind
    behind = []
    for (const write of waiting) {
      try {
        write()
      } catch (error) {
        trouble = error
      }
    }
  }
  const flush = (): void => {
    const told = trouble
    trouble = undefined
    if (told !== undefined) throw told
  }
  /** Sent after what was posted, so it sees it. */
  const read = <T>(find: () => T): Promise<T> =>
    life.outlive(
      Promise.resolve().then(() => {
        push()
        return find()
      }),
    )
  life.whenDead((how) => {
    if (how === 'lost') behind = []
    push()
  })
  const call = <T>(what: string, work: () => T): Promise<T> =>
    life.point(what, async () => {
      push()
      return work()
    })
  const post = (what: string, write: () => void): void =>
    life.post(what, () => {
      behind.push(write)
      if (behind.length === 1) void clock.sleep(BEHIND_MS).then(push)
    })
  const postStep: Journal['stepEnded'] = (id, key, record) => {
    tick += 1
    const row = { token: durable.lease.token, tick, record: structuredClone(record) }
    post(`${record === undefined ? 'started' : 'ended'} ${key}`, () => void found(durable, id).steps.set(key, row))
  }
  return {
    begin: (record, plan, token) => call('begin', () => begin(durable, record, structuredClone(plan), token)),
    intend: (id, plan, token) => call('intend', () => intend(durable, { id, plan, token, at: clock.wall() })),
    stepStarted: (id, key) => postStep(id, key, undefined as never),
    stepEnded: postStep,
    event: (id, at, says) => post('event', () => void found(durable, id).events.push({ at, says })),
    setState: (id, state, at, token) => call(`state ${state}`, () => setState(durable, { id, state, at, token })),
    setRefusals: (id, refusals) => call('refusals', () => change(durable, id, { refusals })),
    setLost: (id, lost) => call('lost', () => change(durable, id, { lost })),
    flush: () => call('flush', flush),
    open: (cluster) => read(() => copy(openRow(durable, cluster))),
    read: (id) => read(() => copy(durable.recoveries.get(id))),
    list: (cluster, limit) => read(() => newest(durable, cluster, limit).flatMap((row) => copy(row) ?? [])),
    lastCompleted: (cluster, kind, automatic) =>
      read(() => {
        const ended = newest(durable, cluster)
          .filter(({ record: r }) => r.kind === kind && r.automatic === automatic)
          .flatMap(({ record: r }) => (r.state === 'done' && r.endedAt !== undefined ? [r.endedAt] : []))
        return ended.reduce<WallTime | undefined>(
          (last, at) => (last !== undefined && last > at ? last : at),
          undefined,
        )
      }),
  }
}

const newest = (durable: Durable, cluster: ClusterId, limit = Number.POSITIVE_INFINITY): readonly RecoveryRow[] =>
  [...durable.recoveries.values()]
    .filter((r) => r.record.cluster === cluster)
    .reverse()
    .slice(0, limit)

const openRow = (durable: Durable, cluster: RecoveryRecord['cluster']): RecoveryRow | undefined =>
  [...durable.recoveries.values()].find((r) => r.record.cluster === cluster && OPEN_STATES.includes(r.record.state))

const copy = (row: RecoveryRow | undefined): RecoveryRecord | undefined =>
  row &&
  structuredClone({
    ...row.record,
    plans: row.plans,
    steps: [...row.steps].map(([key, { record }]) => (record === undefined ? { key } : { key, record })),
    events: row.events,
  })

function found(durable: Durable, id: RecoveryId): RecoveryRow {
  const row = durable.recoveries.get(id)
  if (row === undefined) throw new Error(`the journal has no recovery ${id}`)
  return row
}

function change(durable: Durable, id: RecoveryId, to: Partial<RecoveryRow['record']>): void {
  const row = found(durable, id)
  row.record = { ...row.record, ...structuredClone(to) }
}

function begin(durable: Durable, head: Parameters<Journal['begin']>[0], plan: Plan, token: number): BeginResult {
  if (!durable.holds(token)) return { kind: 'lease_lost' }
  if (plan.mints !== undefined) throw new Error('a plan that mints an epoch is intended, not begun')
  const open = openRow(durable, head.cluster)
  if (open) return open.record.id === head.id ? { kind: 'begun' } : { kind: 'another_is_open', id: open.record.id }
  const record = { ...head, state: stateOf(plan), refusals: [] }
  durable.recoveries.set(head.id, { record, plans: [plan], steps: new Map(), events: [] })
  return { kind: 'begun' }
}

interface Intent {
  readonly id: RecoveryId
  readonly plan: Plan
  readonly token: number
  readonly at: WallTime
}

function intend(durable: Durable, { id, plan, token, at }: Intent): 'intended' | 'epoch_used' | 'lease_lost' {
  if (!durable.holds(token)) return 'lease_lost'
  if (openRow(durable, plan.cluster)?.record.id !== id) throw new Error(`recovery ${id} is not open`)
  if (plan.mints !== undefined && !isMinted(durable, id, plan)) {
    const { epoch, winner: primary, semiSync } = plan.mints
    const reign = {
      cluster: plan.cluster,
      epoch,
      primary,
      state: 'opening',
      semiSync,
      openedAt: '',
      recovery: id,
      at,
    } as const
    if (!durable.mint(reign)) return 'epoch_used'
  }
  change(durable, id, { state: stateOf(plan) })
  found(durable, id).plans.push(structuredClone(plan))
  return 'intended'
}

function isMinted(durable: Durable, id: RecoveryId, plan: Plan): boolean {
  const newest = durable.newestFirst(plan.cluster)[0]
  return (
    newest?.epoch === plan.mints?.epoch &&
    newest?.primary === plan.mints?.winner &&
    newest?.recovery === id &&
    newest.state === 'opening'
  )
}

interface StateChange {
  readonly id: RecoveryId
  readonly state: RecoveryState
  readonly at: WallTime
  readonly token: number
}

function setState(durable: Durable, { id, state, at, token }: StateChange): void {
  durable.demand(token)
  const { record } = found(durable, id)
  if (OPEN_STATES.includes(state)) {
    if (!OPEN_STATES.includes(record.state)) throw new Error(`recovery ${id} has ended`)
    change(durable, id, { state })
  } else {
    change(durable, id, { state, endedAt: record.endedAt ?? at })
  }
}

const stateOf = (plan: Plan): RecoveryState => (plan.act === 1 ? 'act1' : 'act2')
