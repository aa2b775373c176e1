import { type FormEvent, useEffect, useState } from 'react'
import type { QuestionJson } from '../api/contract.ts'
import { hasToken, sendAnswer, setToken } from './ask.ts'
import { store, useStore } from './store.ts'
import { iso, ms } from './words.ts'

/** A recovery waits for a yes: act 1 has been run, and act 2 is not the one that was shown to whoever gave the command. */
export function QuestionPanel({ alias }: { readonly alias: string }) {
  const question = useStore((s) => s.clusters.get(alias)?.question)
  return question ? <Asked key={`${question.id} ${question.until}`} question={question} /> : null
}

function Asked({ question }: { readonly question: QuestionJson }) {
  const { id, until, differs, plan } = question
  const leftMs = useLeft(until)
  return (
    <section className="panel question" aria-label="question" role="alert">
      <h2>
        {plan.plan.kind} waits for a yes or a no:{' '}
        <time dateTime={iso(until)}>{leftMs > 0 ? `${ms(Math.ceil(leftMs / 1000) * 1000)} left` : 'too late'}</time>
      </h2>
      <p>Act 1 has been run, and the second act is not the one that was shown. Without a yes act 1 is taken back.</p>
      <ul>
        {differs.map(({ kind, says }) => (
          <li key={`${kind} ${says}`}>{says}</li>
        ))}
      </ul>
      <details>
        <summary>The plan as it is now</summary>
        <ol>
          {plan.lines.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ol>
      </details>
      {leftMs > 0 && <Answer id={id} />}
    </section>
  )
}

/** An answer changes something, so it needs the token, which a page on Regent's own host has not been asked for. */
function Answer({ id }: { readonly id: string }) {
  const [token, type] = useState('')
  const [problem, tell] = useState<string>()
  const [needsToken, ask] = useState(!hasToken())
  const answer = async (yes: boolean): Promise<void> => {
    if (needsToken) setToken(token)
    const told = await sendAnswer(id, yes)
    ask(told.kind === 'not_allowed')
    tell(told.kind === 'taken' ? undefined : told.says)
  }
  const submit = (event: FormEvent): void => event.preventDefault()
  return (
    <form onSubmit={submit}>
      {needsToken && (
        <label>
          Token <input type="password" autoComplete="off" value={token} onChange={(e) => type(e.target.value)} />
        </label>
      )}
      <button type="button" onClick={() => void answer(true)}>
        Yes, go on
      </button>
      <button type="button" onClick={() => void answer(false)}>
        No, take act 1 back
      </button>
      {problem !== undefined && <p className="because">{problem}</p>}
    </form>
  )
}

const TICK_MS = 250

function useLeft(until: number): number {
  const [leftMs, keep] = useState(() => until - store.now())
  useEffect(() => {
    const timer = setInterval(() => keep(until - store.now()), TICK_MS)
    return () => clearInterval(timer)
  }, [until])
  return Math.max(0, leftMs)
}
