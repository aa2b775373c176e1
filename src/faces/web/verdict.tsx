import { useEffect, useState } from 'react'
import type { ClusterJson, ExplainJson } from '../api/contract.ts'
import { askExplain } from './ask.ts'
import { Evidence, namedFacts, words } from './evidence.tsx'
import { useStore } from './store.ts'
import { plain } from './words.ts'

/** Why this verdict, and why no other; why nothing is done, where something should be. */
export function VerdictPanel({ alias }: { readonly alias: string }) {
  const row = useStore((s) => s.clusters.get(alias)?.row) ?? ''
  const because = useStore((s) => s.clusters.get(alias)?.because)
  const remedy = useStore((s) => s.clusters.get(alias)?.remedy) ?? 'none'
  const refusals = useStore((s) => s.clusters.get(alias)?.refusals) ?? []
  const names = useStore((s) => namesText(s.clusters.get(alias)))
  const explained = useExplained(alias, row)
  return (
    <section className="panel verdict" aria-label="verdict">
      <h2>Verdict</h2>
      <p className="because">{because}</p>
      {remedy !== 'none' && (
        <p className="remedy">
          {refusals.length > 0 ? 'Not done' : 'What follows'}: {plain(remedy)}
        </p>
      )}
      {refusals.map((reason) => (
        <Refusal key={reason.code} {...reason} />
      ))}
      {explained && (
        <>
          <details open>
            <summary>Why: the facts and who says so</summary>
            <Evidence facts={namedFacts(explained.diagnosis.primary.evidence, JSON.parse(names))} />
          </details>
          <details>
            <summary>Why not another verdict</summary>
            <WhyNot rows={explained.whyNot} />
          </details>
        </>
      )}
    </section>
  )
}

/** As text: it stays the same value while no server comes or goes. */
const namesText = (cluster: ClusterJson | undefined): string =>
  JSON.stringify(
    Object.fromEntries((cluster?.servers ?? []).flatMap((s) => (s.id === undefined ? [] : [[s.id, s.address]]))),
  )

export const Refusal = ({ says, tryThis }: { readonly says: string; readonly tryThis: string }) => (
  <div className="refusal">
    <p>{says}</p>
    <code>{tryThis}</code>
  </div>
)

const WhyNot = ({ rows }: { readonly rows: ExplainJson['whyNot'] }) => (
  <ul className="why-not">
    {rows.map(({ row, verdict, missing, beatenBy }) => (
      <li key={row}>
        <b>{plain(verdict)}</b>{' '}
        {beatenBy !== undefined
          ? `held, but ${plain(beatenBy)} overrules it`
          : missing.map((m) => `${words(m.fact)} is ${plain(m.is)}, not ${m.needs.map(plain).join(' or ')}`).join('; ')}
      </li>
    ))}
  </ul>
)

/** Asked again whenever another row holds, and once a while, because readings grow old. */
function useExplained(alias: string, row: string): ExplainJson | undefined {
  const [explained, keep] = useState<ExplainJson>()
  useEffect(() => {
    let gone = false
    const ask = (): void => {
      // A Regent that does not answer is told by the state of the connection.
      void askExplain(alias).then(
        (found) => found && !gone && keep(found),
        () => undefined,
      )
    }
    if (row !== '') ask()
    const timer = setInterval(ask, ASK_EVERY_MS)
    return () => {
      gone = true
      clearInterval(timer)
    }
  }, [alias, row])
  return explained
}
const ASK_EVERY_MS = 5000
