import { ProblemError, problem } from '../../../model/problem.ts'
import type { ClusterJson, OrderJson, Role, ServerJson } from '../../api/contract.ts'
import type { Context } from '../context.ts'
import { printProblems } from '../exit.ts'
import { namer, namesOf } from '../names.ts'
import { darkness } from '../reach.ts'
import { type Column, table, tsv } from '../table.ts'
import { type TreeNode, tree } from '../tree.ts'

/** A role as people call it; `replica` is every server that has a source. */
const ROLES: Readonly<Record<string, readonly Role[]>> = {
  primary: ['primary'],
  replica: ['replica', 'intermediate', 'co-primary'],
  intermediate: ['intermediate'],
  'co-primary': ['co-primary'],
  alone: ['alone'],
  unknown: ['unknown'],
}

/** What other programs and servers call them. */
const SYNONYMS: Readonly<Record<string, string>> = {
  master: 'primary',
  source: 'primary',
  writer: 'primary',
  slave: 'replica',
  'co-master': 'co-primary',
  'intermediate-master': 'intermediate',
}

/** Undefined where every role is wanted. Throws `usage`. */
export function parseRole(text: string | undefined): readonly Role[] | undefined {
  if (text === undefined) return undefined
  const word = text.toLowerCase()
  const roles = ROLES[SYNONYMS[word] ?? word]
  if (roles) return roles
  throw new ProblemError(
    problem('usage', { what: `--role ${text} is no role`, fix: `write one of: ${Object.keys(ROLES).join(', ')}` }),
  )
}

export function showTopology(
  context: Context,
  clusters: readonly ClusterJson[],
  roles: readonly Role[] | undefined,
): void {
  const servers = clusters.flatMap((c) => c.servers).filter((s) => !roles || roles.includes(s.role))
  const ofCluster = (cluster: ClusterJson): string =>
    [
      headline(context, cluster),
      topologyTree(context, cluster),
      ...routeLines(cluster),
      ...troubleLines(context, cluster),
    ].join('\n')
  const value = roles ? servers : clusters.length === 1 ? clusters[0] : clusters
  context.emit(value, {
    table: () => (roles ? table(servers, COLUMNS, context.paint) : clusters.map(ofCluster).join('\n\n')),
    tsv: () => tsv(servers, COLUMNS),
    names: () => servers.map((s) => s.address),
  })
  context.exitCode = roles && servers.length === 0 ? 3 : tellDarkness(context, clusters)
}

/** In the table the reasons stand below the tree already. */
function tellDarkness(context: Context, clusters: readonly ClusterJson[]): number {
  const problems = clusters.flatMap((cluster) => darkness(cluster) ?? [])
  const [first] = problems
  if (!first) return 0
  if (context.output.kind === 'format' && context.output.format === 'table') return first.exit
  const err = (text: string): void => void context.io.stderr.write(text)
  return printProblems(problems, { err, paint: context.paint, output: context.output })
}

export function headline(context: Context, cluster: ClusterJson): string {
  const { alias, sentence, verdict, epoch, paused, openRecovery } = cluster
  const parts = [
    context.paint('bold', alias),
    epoch === undefined ? 'no reign recorded' : `epoch ${epoch}`,
    context.paint(verdict === 'healthy' ? 'green' : 'red', sentence.replace(`${alias}: `, '')),
    ...(paused ? [context.paint('yellow', `paused ${ordered(paused)}`)] : []),
    ...(openRecovery === undefined ? [] : [context.paint('yellow', `recovery ${openRecovery} is not finished`)]),
  ]
  return parts.join(' · ')
}

const ordered = ({ until, by, reason }: Pick<OrderJson, 'until' | 'by' | 'reason'>): string =>
  `until ${clockTime(until)} by ${by}: ${reason}`

/** As it stands in the row of its server. */
const ORDERS: { readonly [K in OrderJson['kind']]: string } = {
  pause: 'paused',
  downtime: 'in downtime',
  unfence: 'unfenced',
  prefer: 'preferred',
}

const clockTime = (at: number): string => new Date(at).toISOString().slice(0, 16).replace('T', ' ').concat('Z')

function routeLines({ routes }: ClusterJson): readonly string[] {
  return routes.map(({ name, state, primary, epoch, sessions, why }) => {
    const leads = primary === undefined ? state : `leads to ${primary}`
    const told =
      why === undefined ? `${epoch === undefined ? '' : `, epoch ${epoch}`}, ${sessions} sessions` : `: ${why}`
    return `route ${name}: ${leads}${told}`
  })
}

/** What is not said by the tree: why a server does not serve us, and why nothing is done. */
function troubleLines(context: Context, cluster: ClusterJson): readonly string[] {
  const { servers, refusals, alias, verdict } = cluster
  const named = namer(namesOf(cluster))
  const told = [
    ...servers.flatMap((s) => (s.why ? [s.why] : [])),
    ...refusals.map((r) => ({ says: named(`refused: ${r.says}`), tryThis: named(r.tryThis) })),
  ]
  const lines = told.map(
    (t) => `${context.paint('red', '!')} ${t.says}\n  ${context.paint('dim', 'try:')} ${t.tryThis}`,
  )
  const found = verdict !== 'healthy' || servers.some((s) => s.findings.length > 0)
  return found ? [...lines, context.paint('dim', `more: regent diagnose ${alias}`)] : lines
}

export function topologyTree(context: Context, cluster: ClusterJson): string {
  // Always in the same order: who looks again and again sees what has changed, not what was shuffled.
  const servers = cluster.servers.toSorted((a, b) => a.address.localeCompare(b.address, 'en', { numeric: true }))
  const known = new Set(servers.map((s) => s.address))
  const placed = new Set<string>()
  const node = (server: ServerJson): TreeNode => {
    placed.add(server.address)
    const below = servers.filter(
      (s) => !placed.has(s.address) && s.sources.some((source) => source.from === server.address),
    )
    for (const child of below) placed.add(child.address)
    return { text: cells(context, server), children: below.map(node) }
  }
  const roots = servers.filter((s) => s.role === 'primary' || !s.sources.some((source) => known.has(source.from)))
  const ordered = [...roots].sort((a, b) => Number(b.role === 'primary') - Number(a.role === 'primary'))
  const trees = ordered.filter((s) => !placed.has(s.address)).map(node)
  const rings = servers.filter((s) => !placed.has(s.address)).map((s) => ({ text: cells(context, s), children: [] }))
  return tree([...trees, ...rings])
}

function cells(context: Context, server: ServerJson): readonly string[] {
  const paint =
    server.health === 'bad'
      ? 'red'
      : server.health === 'warning'
        ? 'yellow'
        : server.role === 'primary'
          ? 'green'
          : undefined
  const state = server.look === 'answered' ? accessOf(server) : server.look
  const lag = server.lagMs === undefined ? '' : `lag ${(server.lagMs / 1000).toFixed(1)} s`
  const role = paint ? context.paint(paint, server.role) : server.role
  const findings = server.findings.map((f) => f.finding).join(', ')
  const orders = server.orders.map((o) => context.paint('yellow', `${ORDERS[o.kind]} ${ordered(o)}`)).join(', ')
  return [server.address, role, state, server.version?.split('-')[0] ?? '', semiSyncOf(server), lag, findings, orders]
}

const accessOf = (server: ServerJson): string =>
  server.access === 'writable' ? 'rw' : server.fenced ? 'ro fenced' : 'ro'

/** How many acknowledge, and how many are waited for, is known only of one that answers. */
function semiSyncOf({ look, semiSync }: ServerJson): string {
  if (look !== 'answered') return ''
  if (semiSync.source) return `semi-sync ${semiSync.clients}/${semiSync.waitCount}`
  return semiSync.replica ? 'semi-sync' : ''
}

const COLUMNS: readonly Column<ServerJson>[] = [
  { title: 'server', cell: (s) => s.address },
  { title: 'role', cell: (s) => s.role },
  { title: 'state', cell: (s) => s.look },
  { title: 'access', cell: (s) => s.access ?? '' },
  { title: 'source', cell: (s) => s.sources.map((x) => x.from).join(',') },
  { title: 'lag_ms', cell: (s) => (s.lagMs === undefined ? '' : String(s.lagMs)) },
  { title: 'version', cell: (s) => s.version ?? '' },
  { title: 'findings', cell: (s) => s.findings.map((f) => f.finding).join(',') },
  { title: 'orders', cell: (s) => s.orders.map((o) => `${ORDERS[o.kind]} ${ordered(o)}`).join(', ') },
]
