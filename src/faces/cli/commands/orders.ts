import { userInfo } from 'node:os'
import type { Command } from 'commander'
import type { Context } from '../context.ts'
import type { Register } from '../verb.ts'

/** The operator's hand: a pause has a reason and an end, and `resume` ends it before; `forget` takes a server out of mind. */
export const registerOrders: Register = (program, verb) => {
  verb(
    program
      .command('pause [cluster]')
      .requiredOption('--reason <text>', 'why')
      .option('--for <duration>', 'how long', '1h'),
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
  const forMs = context.duration(options.for, '--for') ?? 0
  const reason = context.words(options.reason, '--reason') ?? ''
  const alias = await context.withClient(false, async (client) => {
    const { alias } = await client.cluster(cluster ?? '')
    await client.pause(alias, { reason, by: userInfo().username, forMs })
    return alias
  })
  said(context, `automatic recovery of ${alias} is paused for ${options.for}: ${reason}`)
}

async function resume(context: Context, [cluster]: readonly (string | undefined)[]): Promise<void> {
  const before = await context.withClient(false, async (client) => {
    const shown = await client.cluster(cluster ?? '')
    await client.resume(shown.alias)
    return shown
  })
  said(context, before.paused ? `the pause of ${before.alias} has ended` : `no pause of ${before.alias} was in force`)
}

/** Acting: a Regent that keeps it in mind would write it into the store again. */
async function forget(context: Context, [server]: readonly (string | undefined)[], command: Command): Promise<void> {
  const options: { cluster?: string } = command.opts()
  const name = server ?? ''
  const isSeed = await context.withClient(true, async (client) => {
    const cluster = options.cluster ?? name
    const { servers } = await client.cluster(cluster)
    await client.forget(cluster, name)
    return servers.some((s) => (s.address === name || s.id === name) && s.seed)
  })
  const seed = isSeed ? '; it is among the seeds: take it out of the configuration' : ''
  said(context, `${name} is forgotten; it is found again where another server names it${seed}`)
}

const said = (context: Context, says: string): void => context.emit({ says }, { table: () => says, names: () => [] })
