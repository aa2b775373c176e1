import { readFileSync } from 'node:fs'
import type { Sandbox, SandboxServer } from '../../../lab/sandbox/index.ts'
import { printAddress } from '../../../model/address.ts'
import { readAddress, readRouteMessage } from '../../../model/route.ts'
import type { Context } from '../context.ts'
import { table } from '../table.ts'
import { configOf } from './sandbox-place.ts'
import { programsOn } from './sandbox-programs.ts'

type ProcessState = 'running' | 'frozen' | 'stopped'

/** One server, where one was acted on; else all, with the proxy and who watches. */
export async function showStatus(context: Context, sandbox: Sandbox, only?: string): Promise<void> {
  const all = sandbox.servers.map((server) => ({ ...server, state: stateOf(sandbox, server) }))
  const servers = only === undefined ? all : all.filter(({ id }) => id === only)
  const rows = (): string =>
    table(
      servers,
      [
        { title: 'server', cell: (one) => one.id },
        { title: 'address', cell: (one) => printAddress(one) },
        { title: 'pid', cell: (one) => (one.state === 'stopped' ? '' : String(one.pid)), align: 'right' },
        { title: 'process', cell: (one) => one.state },
      ],
      context.paint,
    )
  const names = (): readonly string[] => servers.map((one) => printAddress(one))
  const [first] = servers
  if (only !== undefined && first !== undefined) return context.emit(first, { table: rows, names })
  const { dir, server, serverVersion, shape, semiSync } = sandbox.state
  const config = configOf(dir)
  const proxy = await proxyOf(context, config)
  const watching = programsOn(config).flatMap(({ pid, kind }) => (kind === 'watch' ? [pid] : []))
  const text = (): string =>
    [
      `${context.paint('bold', `${server} ${serverVersion}`)} · ${shape}${semiSync ? ' · semi-sync' : ''} · ${dir}`,
      rows(),
      `proxy  ${proxy === undefined ? 'not running' : describe(proxy)}`,
      `watch  ${watching.length === 0 ? `nobody (regent watch --config ${config})` : `pid ${watching.join(', ')}`}`,
    ].join('\n')
  context.emit(
    { dir, server, version: serverVersion, shape, semiSync, servers, proxy, watching, config },
    { table: text, names },
  )
}

function stateOf(sandbox: Sandbox, { id, pid }: SandboxServer): ProcessState {
  if (!sandbox.isAlive(id)) return 'stopped'
  return isStoppedBySignal(pid) ? 'frozen' : 'running'
}

/** Source: the state of /proc/<pid>/stat, `T` for a process that was sent SIGSTOP. */
function isStoppedBySignal(pid: number): boolean {
  try {
    return /\) T/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

type ProxySeen = Readonly<Record<string, unknown>>

/** Undefined where none answers. */
async function proxyOf({ runners }: Context, path: string): Promise<ProxySeen | undefined> {
  const [seen] = await runners
    .loadConfig(path)
    .then(({ config }) => runners.proxyStatus(config, ''))
    .catch((): readonly ProxySeen[] => [])
  return seen === undefined || 'unknown' in seen ? undefined : seen
}

function describe({ inForce, sessionsOpen, listen }: ProxySeen): string {
  const message = readRouteMessage(inForce)
  const at = readAddress(listen)
  const leads =
    message?.kind === 'open' ? `leads to ${printAddress(message.primary)} (epoch ${message.epoch})` : 'leads nowhere'
  return `${at === undefined ? '' : `${printAddress(at)} `}${leads}, ${String(sessionsOpen)} sessions`
}
