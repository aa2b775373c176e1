import { userInfo } from 'node:os'
import type { Command } from 'commander'
import { ProblemError, problem } from '../../../model/problem.ts'
import type { Client, ClusterJson, CommandJson, EndJson, PlanJson, ShownJson } from '../../api/contract.ts'
import type { Context } from '../context.ts'
import { type Namer, namer, namesOf } from '../names.ts'
import { waiting } from '../options.ts'
import { darkness } from '../reach.ts'
import type { Register } from '../verb.ts'
import { ending } from './asked-again.ts'
import { planText, refusalText } from './plan-text.ts'
import { headline, topologyTree } from './topology.ts'

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
  readonly abandon?: boolean
  readonly overReign?: boolean
  readonly overHistory?: boolean
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
    example:
      'regent adopt shop\n  regent adopt shop --open --server db1:3306\n  regent adopt shop --open --over-reign --reason "db1 has a new host name"',
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
    const command = waiting(withOptions(program.command(`${name} ${argument(name)}`), name))
    verb(command, says, example, (context, [target]) => {
      const options: Options = command.opts()
      demandReason(name, options)
      return change(context, request(context, { verb: name, target, options }))
    })
    verb(
      withOptions(plan.command(`${name} ${argument(name)}`), name),
      `the plan of ${name}: ${says}`,
      `regent plan ${example.split('\n')[0]?.replace('regent ', '')}`,
      (context, [target], command) => show(context, request(context, { verb: name, target, options: command.opts() })),
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
  if (name === 'failover' || name === 'unfence' || name === 'adopt')
    command.option('--abandon', 'first end the recovery that is open and cannot go on: its minted winner is given up')
  if (name === 'adopt')
    command
      .option('--over-reign', 'in place of a reign that nobody holds: its primary is at no known address, or given up')
      .option('--over-history', 'although others had what it lacks, and replicas would skip what it then writes')
  if (name === 'unfence')
    command
      .option('--over-reign', 'although another reign stands, or another server takes writes')
      .option('--over-history', 'although replicas received what it lacks, and would skip what it then writes')
  if (name === 'unfence') command.option('--for <duration>', 'how long Regent leaves it alone', '10m')
  return command
}

interface Request {
  readonly cluster: string
  readonly json: CommandJson
}

interface Given {
  readonly verb: Verb
  readonly target: string | undefined
  readonly options: Options
}

function request(context: Context, { verb, target, options }: Given): Request {
  const server = TAKES_SERVER[verb] ? target : (options.to ?? options.server)
  const forMs = context.duration(options.for, '--for')
  const reason = context.words(options.reason, '--reason')
  const json: CommandJson = {
    verb,
    by: userInfo().username,
    ...(server === undefined ? {} : { server }),
    ...(options.open ? { open: true } : {}),
    ...(options.abandon ? { abandon: true } : {}),
    ...(options.overReign ? { overReign: true } : {}),
    ...(options.overHistory ? { overHistory: true } : {}),
    ...(options.loss === undefined ? {} : { loss: options.loss }),
    ...(options.fence === undefined ? {} : { fence: options.fence }),
    ...(reason === undefined ? {} : { reason }),
    ...(forMs === undefined ? {} : { forMs }),
  }
  return { cluster: TAKES_SERVER[verb] ? (options.cluster ?? target ?? '') : (target ?? ''), json }
}

/** To look at a plan no reason is needed. */
function demandReason(verb: Verb, { loss, fence, reason, abandon, overReign, overHistory }: Options): void {
  const accepts = abandon === true || overReign === true || overHistory === true
  const overrides = loss !== undefined || fence !== undefined || accepts || verb === 'unfence'
  if (!overrides || reason) return
  throw new ProblemError(
    problem('usage', { what: 'an override needs a reason: it is recorded', fix: 'add --reason "…"' }),
  )
}

async function show(context: Context, { cluster, json }: Request): Promise<void> {
  await context.withClient(false, async (client) => {
    const now = await seen(client, cluster)
    const planned = await client.plan(cluster, json)
    const names = planned.kind === 'refusal' ? namesOf(now) : {}
    context.emit(planned, {
      table: () => planText(context, planned, names),
      names: () => (planned.kind === 'plan' ? planned.plan.steps.map((s) => s.id) : []),
    })
    if (planned.kind === 'plan') return
    context.exitCode = 3
    reasonBeside(context, planText(context, planned, names))
  })
}

async function change(context: Context, { cluster, json }: Request): Promise<void> {
  await context.withClient(true, async (client, where) => {
    const now = await seen(client, cluster)
    const planned = await client.plan(cluster, json)
    const named = namer(namesOf(now))
    if (planned.kind === 'refusal')
      return tellEnd(context, { kind: 'refused', id: '', reasons: planned.reasons, undone: false }, named)
    present(context, now, { verb: json.verb, planned })
    await context.confirm('Run this plan?')
    if (context.io.signal.aborted) throw new ProblemError(problem('answered_no'))
    const yes = context.common.yes ?? false
    const running = client.run(cluster, { ...json, shown: shownOf(planned), ...(yes ? { yes } : {}) })
    const id = planned.plan.recovery
    tellEnd(context, await ending(context, { client, where, id, asks: !yes }, running), named)
    if (context.io.stderr.isTTY) context.note(shape(context, await client.cluster(cluster)))
  })
}

/** Throws where no server serves us: whatever a planner said then would be about our own blindness. */
async function seen(client: Client, name: string): Promise<ClusterJson> {
  const now = await client.cluster(name)
  const dark = darkness(now)
  if (dark) throw new ProblemError(dark)
  return now
}

/** Both acts: what the second one turns out to be is compared with what was shown of it. */
const shownOf = ({ plan, expected }: PlanJson): ShownJson =>
  expected && 'plan' in expected ? { plan, expected: expected.plan } : { plan }

const shape = (context: Context, cluster: ClusterJson): string =>
  `${headline(context, cluster)}\n${topologyTree(context, cluster)}\n`

/** The topology and the numbered plan, on standard error: what was done can be read later, asked or not. */
function present(
  context: Context,
  now: ClusterJson,
  { verb, planned }: { readonly verb: Verb; readonly planned: PlanJson },
): void {
  context.note(`${shape(context, now)}\n${planText(context, planned, namesOf(now))}`)
  if (verb === 'failover' && now.verdict === 'healthy')
    context.note(context.paint('yellow', 'The primary is healthy: `regent switchover` does this without loss.'))
}

/** Names are all that `-q` puts out: why there are none is said beside them. */
function reasonBeside(context: Context, text: string): void {
  if (context.output.kind === 'quiet') context.note(text)
}

function tellEnd(context: Context, end: EndJson, named: Namer): void {
  const text =
    end.kind === 'refused'
      ? `${refusalText(context, end.reasons)}${end.undone ? '\nact 1 was taken back' : ''}`
      : `${end.kind}: ${end.says} (${end.id})${leftText(context, end)}`
  context.emit(end, { table: () => named(text), names: () => [end.id].filter((id) => id !== '') })
  if (end.kind === 'refused') reasonBeside(context, named(text))
  context.exitCode = end.kind === 'done' && end.left.length > 0 ? 1 : EXITS[end.kind]
}

/** What went wrong, and where all of it can be read. */
function leftText(context: Context, end: Exclude<EndJson, { readonly kind: 'refused' }>): string {
  const left = end.kind === 'done' ? end.left : []
  if (end.kind === 'done' && left.length === 0) return ''
  const lines = left.map((line) => `    ${context.paint('yellow', 'not done')}: ${line}`)
  return ['', ...lines, `    try: regent history ${end.id}`].join('\n')
}

const EXITS: { readonly [K in EndJson['kind']]: number } = { done: 0, failed: 1, refused: 3 }
