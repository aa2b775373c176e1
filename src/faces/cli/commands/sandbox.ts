import { Option } from 'commander'
import { type Flavour, openSandbox, type Sandbox, SHAPES, type Shape } from '../../../lab/sandbox/index.ts'
import { parseAddress, printAddress, sameAddress } from '../../../model/address.ts'
import { ProblemError, problem } from '../../../model/problem.ts'
import type { Context } from '../context.ts'
import { table } from '../table.ts'
import type { Register, VerbAction } from '../verb.ts'
import { takeDown } from './sandbox-down.ts'
import { dirOf } from './sandbox-place.ts'
import { showStatus } from './sandbox-status.ts'
import { bringUp, type Up } from './sandbox-up.ts'

interface UpOptions {
  readonly server: Flavour
  readonly shape: Shape
  readonly semiSync?: boolean
  readonly adopt: boolean
  readonly dir?: string
}

interface ServerOptions {
  readonly dir?: string
  readonly serverOption?: readonly string[]
}

export const DIR = ['--dir <path>', 'the sandbox there (default: the last one started)'] as const
export const serverFlag = (): Option =>
  new Option('--server <flavour>', 'which servers').choices(['mariadb', 'mysql']).default('mariadb')

/** Real servers to play with: they stay until `sandbox down`. */
export const registerSandbox: Register = (program, verb) => {
  const sandbox = program.command('sandbox').description('real servers on this host to play with')
  verb(
    sandbox
      .command('up')
      .addOption(serverFlag())
      .addOption(
        new Option('--shape <shape>', 'primaries and replicas; 2x: co-primaries').choices(SHAPES).default('1+3'),
      )
      .option('--semi-sync', 'no write is acknowledged that no replica has')
      .option('--no-adopt', 'leave all servers read-only, with no reign recorded')
      .option('--dir <path>', 'where data and logs go (default: a new one below .regent/sandbox)'),
    'start servers, replication and the proxy, and write a ready regent.yaml',
    'regent sandbox up --server mysql --shape 1+3 --semi-sync --json',
    up,
  )
  verb(
    sandbox.command('status').option(...DIR),
    'which servers run, and where the proxy leads',
    'regent sandbox status',
    async (context, _args, command) => {
      const dir = await dirOf(command.opts<ServerOptions>().dir)
      await showStatus(context, await openSandbox(dir))
    },
  )
  registerFaults(sandbox, verb)
  verb(
    sandbox.command('down').option(...DIR),
    'end the servers and the proxy, and remove what was made',
    'regent sandbox down',
    down,
  )
}

const registerFaults: Register = (sandbox, verb) => {
  const says = {
    kill: 'SIGKILL a server: it is gone at once',
    freeze: 'SIGSTOP a server: it is silent, and its connections stay open',
    thaw: 'SIGCONT a frozen server',
  } as const
  for (const fault of ['kill', 'freeze', 'thaw'] as const) {
    const action = onServer((found, id) => found[fault](id))
    verb(sandbox.command(`${fault} <server>`).option(...DIR), says[fault], `regent sandbox ${fault} s1`, action)
  }
  verb(
    sandbox
      .command('restart <server>')
      .option(...DIR)
      .option('--server-option <option>', 'a start option for this once, e.g. --init-rpl-role=SLAVE', collect, []),
    'start a server again (stopped cleanly first if it runs): read-only, as every time',
    'regent sandbox restart s1\n  regent sandbox restart s1 --server-option=--init-rpl-role=SLAVE',
    onServer((found, id, options) => found.restart(id, options)),
  )
}

const collect = (option: string, before: readonly string[]): readonly string[] => [...before, option]

const up: VerbAction = async (context, _args, command) => {
  const { dir, ...options } = command.opts<UpOptions>()
  const { server, shape, adopt } = options
  const request = { server, shape, adopt, semiSync: options.semiSync ?? false, policy: {}, ...(dir ? { dir } : {}) }
  const onProgress = (line: string): void => context.note(line)
  const made = await bringUp(request, { runners: context.runners, onProgress, signal: context.io.signal })
  context.emit(made.json, {
    table: () => upText(context, made, options),
    names: () => made.json.servers.map((one) => printAddress(one)),
  })
}

function upText({ paint }: Context, { json, dir }: Up, { adopt }: Pick<UpOptions, 'adopt'>): string {
  const { servers, users, proxy, api, config } = json
  const rows = table(
    servers,
    [
      { title: 'server', cell: (one) => one.id },
      { title: 'address', cell: (one) => printAddress(one) },
      { title: 'pid', cell: (one) => String(one.pid), align: 'right' },
      { title: 'socket', cell: (one) => one.socket },
    ],
    paint,
  )
  const logins = Object.values(users).map(({ user, password }) => `${user} / ${password}`)
  const first = servers[0]?.id ?? ''
  return [
    rows,
    '',
    `users           ${logins.join(' · ')}`,
    `proxy           ${printAddress(proxy)}${adopt ? ` leads to ${first}` : ' (not started: nothing was adopted)'}`,
    `configuration   ${config}`,
    '',
    'Try next:',
    ...(adopt ? [] : [`  regent adopt --open --config ${config}`]),
    `  regent watch --config ${config}      and look at ${api.url}`,
    `  regent topology --config ${config}`,
    `  mysql -h ${proxy.host} -P ${proxy.port} -u ${users.app.user} -p${users.app.password}`,
    `  regent sandbox kill ${first}      freeze, thaw, restart`,
    `  regent sandbox down --dir ${dir}`,
  ].join('\n')
}

const onServer =
  (act: (sandbox: Sandbox, id: string, options: readonly string[]) => Promise<void>): VerbAction =>
  async (context, [named], command) => {
    const { dir, serverOption } = command.opts<ServerOptions>()
    const sandbox = await openSandbox(await dirOf(dir))
    const id = idOf(sandbox, named ?? '')
    await act(sandbox, id, serverOption ?? [])
    const reopened = await openSandbox(sandbox.state.dir)
    await showStatus(context, reopened, id)
  }

/** A server by its id, or by its address. */
function idOf(sandbox: Sandbox, named: string): string {
  const address = named.includes(':') ? parseAddress(named) : undefined
  const found = sandbox.servers.find((one) => one.id === named || (address && sameAddress(one, address)))
  if (found) return found.id
  const fix = `name one of: ${sandbox.servers.map((one) => one.id).join(', ')}`
  throw new ProblemError(problem('usage', { what: `the sandbox has no server ${named}`, fix }))
}

const down: VerbAction = async (context, _args, command) => {
  const dir = await dirOf(command.opts<ServerOptions>().dir)
  const { stillWatching } = await takeDown(dir, context.runners)
  for (const pid of stillWatching) context.note(`a regent watch still runs on this sandbox: kill ${pid}`)
  const says = `the sandbox in ${dir} is gone`
  context.emit({ dir, stillWatching }, { table: () => says, names: () => [] })
}
