import { type Edge, type Node, ReactFlow } from '@xyflow/react'
import '@xyflow/react/dist/base.css'
import { useCallback, useMemo, useState } from 'react'
import { store, useStore } from '../store.ts'
import { Channel, Lead } from './edges.tsx'
import { CARD, type Layout, layOut, ROUTE, structureOf } from './layout.ts'
import { RouteCard } from './route-node.tsx'
import { ServerCard } from './server-node.tsx'

const NODES = { server: ServerCard, route: RouteCard }
const EDGES = { link: Channel, lead: Lead }
const MARGIN = 20

/** The tree at its natural size: what does not fit is scrolled, text is never shrunk. */
export function Topology({ alias }: { readonly alias: string }) {
  const structure = useStore((s) => structureText(alias, s.clusters))
  const layout = useMemo(() => (structure === '' ? undefined : layoutOf(alias)), [alias, structure])
  const [frame, size] = useSize()
  if (!layout) return <section className="panel topology" aria-label="topology" />
  const width = Math.max(size.width, layout.width + 2 * MARGIN)
  const height = Math.max(size.height, layout.height + 2 * MARGIN)
  const shift = { x: (width - layout.width) / 2, y: (height - layout.height) / 2 }
  return (
    <section className="panel topology" aria-label="topology">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <div className="scroll" ref={frame} tabIndex={0}>
        <div style={{ width, height }}>
          <ReactFlow
            nodes={nodesOf(alias, layout, shift)}
            edges={edgesOf(alias, layout)}
            nodeTypes={NODES}
            edgeTypes={EDGES}
            nodesDraggable={false}
            nodesConnectable={false}
            elementsSelectable={false}
            nodesFocusable={false}
            edgesFocusable={false}
            panOnDrag={false}
            zoomOnScroll={false}
            zoomOnPinch={false}
            zoomOnDoubleClick={false}
            preventScrolling={false}
            proOptions={{ hideAttribution: true }}
          />
        </div>
      </div>
    </section>
  )
}

const structureText = (alias: string, clusters: ReturnType<typeof store.state>['clusters']): string => {
  const cluster = clusters.get(alias)
  return cluster ? structureOf(cluster) : ''
}

const layoutOf = (alias: string): Layout | undefined => {
  const cluster = store.state().clusters.get(alias)
  return cluster && layOut(cluster)
}

interface Shift {
  readonly x: number
  readonly y: number
}

function nodesOf(alias: string, layout: Layout, shift: Shift): Node[] {
  const servers = layout.servers.map(({ key, x, y }) => ({
    id: `server ${key}`,
    type: 'server',
    position: { x: x + shift.x, y: y + shift.y },
    data: { alias, server: key },
    ...CARD,
  }))
  const routes = layout.routes.map(({ key, x, y }) => ({
    id: `route ${key}`,
    type: 'route',
    position: { x: x + shift.x, y: y + shift.y },
    data: { alias, route: key },
    ...ROUTE,
  }))
  return [...servers, ...routes]
}

function edgesOf(alias: string, layout: Layout): Edge[] {
  const links = layout.links.map(({ from, to }) => ({
    id: `${from} > ${to}`,
    type: 'link',
    source: `server ${from}`,
    target: `server ${to}`,
    data: { alias, from, to },
  }))
  const leads = layout.leads.map(({ from, to }) => ({
    id: `lead ${from}`,
    type: 'lead',
    source: `route ${from}`,
    target: `server ${to}`,
    data: { alias, route: from, to },
  }))
  return [...links, ...leads]
}

function useSize() {
  const [size, setSize] = useState({ width: 0, height: 0 })
  const frame = useCallback((seen: HTMLDivElement) => {
    const observer = new ResizeObserver(() => setSize({ width: seen.clientWidth, height: seen.clientHeight }))
    observer.observe(seen)
    return () => observer.disconnect()
  }, [])
  return [frame, size] as const
}
