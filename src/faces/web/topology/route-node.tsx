import { Handle, type Node, type NodeProps, Position } from '@xyflow/react'
import type { RouteJson } from '../../api/contract.ts'
import { Icon } from '../icons.tsx'
import { useRoute } from '../store.ts'

export type RouteNode = Node<{ readonly alias: string; readonly route: string }, 'route'>

const SAYS: Readonly<Record<RouteJson['state'], string>> = {
  open: 'open',
  withdrawn: 'withdrawn: clients wait',
  empty: 'leads nowhere yet',
  unknown: 'cannot be read',
}

export function RouteCard({ data }: NodeProps<RouteNode>) {
  const route = useRoute(data.alias, data.route)
  if (!route) return null
  const { name, state, sessions, epoch, number, why } = route
  const told = sessions === 'unknown' ? undefined : `${sessions} session${sessions === 1 ? '' : 's'}`
  return (
    <article className={`card route route-${state}`} title={why} aria-label={`route ${name}: ${SAYS[state]}`}>
      <header>
        <Icon name="route" />
        <strong>{name}</strong>
      </header>
      <p className="standing">{SAYS[state]}</p>
      <p className="details">
        {told !== undefined && <span>{told}</span>}
        {epoch !== undefined && <span title="epoch and number of its last message">{`${epoch}.${number}`}</span>}
      </p>
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </article>
  )
}
