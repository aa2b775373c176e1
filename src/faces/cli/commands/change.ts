import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { parseDuration } from '../../../model/duration.ts'
import { ProblemError, problem } from '../../../model/problem.ts'
import type { Client, CommandJson, EndJson, PlanJson, PlannedJson } from '../../api/contract.ts'
import type { Context } from '../context.ts'
import type { Register } from '../program.ts'
import { headline, topologyTree } from './look.ts'

type Verb = CommandJson['verb']

interface Options {
  readonly to?: string
  readonly server?: string
  readonly open?: boolean
  readonly loss?: string
  readonly fence?: string
  readonly reason?: string
  readonly for?: string
  readonly cluster?: string
}

/** Where a verb's argument is a server, and where a cluster. */
const TAKES_SERVER: Readonly<Record<Verb, boolean>> = {
  failover: false,
  switchover: false,
  adopt: false,
  rejoin: true,
  fence: true,
  unfence: true,
}

const ABOUT: Readonly<Record<Verb, { readonly says: string; readonly example: string }>> = {
  failover: {
    says: 'replace a primary that is dead, or must go',
    example: 'regent failover shop\n  regent failover shop --loss 10s --reason "two servers lost with the rack"',
  },
  switchover: {
    says: 'give the primary role to another server, without loss',
    example: 'regent switchover shop --to db2:3306',
  },
  adopt: {
    says: "record a cluster's first reign; with --open also open its primary",
    example: 'regent adopt shop\n  regent adopt shop --open --server db1:3306',
  },
  rejoin: { says: 'make a returned server follow the primary again', example: 'regent rejoin db1:3306' },
  fence: {
    says: 'cut the clients of a server and make it read-only',
    example: 'regent fence db1:3306 --reason "came back writable"',
  },
  unfence: {
    says: 'open a server by name, for a time',
    example: 'regent unfence db1:3306 --reason "the fork is kept" --for 30m',
  },
}

/** Verbs that change servers: each shows the topology and the numbered plan, and asks. */
export const registerChanging: Register = (program, verb) => {
  const plan = program.command('plan').description('show a plan and its vetoes; changes nothing')
  for (const name of Object.keys(ABOUT) as Verb[]) {
    const { says, example } = ABOUT[name]
    verb(withOptions(program.command(`${name} ${argument(name)}`), name), says, example, (context, [target], command) =>
      change(context, request(name, target, command.opts())),
    )
    verb(
      withOptions(plan.command(`${name} ${argument(name)}`), name),
      `the plan of ${name}: ${says}`,
      `regent plan ${example.split('\n')[0]?.replace('regent ', '')}`,
      (context, [target], command) => show(context, request(name, target, command.opts())),
    )
  }
}

const argument = (name: Verb): string => (TAKES_SERVER[name] ? '<server>' : '[cluster]')

function withOptions(command: Command, name: Verb): Command {
  command.option('--reason <text>', 'why: recorded with the change')
  if (TAKES_SERVER[name]) command.option('--cluster <name>', 'the cluster, where the server is not known in it yet')
  if (name === 'failover' || name === 'switchover')
    command.option('--to <server>', 'this server and no other becomes the primary')
  if (name === 'failover')
    command
      .option('--loss <bound>', 'accept this loss for this once: proven, 10s, any')
      .option('--fence <level>', 'demand this proof for this once: none, routes, readonly, stopped, off')
  if (name === 'adopt')
    command
      .option('--open', 'open the one root of a cluster that is all read-only')
      .option('--server <server>', 'this one')
  if (name === 'unfence') command.option('--for <duration>', 'how long Regent leaves it alone', '10m')
  return command
}

interface Request {
  readonly cluster: string
  readonly json: CommandJson
}

function request(verb: Verb, target: string | undefined, options: Options): Request {
  const server = TAKES_SERVER[verb] ? target : (options.to ?? options.server)
  const forMs = options.for === undefined ? undefined : parseDuration(options.for)
  if (options.for !== undefined && forMs === undefined)
    throw new ProblemError(
      problem('usage', { what: `--for ${options.for} is no duration`, fix: 'write for example 30m' }),
    )
  const json: CommandJson = {
    verb,
    by: userInfo().username,
    ...(server === undefined ? {} : { server }),
    ...(options.open ? { open: true } : {}),
    ...(options.loss === undefined ? {} : { loss: options.loss }),
    ...(options.fence === undefined ? {} : { fence: options.fence }),
    ...(options.reason === undefined ? {} : { reason: options.reason }),
    ...(forMs === undefined ? {} : { forMs }),
  }
  const overrides = options.loss !== undefined || options.fence !== undefined || verb === 'unfence'
  if (overrides && !options.reason)
    throw new ProblemError(
      problem('usage', { what: 'an override needs a reason: it is recorded', fix: 'add --reason "…"' }),
    )
  return { cluster: TAKES_SERVER[verb] ? (options.cluster ?? target ?? '') : (target ?? ''), json }
}

async function show(context: Context, { cluster, json }: Request): Promise<void> {
  const planned = await context.withClient(false, (client) => client.plan(cluster, json))
  context.emit(planned, {
    table: () => planText(context, planned),
    names: () => (planned.kind === 'plan' ? planned.plan.steps.map((s) => s.id) : []),
  })
  if (planned.kind === 'refusal') context.exitCode = 3
}

async function change(context: Context, { cluster, json }: Request): Promise<void> {
  await context.withClient(true, async (client) => {
    const planned = await client.plan(cluster, json)
    if (planned.kind === 'refusal')
      return tellEnd(context, { kind: 'refused', id: '', reasons: planned.reasons, undone: false })
    if (!context.common.yes) await present(context, client, { cluster, json, planned })
    await context.confirm('Run this plan?')
    tellEnd(context, await client.run(cluster, { ...json, shown: planned.plan }))
  })
}

async function present(
  context: Context,
  client: Client,
  shown: Request & { readonly planned: PlanJson },
): Promise<void> {
  const now = await client.cluster(shown.cluster)
  context.note(`${headline(context, now)}\n${topologyTree(context, now)}\n`)
  context.note(planText(context, shown.planned))
}

/** The numbered plan, its ranking and its risks. */
export function planText(context: Context, planned: PlannedJson): string {
  if (planned.kind === 'refusal') return refusalText(context, planned.reasons)
  const { plan, lines, names } = planned
  const name = (id: string): string => names[id] ?? id
  const steps = plan.steps.map(
    (step, i) =>
      `${String(i + 1).padStart(3)}. ${lines[i] ?? step.id}${step.after.length > 0 ? context.paint('dim', `  after ${numbersOf(planned, step.after)}`) : ''}`,
  )
  const ranking = plan.ranking.map((r) => `  ${r.eligible ? '+' : '-'} ${name(r.server)}: ${r.reasons.join(', ')}`)
  const act =
    plan.kind === 'failover' ? 'Act 1 (act 2 is planned from what the sealed replicas say)' : `Act ${plan.act}`
  const risks = plan.risks.map((r) => `  ${context.paint('yellow', 'risk')}: ${r.says}`)
  const parts = [
    `${plan.kind} of ${name(plan.subject)}: ${plan.because}`,
    `fence demanded: ${plan.fence.demand.atLeast}${plan.fence.demand.alsoRoutes ? ' and routes' : ''} (${plan.fence.because})`,
  ]
  return [...parts, ...(ranking.length > 0 ? ['Candidates', ...ranking] : []), ...risks, act, ...steps].join('\n')
}

const numbersOf = ({ plan }: PlanJson, ids: readonly string[]): string =>
  ids
    .map((id) => plan.steps.findIndex((s) => s.id === id) + 1)
    .filter((n) => n > 0)
    .join(', ')

const refusalText = (
  context: Context,
  reasons: readonly { readonly says: string; readonly tryThis: string }[],
): string => reasons.map((r) => `${context.paint('red', 'refused')}: ${r.says}\n    try: ${r.tryThis}`).join('\n')

function tellEnd(context: Context, end: EndJson): void {
  const text =
    end.kind === 'refused'
      ? `${refusalText(context, end.reasons)}${end.undone ? '\nact 1 was taken back' : ''}`
      : `${end.kind}: ${end.says} (${end.id})`
  context.emit(end, { table: () => text, names: () => [end.id] })
  context.exitCode = end.kind === 'done' ? 0 : end.kind === 'refused' ? 3 : 1
}
