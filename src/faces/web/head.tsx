import { Icon } from './icons.tsx'
import { type Connection, store, useStore } from './store.ts'
import { orderText, plain } from './words.ts'

interface HeadParts {
  readonly alias: string
  readonly known: readonly string[]
  readonly choose: (alias: string) => void
}

/** How bad a verdict is, for the colour of its badge; words say the same. */
export function tone(verdict: string, recovering: boolean): 'good' | 'warning' | 'bad' | 'busy' {
  if (recovering) return 'busy'
  if (verdict === 'healthy') return 'good'
  return CALM.has(verdict) ? 'warning' : 'bad'
}
const CALM: ReadonlySet<string> = new Set([
  'suspected',
  'unreachable_from_here',
  'no_reign',
  'no_primary_known',
  'denies_us',
])

export function Head({ alias, known, choose }: HeadParts) {
  const verdict = useStore((s) => s.clusters.get(alias)?.verdict) ?? ''
  const sentence = useStore((s) => s.clusters.get(alias)?.sentence) ?? ''
  const open = useStore((s) => s.clusters.get(alias)?.openRecovery)
  const running = useStore((s) => runningOf(alias, s))
  const how = tone(verdict, running !== undefined || open !== undefined)
  return (
    <header className={`head head-${how}`}>
      <div className="brand">
        <Icon name="crown" /> Regent
      </div>
      {known.length > 1 ? (
        <label className="choose">
          <span className="hidden">cluster</span>
          <select value={alias} onChange={(e) => choose(e.target.value)}>
            {known.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      ) : (
        <h1>{alias}</h1>
      )}
      <span className={`badge badge-${how}`}>{running ? `${running} runs` : plain(verdict)}</span>
      <p className="sentence" aria-live="polite">
        {sentence.startsWith(`${alias}: `) ? sentence.slice(alias.length + 2) : sentence}
      </p>
      <Flags alias={alias} />
      <ConnectionState />
    </header>
  )
}

type Seen = ReturnType<typeof store.state>

function runningOf(alias: string, state: Seen): string | undefined {
  const id = state.clusters.get(alias)?.id
  return state.recoveries.find((r) => r.cluster === id && r.endedAt === undefined && RUNNING.has(r.state))?.kind
}
const RUNNING: ReadonlySet<string> = new Set(['act1', 'act2', 'undoing'])

function Flags({ alias }: { readonly alias: string }) {
  const epoch = useStore((s) => s.clusters.get(alias)?.epoch)
  const opening = useStore((s) => s.clusters.get(alias)?.reignState === 'opening')
  const paused = useStore((s) => s.clusters.get(alias)?.paused)
  const asks = useStore((s) => (s.clusters.get(alias)?.refusals.length ?? 0) > 0)
  return (
    <ul className="flags">
      {epoch !== undefined && (
        <li title="how many primaries have reigned so far">{`reign ${epoch}${opening ? ' (opening)' : ''}`}</li>
      )}
      {paused && <li className="flag-paused">{orderText({ kind: 'pause', ...paused })}</li>}
      {asks && <li className="flag-asks">needs you</li>}
    </ul>
  )
}

const SAYS: Readonly<Record<Connection, string>> = {
  connecting: 'connecting',
  live: 'live',
  lost: 'no connection, trying again',
  needs_token: 'needs the token',
}

function ConnectionState() {
  const connection = useStore((s) => s.connection)
  return (
    <span className={`connection connection-${connection}`} role="status">
      {SAYS[connection]}
      {connection === 'lost' && (
        <button type="button" onClick={() => store.tryAgain()}>
          now
        </button>
      )}
    </span>
  )
}
