import { hierarchy, tree } from 'd3-hierarchy'
import type { ClusterJson, ServerJson } from '../../api/contract.ts'
import { keyOf } from '../store.ts'

export const CARD = { width: 250, height: 92 } as const
export const ROUTE = { width: 158, height: 74 } as const
const COLUMN = CARD.width + 84
const ROW = CARD.height + 18
const ROUTES_COLUMN = ROUTE.width + 70

export interface Placed {
  readonly key: string
  readonly x: number
  readonly y: number
}
export interface Link {
  readonly from: string
  readonly to: string
}
export interface Layout {
  readonly servers: readonly Placed[]
  readonly routes: readonly Placed[]
  readonly links: readonly Link[]
  /** Route to the primary that it leads to. */
  readonly leads: readonly Link[]
  readonly width: number
  readonly height: number
}

interface Branch {
  readonly key: string
  readonly children: readonly Branch[]
}

/** What the picture is made of; while it stays the same nothing is laid out again. */
export function structureOf(cluster: ClusterJson): string {
  const servers = cluster.servers.map((s) => [
    keyOf(s),
    s.address,
    s.role === 'primary',
    s.sources.map((c) => c.id ?? c.from),
  ])
  const routes = cluster.routes.map((r) => [r.name, r.primary])
  return JSON.stringify([servers, routes, cluster.primary])
}

/** A tree from left to right: clients, routes, the primary, its replicas, theirs. Servers apart from it stand below. */
export function layOut(cluster: ClusterJson): Layout {
  const { servers } = cluster
  const keys = new Map(servers.flatMap((s) => [[keyOf(s), keyOf(s)] as const, [s.address, keyOf(s)] as const]))
  const links = servers.flatMap((s) =>
    s.sources.flatMap((c) => {
      const from = keys.get(c.id ?? c.from)
      return from === undefined || from === keyOf(s) ? [] : [{ from, to: keyOf(s) }]
    }),
  )
  const root = hierarchy<Branch>({ key: '', children: forest(servers, links) })
  tree<Branch>()
    .nodeSize([ROW, COLUMN])
    .separation(() => 1)(root)
  const placed = root.descendants().filter((n) => n.depth > 0)
  const top = Math.min(0, ...placed.map((n) => n.x ?? 0))
  const left = cluster.routes.length > 0 ? ROUTES_COLUMN : 0
  const at = placed.map((n) => ({ key: n.data.key, x: left + (n.depth - 1) * COLUMN, y: (n.x ?? 0) - top }))
  const middle = at.find((p) => isPrimary(cluster, p.key)) ?? at[0]
  const routes = cluster.routes.map((route, i) => ({
    key: route.name,
    x: 0,
    y: Math.max(
      0,
      (middle?.y ?? 0) + (CARD.height - ROUTE.height) / 2 + (i - (cluster.routes.length - 1) / 2) * (ROUTE.height + 16),
    ),
  }))
  const leads = cluster.routes.flatMap((route) => {
    const to = route.primary === undefined ? undefined : keys.get(route.primary)
    return to === undefined ? [] : [{ from: route.name, to }]
  })
  return {
    servers: at,
    routes,
    links,
    leads,
    width: Math.max(0, ...at.map((p) => p.x + CARD.width)),
    height: Math.max(0, ...at.map((p) => p.y + CARD.height), ...routes.map((p) => p.y + ROUTE.height)),
  }
}

function isPrimary({ servers, primary }: ClusterJson, key: string): boolean {
  const found = servers.find((s) => keyOf(s) === key)
  return found !== undefined && (found.role === 'primary' || found.address === primary)
}

/** Each server hangs below its first source; a circle (co-primaries) is cut at the primary, or at its first address. */
function forest(servers: readonly ServerJson[], links: readonly Link[]): readonly Branch[] {
  const ordered = servers.toSorted(
    (a, b) => rank(a) - rank(b) || a.address.localeCompare(b.address, 'en', { numeric: true }),
  )
  const seen = new Set<string>()
  const branch = (key: string): Branch => {
    seen.add(key)
    const below = ordered.map(keyOf).filter((k) => parent(k) === key)
    return { key, children: below.filter((k) => !seen.has(k)).map(branch) }
  }
  const parent = (key: string): string | undefined => links.find((l) => l.to === key)?.from
  const isRoot = (s: ServerJson): boolean => s.role === 'primary' || parent(keyOf(s)) === undefined
  // Those in a circle come last, each where nothing has reached it.
  return [...ordered.filter(isRoot), ...ordered].flatMap((s) => (seen.has(keyOf(s)) ? [] : [branch(keyOf(s))]))
}

const rank = (server: ServerJson): number => (server.role === 'primary' ? 0 : server.role === 'co-primary' ? 1 : 2)
