import { useEffect, useState } from 'react'
import { Head } from './head.tsx'
import { Incident } from './incident/incident.tsx'
import { NeedsToken } from './needs-token.tsx'
import { QuestionPanel } from './question.tsx'
import { useStore } from './store.ts'
import { Topology } from './topology/topology.tsx'
import { Troubles } from './troubles.tsx'
import { VerdictPanel } from './verdict.tsx'
import { WriterPanel } from './writer.tsx'

/** One cluster at a time; which one stands in the address, so that it can be sent to somebody. */
export function Page() {
  const aliases = useStore((s) => [...s.clusters.keys()].join('\n'))
  const connection = useStore((s) => s.connection)
  const [wanted, choose] = useHash()
  const known = aliases === '' ? [] : aliases.split('\n')
  const alias = known.includes(wanted) ? wanted : known[0]
  if (connection === 'needs_token' && alias === undefined) return <NeedsToken />
  if (alias === undefined) return <Waiting lost={connection === 'lost'} />
  return (
    <>
      <Head alias={alias} known={known} choose={choose} />
      <main>
        <Topology key={`topology ${alias}`} alias={alias} />
        <aside>
          <QuestionPanel alias={alias} />
          <WriterPanel />
          <VerdictPanel key={alias} alias={alias} />
          <Troubles alias={alias} />
        </aside>
        <Incident key={`incident ${alias}`} alias={alias} />
      </main>
    </>
  )
}

const Waiting = ({ lost }: { readonly lost: boolean }) => (
  <p className="waiting" role="status">
    {lost ? 'Regent does not answer. This page tries again by itself.' : 'Asking Regent …'}
  </p>
)

function useHash(): readonly [string, (alias: string) => void] {
  const [hash, setHash] = useState(() => decodeURIComponent(location.hash.slice(1)))
  useEffect(() => {
    const moved = (): void => setHash(decodeURIComponent(location.hash.slice(1)))
    window.addEventListener('hashchange', moved)
    return () => window.removeEventListener('hashchange', moved)
  }, [])
  return [hash, (alias) => location.assign(`#${encodeURIComponent(alias)}`)]
}
