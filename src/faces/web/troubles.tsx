import type { ClusterJson, ServerJson } from '../api/contract.ts'
import { type Trouble, useStore } from './store.ts'
import { clock, iso, orderText } from './words.ts'

const SHOWN = 4

interface Advised {
  readonly says: string
  readonly tryThis: string
}

/** What is wrong now, server by server; below it what went wrong and was refused while this page was open, newest first. */
export function Troubles({ alias }: { readonly alias: string }) {
  const id = useStore((s) => s.clusters.get(alias)?.id)
  const troubles = useStore((s) => s.troubles)
  const refuses = useStore((s) => (s.clusters.get(alias)?.refusals.length ?? 0) > 0)
  const standing: readonly Advised[] = JSON.parse(useStore((s) => standingText(s.clusters.get(alias))))
  // A refusal that still stands is said with the verdict.
  const told = troubles
    .filter((t) => t.cluster === id && !(refuses && t.kind === 'refused'))
    .slice(-SHOWN)
    .reverse()
  if (told.length === 0 && standing.length === 0) return null
  return (
    <section className="panel troubles" aria-label="trouble">
      <h2>Trouble</h2>
      <ul>
        {standing.map((advised) => (
          <li key={advised.says}>
            <Advice {...advised} />
          </li>
        ))}
        {told.map((trouble) => (
          <li key={`${trouble.at} ${JSON.stringify(adviceOf(trouble))}`}>
            <time dateTime={iso(trouble.at)}>{clock(trouble.at)}</time>{' '}
            {adviceOf(trouble).map((advised) => (
              <Advice key={advised.says} {...advised} />
            ))}
          </li>
        ))}
      </ul>
    </section>
  )
}

const Advice = ({ says, tryThis }: Advised) => (
  <>
    {says}
    {tryThis !== '' && <code>{tryThis}</code>}
  </>
)

/** As text: it stays the same value while nothing of it changes. */
const standingText = (cluster: ClusterJson | undefined): string =>
  JSON.stringify((cluster?.servers ?? []).flatMap(standingOf))

/** Why it does not serve us says more than that it is unreachable. A standing order is no trouble, but the reason for what looks like one. */
function standingOf({ address, why, findings, orders }: ServerJson): readonly Advised[] {
  const found = findings
    .filter(({ finding }) => !why || finding !== 'unreachable')
    .map(({ because, tryThis = '' }) => ({ says: `${address}: ${because}`, tryThis }))
  const ordered = orders.map((order) => ({
    says: `${address}: ${orderText(order)}`,
    tryThis: order.kind === 'unfence' ? `regent fence ${address}` : '',
  }))
  return [...(why ? [{ says: why.says, tryThis: why.tryThis }] : []), ...found, ...ordered]
}

const adviceOf = (trouble: Trouble): readonly Advised[] =>
  trouble.kind === 'trouble'
    ? [{ says: trouble.says, tryThis: '' }]
    : trouble.reasons.map(({ says, tryThis }) => ({ says: `${trouble.what} refused: ${says}`, tryThis }))
