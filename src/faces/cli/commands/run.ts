import type { Command } from 'commander'
import { type Problem, ProblemError } from '../../../model/problem.ts'
import type { Context } from '../context.ts'
import type { Register } from '../program.ts'
import { table } from '../table.ts'

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
    proxy.command('status [cluster]'),
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
    },
  )
}

function ended(trouble: Problem | undefined): void {
  if (trouble) throw new ProblemError(trouble)
}

async function proxyStatus(
  context: Context,
  [cluster]: readonly (string | undefined)[],
  _command: Command,
): Promise<void> {
  const { config } = await context.runners.loadConfig(context.common.config)
  const rows = await context.runners.proxyStatus(config, cluster ?? '')
  const titles = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const columns = titles.map((title) => ({
    title,
    cell: (row: Readonly<Record<string, unknown>>) =>
      typeof row[title] === 'object' ? JSON.stringify(row[title]) : String(row[title] ?? ''),
  }))
  context.emit(rows, {
    table: () => table(rows, columns, context.paint),
    names: () => rows.map((row) => String(row['route'])),
  })
}
