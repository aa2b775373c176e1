import type { RecoveryJson } from '../../api/contract.ts'
import { store } from '../store.ts'
import { ms, named, plain } from '../words.ts'

/** One that is left open for longer shows its steps, not its waiting. */
const LONGEST_SPAN_MS = 600_000

interface Row {
  readonly key: string
  readonly line: string
  readonly state: RecoveryJson['steps'][number]['state'] | 'waits'
  readonly from?: number
  readonly tookMs?: number
  readonly says?: string
}

/** The plan's steps in time: what waits for nothing stands side by side, and the longest bar is where the time went. */
export function Gantt({ recovery }: { readonly recovery: RecoveryJson }) {
  const groups = groupsOf(recovery)
  const rows = groups.flatMap((g) => g.rows)
  const ends = rows.map((r) => (r.from ?? 0) + (r.tookMs ?? 0))
  const span = Math.max(
    1,
    ...ends,
    ...(recovery.endedAt === undefined ? [Math.min(store.now() - recovery.startedAt, LONGEST_SPAN_MS)] : []),
  )
  return (
    <table className="gantt">
      <caption className="hidden">{`steps, over ${ms(span)}`}</caption>
      <colgroup>
        <col className="col-line" />
        <col />
        <col className="col-took" />
      </colgroup>
      {groups.map(({ name, rows: of }) => (
        <tbody key={name}>
          <tr>
            <th colSpan={3} scope="rowgroup">
              {name}
            </th>
          </tr>
          {of.map((row) => (
            <Bar key={row.key} row={row} span={span} />
          ))}
        </tbody>
      ))}
      <tfoot aria-hidden="true">
        <tr>
          <td />
          <td className="ticks">
            <i>0</i>
            <i>{ms(span / 2)}</i>
            <i>{ms(span)}</i>
          </td>
          <td />
        </tr>
      </tfoot>
    </table>
  )
}

const WORDS: Readonly<Record<Row['state'], string>> = {
  waits: 'not started',
  started: 'runs',
  done: 'done',
  failed: 'failed',
  unknown: 'outcome not known',
}

function Bar({ row, span }: { readonly row: Row; readonly span: number }) {
  const { line, state, from, tookMs, says } = row
  const left = from === undefined ? 0 : (100 * from) / span
  const width = state === 'started' ? 100 - left : (100 * (tookMs ?? 0)) / span
  return (
    <tr className={`step step-${state}`} title={says}>
      <td className="line">
        {line}
        {state !== 'done' && says !== undefined && <em>{says}</em>}
      </td>
      <td>
        <div className="track">
          {from !== undefined && (
            <span
              className="bar"
              style={{ left: `min(${left}%, 100% - 4px)`, width: `max(4px, min(${width}%, ${100 - left}%))` }}
            />
          )}
        </div>
      </td>
      <td className="took">
        {tookMs === undefined ? WORDS[state] : ms(tookMs)}
        {state === 'failed' && ' failed'}
      </td>
    </tr>
  )
}

interface Group {
  readonly name: string
  readonly rows: readonly Row[]
}

const ACTS: Readonly<Record<1 | 2, string>> = {
  1: 'Act 1: nothing is chosen yet, all can be taken back',
  2: 'Act 2: forward only',
}

function groupsOf(recovery: RecoveryJson): readonly Group[] {
  const { plans, steps, startedAt, kind } = recovery
  const twoActs = plans.length > 1 || kind === 'failover' || kind === 'switchover'
  const rowOf = ({ key, line, state, startedAt: at, tookMs, says }: RecoveryJson['steps'][number]): Row => ({
    key,
    line,
    state,
    ...(at === undefined ? {} : { from: Math.max(0, at - startedAt) }),
    ...(tookMs === undefined ? {} : { tookMs }),
    ...(says === undefined ? {} : { says }),
  })
  const acts = plans.map((plan) => ({
    name: twoActs ? ACTS[plan.act] : 'Steps',
    rows: plan.steps
      .map((step): Row => {
        const key = `${plan.act}/${step.id}`
        const found = steps.find((s) => s.key === key)
        return found
          ? rowOf(found)
          : { key, line: named(plain(step.id).replace(':', ' '), recovery.names), state: 'waits' }
      })
      .toSorted((a, b) => (a.from ?? Number.POSITIVE_INFINITY) - (b.from ?? Number.POSITIVE_INFINITY)),
  }))
  const undone = steps.filter((s) => s.key.startsWith('undo/')).map(rowOf)
  return undone.length > 0 ? [...acts, { name: 'Taken back', rows: undone }] : acts
}
