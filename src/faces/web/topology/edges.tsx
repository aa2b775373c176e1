import { BaseEdge, type Edge, type EdgeProps, getBezierPath } from '@xyflow/react'
import type { ServerJson } from '../../api/contract.ts'
import { keyOf, useRoute, useServer, useStore } from '../store.ts'

export type LinkEdge = Edge<{ readonly alias: string; readonly from: string; readonly to: string }, 'link'>
export type LeadEdge = Edge<{ readonly alias: string; readonly route: string; readonly to: string }, 'lead'>

interface Flow {
  readonly state: 'streaming' | 'waiting' | 'stopped'
  readonly says: string
}

/** One channel as a line: what runs moves, what waits is amber, what stopped is red; whatever is not running is said. */
function flowOf(replica: ServerJson | undefined, source: ServerJson | undefined): Flow {
  const channel = replica?.sources.find((c) => c.id === source?.id || c.from === source?.address)
  if (!replica || !channel) return { state: 'stopped', says: '' }
  if (replica.look !== 'answered') return { state: 'stopped', says: '' }
  const { receiver, applier } = channel
  if (receiver === 'connecting') return { state: 'waiting', says: 'connecting' }
  if (receiver === 'stopped') return { state: 'stopped', says: 'stopped' }
  return applier === 'running' ? { state: 'streaming', says: '' } : { state: 'stopped', says: 'not applying' }
}

export function Channel(props: EdgeProps<LinkEdge>) {
  const { data } = props
  const alias = data?.alias ?? ''
  const replica = useServer(alias, data?.to ?? '')
  const source = useServer(alias, data?.from ?? '')
  const { state, says } = flowOf(replica, source)
  const [path, x, y] = getBezierPath(props)
  return (
    <g className={`flow flow-${state}`}>
      <BaseEdge id={props.id} path={path} />
      {says !== '' && (
        <text x={x} y={y - 7} textAnchor="middle">
          {says}
        </text>
      )}
    </g>
  )
}

export function Lead(props: EdgeProps<LeadEdge>) {
  const { data } = props
  const alias = data?.alias ?? ''
  const route = useRoute(alias, data?.route ?? '')
  const dead = useStore((s) => s.clusters.get(alias)?.servers.find((v) => keyOf(v) === data?.to)?.look !== 'answered')
  const [path] = getBezierPath(props)
  const state = route?.state === 'open' ? (dead ? 'stopped' : 'leading') : 'stopped'
  return (
    <g className={`flow flow-${state}`}>
      <BaseEdge id={props.id} path={path} />
    </g>
  )
}
