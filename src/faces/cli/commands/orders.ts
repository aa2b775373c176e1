import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { parseDuration } from '../../../model/duration.ts'
import { ProblemError, problem } from '../../../model/problem.ts'
import type { Context } from '../context.ts'
import type { Register } from '../program.ts'

/** The operator's hand: standing orders, each with a reason and an end. */
export const registerOrders: Register = (program, verb) => {
  verb(
    program
      .command('pause [cluster]')
      .requiredOption('--reason <text>', 'why')
      .option('--for <duration>', 'until when', '1h'),
    'stop automatic recovery for a time; watching goes on',
    'regent pause shop --reason "storage work" --for 30m',
    pause,
  )
  verb(program.command('resume [cluster]'), 'end a pause', 'regent resume shop', resume)
  verb(
    program.command('forget <server>').option('--cluster <name>', 'its cluster'),
    'know nothing of a server any more',
    'regent forget db4:3306',
    forget,
  )
}

async function pause(context: Context, [cluster]: readonly (string | undefined)[], command: Command): Promise<void> {
  const options: { reason: string; for: string } = command.opts()
  const forMs = parseDuration(options.for)
  if (forMs === undefined)
    throw new ProblemError(
      problem('usage', { what: `--for ${options.for} is no duration`, fix: 'write for example 30m' }),
    )
  await context.withClient(false, (client) =>
    client.pause(cluster ?? '', { reason: options.reason, by: userInfo().username, forMs }),
  )
  said(context, `automatic recovery is paused for ${options.for}`)
}

async function resume(context: Context, [cluster]: readonly (string | undefined)[]): Promise<void> {
  await context.withClient(false, (client) => client.resume(cluster ?? ''))
  said(context, 'automatic recovery is on again')
}

async function forget(context: Context, [server]: readonly (string | undefined)[], command: Command): Promise<void> {
  const options: { cluster?: string } = command.opts()
  const name = server ?? ''
  await context.withClient(false, (client) => client.forget(options.cluster ?? name, name))
  said(context, `${name} is forgotten`)
}

const said = (context: Context, says: string): void => context.emit({ says }, { table: () => says, names: () => [] })
