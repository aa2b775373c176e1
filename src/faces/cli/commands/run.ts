import { printAddress } from '../../../model/address.ts'
import { type Problem, ProblemError } from '../../../model/problem.ts'
import { isRecord } from '../../../model/route.ts'
import type { Context } from '../context.ts'
import { watchable } from '../options.ts'
import { type Column, table, tsv } from '../table.ts'
import type { Register } from '../verb.ts'

/** Programs that stay: the daemon, and the proxy. */
export const registerRunning: Register = (program, verb) => {
  verb(
    program.command('watch'),
    'the daemon: watch, conclude, act',
    'regent watch --config /etc/regent/regent.yaml',
    async (context) => {
      const { config, warnings } = await context.runners.loadConfig(context.common.config)
      for (const warning of warnings) context.note(`warning: ${warning}`)
      ended(await context.runners.watch(config, context.io.signal))
    },
  )
  const proxy = program.command('proxy').description('the built-in proxy: one address that leads to the primary')
  verb(
    proxy.command('run <cluster>').option('--route <name>', 'which of its proxy routes'),
    'serve, as a process of its own',
    'regent proxy run shop',
    async (context, [cluster], command) => {
      const { config } = await context.runners.loadConfig(context.common.config)
      const { route }: { route?: string } = command.opts()
      ended(await context.runners.runProxy(config, cluster ?? '', route, context.io.signal))
    },
  )
  verb(
    watchable(proxy.command('status [cluster]')),
    'what the running proxies believe and carry',
    'regent proxy status shop',
    proxyStatus,
  )
  verb(
    proxy.command('stop [cluster]'),
    'end the running proxies: clients lose their sessions',
    'regent proxy stop shop',
    async (context, [cluster]) => {
      const { config } = await context.runners.loadConfig(context.common.config)
      await context.confirm('Every client session of this proxy will be cut. Stop it?')
      await context.runners.stopProxy(config, cluster ?? '')
      const says = 'the proxies have stopped'
      context.emit({ says }, { table: () => says, names: () => [] })
    },
  )
}

function ended(trouble: Problem | undefined): void {
  if (trouble) throw new ProblemError(trouble)
}

type Row = Readonly<Record<string, unknown>>

/** What a person asks first; the rest is in the JSON. */
const COLUMNS: readonly Column<Row>[] = [
  { title: 'cluster', cell: (r) => String(r['cluster']) },
  { title: 'route', cell: (r) => String(r['route']) },
  { title: 'listens', cell: (r) => addressIn(r['listen']) },
  { title: 'state', cell: (r) => ('unknown' in r ? silence(r) : stateIn(r['inForce'])) },
  { title: 'leads to', cell: (r) => (isRecord(r['inForce']) ? addressIn(r['inForce']['primary']) : '') },
  { title: 'epoch', cell: (r) => (isRecord(r['inForce']) ? String(r['inForce']['epoch']) : ''), align: 'right' },
  { title: 'sessions', cell: (r) => String(r['sessionsOpen'] ?? ''), align: 'right' },
  { title: 'waiting', cell: (r) => String(r['waiting'] ?? ''), align: 'right' },
  { title: 'why', cell: (r) => String(r['unknown'] ?? '') },
]

const stateIn = (route: unknown): string => (isRecord(route) ? String(route['kind']) : 'waits for a route')

const silence = (row: Row): string => (row['refused'] === true ? 'refuses' : 'no answer')

const addressIn = (value: unknown): string =>
  isRecord(value) && typeof value['host'] === 'string' && typeof value['port'] === 'number'
    ? printAddress({ host: value['host'], port: value['port'] })
    : ''

async function proxyStatus(context: Context, [cluster]: readonly (string | undefined)[]): Promise<void> {
  const { config } = await context.runners.loadConfig(context.common.config)
  await context.repeatedly(async () => {
    const rows = await context.runners.proxyStatus(config, cluster ?? '')
    context.emit(rows, {
      table: () => (rows.length === 0 ? 'no proxy route is configured' : table(rows, COLUMNS, context.paint)),
      tsv: () => tsv(rows, COLUMNS),
      names: () => rows.map((row) => addressIn(row['listen'])),
    })
    if (rows.some((row) => 'unknown' in row)) context.exitCode = 4
  })
}
