import { type Trouble, useStore } from './store.ts'
import { clock, iso } from './words.ts'

const SHOWN = 4

/** What went wrong and was refused while this page was open, newest first. */
export function Troubles({ alias }: { readonly alias: string }) {
  const id = useStore((s) => s.clusters.get(alias)?.id)
  const troubles = useStore((s) => s.troubles)
  const refuses = useStore((s) => (s.clusters.get(alias)?.refusals.length ?? 0) > 0)
  // A refusal that still stands is said with the verdict.
  const told = troubles
    .filter((t) => t.cluster === id && !(refuses && t.kind === 'refused'))
    .slice(-SHOWN)
    .reverse()
  if (told.length === 0) return null
  return (
    <section className="panel troubles" aria-label="trouble">
      <h2>Trouble</h2>
      <ul>
        {told.map((trouble) => (
          <li key={`${trouble.at} ${textOf(trouble)}`}>
            <time dateTime={iso(trouble.at)}>{clock(trouble.at)}</time> {textOf(trouble)}
          </li>
        ))}
      </ul>
    </section>
  )
}

const textOf = (trouble: Trouble): string =>
  trouble.kind === 'trouble'
    ? trouble.says
    : `${trouble.what} refused: ${trouble.reasons.map((r) => r.says).join('; ')}`
