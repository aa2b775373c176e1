import { Handle, type Node, type NodeProps, Position } from '@xyflow/react'
import type { ServerJson } from '../../api/contract.ts'
import { Icon, type IconName } from '../icons.tsx'
import { useServer } from '../store.ts'
import { ms, orderText, orderUntil, plain, shortVersion } from '../words.ts'

export type ServerNode = Node<{ readonly alias: string; readonly server: string }, 'server'>

/** How a server stands, in one word: the colour of its card. */
export function standing(server: ServerJson): 'primary' | 'good' | 'warning' | 'dead' | 'fenced' | 'unknown' {
  if (server.look !== 'answered') return server.health === 'unknown' ? 'unknown' : 'dead'
  if (server.fenced) return 'fenced'
  if (server.health !== 'good') return server.health === 'unknown' ? 'unknown' : 'warning'
  return server.role === 'primary' ? 'primary' : 'good'
}

const ICONS: Readonly<Record<ServerJson['role'], IconName>> = {
  primary: 'crown',
  'co-primary': 'crown',
  intermediate: 'fork',
  replica: 'copy',
  alone: 'unknown',
  unknown: 'unknown',
}

const LOOKS: Readonly<Record<string, string>> = {
  refused: 'refuses connections',
  closed: 'closes connections',
  denied: 'does not let us in',
  silent: 'does not answer',
  unusable: 'answers nothing usable',
}

const ACCESS: Readonly<Record<string, string>> = {
  writable: 'takes writes',
  closing: 'closing',
  closed_to_clients: 'read-only',
  closed_to_all: 'super read-only',
}

export function ServerCard({ data }: NodeProps<ServerNode>) {
  const server = useServer(data.alias, data.server)
  if (!server) return null
  const how = standing(server)
  const { address, role, version, lagMs, semiSync, findings, orders, sources } = server
  // A card has one line for them: by whom and why stands below the verdict.
  const notes = [...orders.map(orderUntil), ...findings.map((f) => plain(f.finding))]
  const error = sources.find((s) => s.error !== undefined)?.error
  const icon: IconName = how === 'dead' ? 'dead' : how === 'fenced' ? 'lock' : ICONS[role]
  const told = wordsFor(server, how)
  const semi = server.look === 'answered' ? semiSyncOf(semiSync) : ''
  return (
    <article className={`card card-${how}`} aria-label={`${address}, ${told.join(', ')}`}>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <header>
        <Icon name={icon} />
        <strong title={server.id}>{address}</strong>
        {server.site !== '' && <span className="site">{server.site}</span>}
      </header>
      <p className="standing">{told.join(' · ')}</p>
      <p className="details">
        {how === 'dead' && <span>last looked {ms(server.lookAgeMs)} ago</span>}
        {how !== 'dead' && version !== undefined && <span title={version}>{shortVersion(version)}</span>}
        {how !== 'dead' && lagMs !== undefined && (
          <span className={lagMs > 1000 ? 'bad' : ''}>lag {lagMs === 0 ? '0' : ms(lagMs)}</span>
        )}
        {how !== 'dead' && semi !== '' && <span>{semi}</span>}
      </p>
      {(notes.length > 0 || error !== undefined) && (
        <p
          className="finding"
          title={[...findings.map((f) => f.because), error, ...orders.map(orderText)].filter(Boolean).join('\n')}
        >
          <Icon name="alert" /> {notes.join(', ') || error}
        </p>
      )}
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </article>
  )
}

function wordsFor({ role, look, access }: ServerJson, how: ReturnType<typeof standing>): readonly string[] {
  const isPrimary = role === 'primary' ? 'primary' : ''
  if (how === 'dead') return [isPrimary, LOOKS[look] ?? plain(look)].filter(Boolean)
  return [plain(role), ACCESS[access ?? ''] ?? '', how === 'fenced' ? 'fenced' : ''].filter(Boolean)
}

const semiSyncOf = ({ source, replica, clients, waitCount }: ServerJson['semiSync']): string => {
  if (!source) return replica ? 'semi-sync' : ''
  return `${clients} acker${clients === 1 ? '' : 's'}, waits for ${waitCount}`
}
