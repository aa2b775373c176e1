/** Who has a port, by what Linux tells about its sockets and processes (proc(5)): as far as this user may look. */
import { readdir, readFile, readlink } from 'node:fs/promises'
import { basename } from 'node:path'
import { type Address, printAddress } from '../model/address.ts'
import { type Problem, problem } from '../model/problem.ts'

export type Holder =
  | { readonly kind: 'program'; readonly pid: number; readonly command: readonly string[] }
  /** Another user's. */
  | { readonly kind: 'hidden'; readonly uid: number }
  | { readonly kind: 'unknown' }

/** State of a socket that accepts connections. */
const LISTENS = '0A'

export async function holderOf({ port }: Address): Promise<Holder> {
  const [listener] = (await Promise.all(['tcp', 'tcp6'].map((table) => listenersIn(`/proc/net/${table}`, port)))).flat()
  if (!listener) return { kind: 'unknown' }
  const pid = await processWith(`socket:[${listener.inode}]`)
  if (pid === undefined) return { kind: 'hidden', uid: listener.uid }
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return { kind: 'program', pid, command: command.split('\0').filter((word) => word !== '') }
}

interface Listener {
  readonly uid: number
  readonly inode: string
}

/** A line: number, local address, remote address, state, queues, timer, retransmits, uid, timeout, inode. */
async function listenersIn(table: string, port: number): Promise<readonly Listener[]> {
  const text = await readFile(table, 'utf8').catch(() => '')
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  return text.split('\n').flatMap((line) => {
    const [, local = '', , state, , , , uid, , inode] = line.trim().split(/\s+/)
    const listens = state === LISTENS && local.endsWith(`:${hex}`)
    return listens && inode !== undefined ? [{ uid: Number(uid), inode }] : []
  })
}

async function processWith(file: string): Promise<number | undefined> {
  for (const name of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(name)) continue
    const files = await readdir(`/proc/${name}/fd`).catch(() => [])
    const links = await Promise.all(files.map((fd) => readlink(`/proc/${name}/fd/${fd}`).catch(() => '')))
    if (links.includes(file)) return Number(name)
  }
  return undefined
}

/** The alias that a proxy of Regent was started with, and its route where it was named. */
export interface ProxyProgram {
  readonly alias: string
  readonly route: string | undefined
}

const TAKES_A_WORD: ReadonlySet<string> = new Set(
  ['route', 'config', 'api', 'token', 'token-file', 'output'].map((name) => `--${name}`).concat('-o'),
)

/** Undefined where these words start something else. */
export function proxyProgram(command: readonly string[]): ProxyProgram | undefined {
  const verb = command.findIndex((word, i) => word === 'run' && command[i - 1] === 'proxy')
  const program = command.slice(0, Math.max(0, verb - 1))
  if (!program.some((word) => /(?:^|\/)(?:main\.ts|regent)$/.test(word))) return undefined
  const words = command.slice(verb + 1)
  const alias = words.find((word, i) => !word.startsWith('-') && !TAKES_A_WORD.has(words[i - 1] ?? ''))
  const route = words.find((word, i) => words[i - 1] === '--route' || word.startsWith('--route='))
  return alias === undefined ? undefined : { alias, route: route?.replace(/^--route=/, '') }
}

/** For a person: who it is, and what to do about it. */
export async function portHeld(wanted: { readonly listen: Address; readonly alias: string }): Promise<Problem> {
  const address = printAddress(wanted.listen)
  const look = `ss -ltnp 'sport = :${wanted.listen.port}'`
  const holder = await holderOf(wanted.listen)
  if (holder.kind === 'unknown')
    return problem('port_held', {
      address,
      who: 'another program',
      fix: `choose another port, or see who it is: ${look}`,
    })
  if (holder.kind === 'hidden') {
    const who = `another program, of the user with id ${holder.uid}, that may not be looked at from here`
    return problem('port_held', { address, who, fix: `choose another port, or see as root who it is: ${look}` })
  }
  const { pid, command } = holder
  const proxy = proxyProgram(command)
  if (!proxy) {
    const who = `another program (${programName(command)}, pid ${pid})`
    return problem('port_held', { address, who, fix: `choose another port, or end that program: kill ${pid}` })
  }
  const same = proxy.alias === wanted.alias
  const whose = same ? 'of this very cluster' : `of another cluster (${proxy.alias})`
  const who = `a regent proxy ${whose} that does not answer at this route's control socket (pid ${pid})`
  const cuts = `end it, which cuts its clients: kill ${pid}`
  return problem('port_held', { address, who, fix: same ? cuts : `choose another port, or ${cuts}` })
}

/** Without its arguments: they may hold a secret. An interpreter is told with what it runs. */
function programName([program = 'a program without a name', ...words]: readonly string[]): string {
  const script = /^(?:node|python|perl|ruby|java|sh|bash)[\d.]*$/.test(basename(program))
    ? words.find((word, i) => !word.startsWith('-') && !/^(?:-r|--require|--import)$/.test(words[i - 1] ?? ''))
    : undefined
  return script === undefined ? basename(program) : `${basename(program)} ${basename(script)}`
}
