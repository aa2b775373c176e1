import type { Command } from 'commander'
import type { ClusterJson, ExplainJson, RecoveryJson, ServerJson } from '../../api/contract.ts'
import type { Context } from '../context.ts'
import type { Register } from '../program.ts'
import { type Column, table, tsv } from '../table.ts'
import { type TreeNode, tree } from '../tree.ts'

/** Verbs that only look: each works with a daemon and without one. */
export const registerLooking: Register = (program, verb) => {
  verb(
    program.command('topology [cluster]'),
    'who replicates from whom',
    'regent topology shop\n  regent topology -q        bare host:port names',
    async (context, [name]) => looking(context, name, showTopology),
  )
  verb(
    program.command('diagnose [cluster]'),
    'what is wrong, in one verdict and any number of findings; exit 3 when something is',
    'regent diagnose shop --json',
    async (context, [name]) => looking(context, name, showDiagnosis),
  )
  verb(
    program.command('explain [cluster]'),
    'why this verdict, with the evidence, and why no other',
    'regent explain shop',
    async (context, [name]) => explain(context, name ?? ''),
  )
  verb(
    program
      .command('history [recovery]')
      .option('--cluster <name>', 'of this cluster')
      .option('-n, --limit <count>', 'how many', '20'),
    'past recoveries, or one of them step by step',
    'regent history\n  regent history r-20260101-030000-1a2b',
    history,
  )
}

async function looking(
  context: Context,
  name: string | undefined,
  show: (context: Context, clusters: readonly ClusterJson[]) => void,
): Promise<void> {
  await context.withClient(false, async (client) => {
    const look = async () => show(context, name === undefined ? await client.clusters() : [await client.cluster(name)])
    await look()
    const every = context.common.watch === undefined ? 0 : Number(context.common.watch) * 1000
    while (every > 0 && !context.io.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, every))
      await look()
    }
  })
}

function showTopology(context: Context, clusters: readonly ClusterJson[]): void {
  const servers = clusters.flatMap((c) => c.servers)
  context.emit(clusters.length === 1 ? clusters[0] : clusters, {
    table: () =>
      clusters.map((cluster) => `${headline(context, cluster)}\n${topologyTree(context, cluster)}`).join('\n\n'),
    tsv: () => tsv(servers, COLUMNS),
    names: () => servers.map((s) => s.address),
  })
}

export const headline = (context: Context, cluster: ClusterJson): string => {
  const colour = cluster.verdict === 'healthy' ? 'green' : 'red'
  const epoch = cluster.epoch === undefined ? 'no reign recorded' : `epoch ${cluster.epoch}`
  const paused = cluster.paused ? ` · paused: ${cluster.paused.reason}` : ''
  return `${context.paint('bold', cluster.alias)} · ${epoch} · ${context.paint(colour, cluster.sentence)}${paused}`
}

export function topologyTree(context: Context, cluster: ClusterJson): string {
  const known = new Set(cluster.servers.map((s) => s.address))
  const placed = new Set<string>()
  const node = (server: ServerJson): TreeNode => {
    placed.add(server.address)
    const below = cluster.servers.filter(
      (s) => !placed.has(s.address) && s.sources.some((source) => source.from === server.address),
    )
    for (const child of below) placed.add(child.address)
    return { text: cells(context, server), children: below.map(node) }
  }
  const roots = cluster.servers.filter(
    (s) => s.role === 'primary' || !s.sources.some((source) => known.has(source.from)),
  )
  const ordered = [...roots].sort((a, b) => Number(b.role === 'primary') - Number(a.role === 'primary'))
  const trees = ordered.filter((s) => !placed.has(s.address)).map(node)
  const rings = cluster.servers
    .filter((s) => !placed.has(s.address))
    .map((s) => ({ text: cells(context, s), children: [] }))
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
  return [server.address, role, state, server.version?.split('-')[0] ?? '', semiSyncOf(server), lag, findings]
}

const accessOf = (server: ServerJson): string =>
  server.access === 'writable' ? 'rw' : server.fenced ? 'ro fenced' : 'ro'

function semiSyncOf({ semiSync }: ServerJson): string {
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
]

interface FindingRow {
  readonly cluster: string
  readonly about: string
  readonly finding: string
  readonly because: string
}

function showDiagnosis(context: Context, clusters: readonly ClusterJson[]): void {
  const rows = clusters.flatMap((c): FindingRow[] => [
    { cluster: c.alias, about: c.primary ?? '', finding: c.verdict, because: c.because },
    ...c.servers.flatMap((s) =>
      s.findings.map((f) => ({ cluster: c.alias, about: s.address, finding: f.finding, because: f.because })),
    ),
    ...c.refusals.map((r) => ({
      cluster: c.alias,
      about: c.primary ?? '',
      finding: `refused: ${r.code}`,
      because: `${r.says} (try: ${r.tryThis})`,
    })),
  ])
  const columns: readonly Column<FindingRow>[] = [
    { title: 'cluster', cell: (r) => r.cluster },
    { title: 'server', cell: (r) => r.about },
    { title: 'finding', cell: (r) => r.finding },
    { title: 'because', cell: (r) => r.because },
  ]
  const value = clusters.map(({ alias, verdict, row, remedy, because, primary, servers, refusals }) => ({
    alias,
    verdict,
    row,
    remedy,
    because,
    primary,
    findings: servers.flatMap((s) => s.findings.map((f) => ({ server: s.address, ...f }))),
    refusals,
  }))
  context.emit(value.length === 1 ? value[0] : value, {
    table: () => table(rows, columns, context.paint),
    tsv: () => tsv(rows, columns),
    names: () => rows.map((r) => r.about),
  })
  if (rows.some((r) => r.finding !== 'healthy')) context.exitCode = 3
}

async function explain(context: Context, name: string): Promise<void> {
  const told = await context.withClient(false, (client) => client.explain(name))
  context.emit(told, { table: () => explanation(context, told), names: () => [told.diagnosis.primary.verdict] })
}

function explanation(context: Context, { alias, diagnosis, whyNot }: ExplainJson): string {
  const { primary } = diagnosis
  const evidence = primary.evidence.map(
    (e) => `  ${e.fact} = ${context.paint('bold', e.value)}${e.readings.map((r) => `\n      ${r}`).join('')}`,
  )
  const others = whyNot.map((w) => {
    const missing = w.missing.map((m) => `${m.fact} is ${m.is}, it would have to be ${m.needs.join(' or ')}`).join('; ')
    return `  ${w.verdict} (${w.row}): ${w.beatenBy ? `overruled by ${w.beatenBy}` : missing}`
  })
  return [
    `${alias}: ${context.paint('bold', primary.verdict)} (row ${primary.row}), remedy: ${primary.remedy}`,
    `because ${primary.because}`,
    '',
    'Evidence',
    ...evidence,
    '',
    'Why nothing else',
    ...others,
  ].join('\n')
}

async function history(context: Context, [id]: readonly (string | undefined)[], command: Command): Promise<void> {
  const options: { cluster?: string; limit: string } = command.opts()
  if (id !== undefined) {
    const record = await context.withClient(false, (client) => client.recovery(id))
    return context.emit(record, { table: () => recoveryText(context, record), names: () => [record.id] })
  }
  const records = await context.withClient(false, async (client) => {
    const names = options.cluster === undefined ? (await client.clusters()).map((c) => c.alias) : [options.cluster]
    return (await Promise.all(names.map((name) => client.history(name, Number(options.limit))))).flat()
  })
  const columns: readonly Column<RecoveryJson>[] = [
    { title: 'recovery', cell: (r) => r.id },
    { title: 'kind', cell: (r) => r.kind },
    { title: 'of', cell: (r) => r.names[r.subject] ?? r.subject },
    { title: 'state', cell: (r) => r.state },
    { title: 'by', cell: (r) => (r.automatic ? 'Regent' : 'a person') },
    { title: 'started', cell: (r) => new Date(r.startedAt).toISOString() },
    { title: 'because', cell: (r) => r.because },
  ]
  context.emit(records, {
    table: () => table(records, columns, context.paint),
    tsv: () => tsv(records, columns),
    names: () => records.map((r) => r.id),
  })
}

function recoveryText(context: Context, record: RecoveryJson): string {
  const started = new Date(record.startedAt).toISOString()
  const steps = record.steps.map(
    (s) =>
      `  ${s.startedAt === undefined ? '      ' : `+${String(s.startedAt - record.startedAt).padStart(4)}`} ms  ${s.line}: ${s.state}${s.tookMs === undefined ? '' : ` (${s.tookMs.toFixed(1)} ms)`}${s.says && s.state !== 'done' ? ` ${s.says}` : ''}`,
  )
  const risks = record.plans.flatMap((p) => p.risks.map((r) => `  risk: ${r.says}`))
  const refusals = record.refusals.map((r) => `  refused: ${r.says}\n      try: ${r.tryThis}`)
  const events = record.events.map((e) => `  ${e.says}`)
  const head = `${context.paint('bold', record.id)} ${record.kind} of ${record.names[record.subject] ?? record.subject}: ${record.state}, ${started}`
  return [
    head,
    `because ${record.because}`,
    ...record.plans.map((p) => `act ${p.act}: ${p.because}`),
    ...risks,
    'Steps',
    ...steps,
    ...refusals,
    ...events,
  ].join('\n')
}
