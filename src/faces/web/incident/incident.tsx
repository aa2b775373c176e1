import { useState } from 'react'
import type { RecoveryJson } from '../../api/contract.ts'
import { Evidence, namedFacts } from '../evidence.tsx'
import { useStore } from '../store.ts'
import { Refusal } from '../verdict.tsx'
import { iso, ms, named, when } from '../words.ts'
import { Cost } from './cost.tsx'
import { Gantt } from './gantt.tsx'
import { title, toneOf } from './kinds.ts'
import { Past } from './past.tsx'

/** One recovery from its evidence to its end: the newest, until another one is chosen. */
export function Incident({ alias }: { readonly alias: string }) {
  const id = useStore((s) => s.clusters.get(alias)?.id)
  const all = useStore((s) => s.recoveries)
  const [chosen, choose] = useState<string>()
  const recoveries = all.filter((r) => r.cluster === id)
  const newest =
    recoveries.find((r) => r.endedAt === undefined) ?? recoveries.find((r) => STORIES.has(r.kind)) ?? recoveries[0]
  const shown = recoveries.find((r) => r.id === chosen) ?? newest
  if (!shown) {
    return (
      <section className="panel incident incident-none" aria-label="recoveries">
        <h2>Recoveries</h2>
        <p>None yet. When the primary fails, what was seen, what was done and how long each step took stands here.</p>
      </section>
    )
  }
  return (
    <section className="panel incident" aria-label="recoveries">
      <Past recoveries={recoveries} shown={shown.id} choose={choose} />
      <Story recovery={shown} />
      <Proof recovery={shown} />
    </section>
  )
}

/** A change of the primary is the story; the repairs after it are its end. */
const STORIES: ReadonlySet<string> = new Set(['failover', 'switchover'])

function Story({ recovery }: { readonly recovery: RecoveryJson }) {
  const { kind, subject, state, automatic, startedAt, names, refusals, events } = recovery
  return (
    <div className="story">
      <header>
        <h2>
          {title(kind)} of {names[subject] ?? subject}
        </h2>
        <span className={`badge badge-${toneOf(state)}`}>{STATES[state] ?? state}</span>
        <p className="about">
          {automatic ? 'automatic' : 'by command'}, <time dateTime={iso(startedAt)}>{when(startedAt)}</time>,{' '}
          <code>{recovery.id}</code>
        </p>
      </header>
      <Cost recovery={recovery} />
      {refusals.map((reason) => (
        <Refusal key={reason.code} {...reason} />
      ))}
      <Gantt recovery={recovery} />
      {events.length > 0 && (
        <ul className="events">
          {events.map(({ at, says }) => (
            <li key={`${at} ${says}`}>
              <span>+{ms(Math.max(0, at - startedAt))}</span> {named(says, names)}
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}

const STATES: Readonly<Record<string, string>> = {
  act1: 'act 1 runs',
  act2: 'act 2 runs',
  undoing: 'is taken back',
  done: 'done',
  failed: 'failed',
  undone: 'taken back',
  refused: 'refused',
}
/** Why it was certain, whom it chose, what it risked. */
function Proof({ recovery }: { readonly recovery: RecoveryJson }) {
  const verdicts = useStore((s) => s.verdicts)
  const { because, plans, names, startedAt, cluster } = recovery
  const heard = verdicts.findLast((v) => v.cluster === cluster && v.at <= startedAt)?.diagnosis.primary
  const verdict = recovery.verdict?.diagnosis ?? (heard?.because === because ? heard : undefined)
  const plan = plans.at(-1)
  const risks = [...new Map(plans.flatMap((p) => p.risks).map((r) => [r.code, r])).values()]
  return (
    <div className="proof">
      <h3>Why</h3>
      <p className="because">{named(because, names)}</p>
      {verdict && (
        <details open>
          <summary>Evidence: {verdict.row.replaceAll('_', ' ')}</summary>
          <Evidence facts={namedFacts(verdict.evidence, names)} />
        </details>
      )}
      {plan && plan.ranking.length > 0 && (
        <>
          <h3>Candidates</h3>
          <ol className="ranking">
            {plan.ranking.map(({ server, eligible, reasons }) => (
              <li key={server} className={eligible ? '' : 'out'}>
                <b>{names[server] ?? server}</b> {reasons.map((r) => named(r, names)).join('; ')}
              </li>
            ))}
          </ol>
        </>
      )}
      {plan && (
        <>
          <h3>Fencing</h3>
          <p>{`${plan.fence.demand.atLeast} demanded: ${plan.fence.because}`}</p>
        </>
      )}
      {risks.length > 0 && <h3>Risks, named beforehand</h3>}
      {risks.map((risk) => (
        <p key={risk.code} className="risk">
          {named(risk.says, names)}
        </p>
      ))}
    </div>
  )
}
