import type { RecoveryJson } from '../../api/contract.ts'
import { iso, when } from '../words.ts'
import { title, toneOf } from './kinds.ts'

interface PastParts {
  readonly recoveries: readonly RecoveryJson[]
  readonly shown: string
  readonly choose: (id: string | undefined) => void
}

const SHOWN = 30

export function Past({ recoveries, shown, choose }: PastParts) {
  return (
    <nav className="past" aria-label="past recoveries">
      <h2>Recoveries</h2>
      <ul>
        {recoveries.slice(0, SHOWN).map(({ id, kind, subject, names, state, startedAt }) => (
          <li key={id}>
            <button type="button" aria-pressed={id === shown} onClick={() => choose(id)}>
              <span className={`dot dot-${toneOf(state)}`} />
              <b>{title(kind)}</b> <span className="of">{names[subject] ?? subject}</span>
              <time dateTime={iso(startedAt)}>{when(startedAt)}</time>
            </button>
          </li>
        ))}
      </ul>
    </nav>
  )
}
