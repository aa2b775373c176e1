/** Registered routes of one cluster: the built-in proxy (found running, or started), and programs of the operator's own. */
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { lstat, mkdir, open, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commandAnnouncer } from './adapters/announce/command.ts'
import { strangeRoom } from './adapters/announce/owner.ts'
import { proxyAnnouncer } from './adapters/announce/proxy.ts'
import { ensureProxyRunning, type SpawnedProxy } from './adapters/announce/proxy-start.ts'
import { printAddress, sameAddress } from './model/address.ts'
import type { ClusterConfig, RegentConfig, RouteConfig } from './model/cluster.ts'
import type { ClusterId } from './model/ids.ts'
import { ProblemError, problem } from './model/problem.ts'
import type { ProxyStatus } from './model/proxy-control.ts'
import type { Announcer } from './ports/announcers.ts'
import type { Clock } from './ports/clock.ts'
import { createFile } from './proxy/files.ts'
import { holderOf, proxyProgram } from './proxy/holder.ts'
import { Keep } from './proxy/keep.ts'
import type { ProxyOptions } from './proxy/process.ts'

type ProxyRoute = Extract<RouteConfig, { kind: 'proxy' }>

/** Starting Node and binding a port take about a tenth of a second; a loaded machine ten times that. */
const START_PROXY_MS = 10_000

export interface Routes {
  readonly announcers: ReadonlyMap<string, Announcer>
  /** Starts the proxies that do not run and that the configuration lets Regent start; says what could not be started. */
  revive(): Promise<readonly string[]>
}

export async function openRoutes(
  config: RegentConfig,
  cluster: ClusterConfig,
  id: ClusterId,
  clock: Clock,
): Promise<Routes> {
  const announcers = new Map<string, Announcer>()
  const starters: (() => Promise<string | undefined>)[] = []
  for (const route of cluster.routes) {
    if (route.kind === 'command') {
      const { name, withdraw, announce, read, closeSessions } = route
      announcers.set(
        name,
        commandAnnouncer(name, {
          cluster: id,
          withdraw,
          announce,
          ...(read ? { read } : {}),
          ...(closeSessions ? { closeSessions } : {}),
        }),
      )
      continue
    }
    const place = await proxyPlace(config, cluster, route)
    const { control, room, token, knownTo } = place
    const access = { control, room, token, knownTo, cluster: id }
    announcers.set(route.name, proxyAnnouncer(route.name, access))
    if (!route.spawn) continue
    starters.push(async () => {
      await makeRoom(place)
      await backHome(cluster, route, () => isThere(place.control))
      using deadline = clock.deadline(START_PROXY_MS)
      const found = await ensureProxyRunning(
        access,
        () => spawnProxy(config, cluster, route, place.log),
        deadline.signal,
      )
      const trouble = 'why' in found ? found.why : listensElsewhere(found.status, route)
      return trouble && `route ${route.name}: ${trouble}`
    })
  }
  return {
    announcers,
    revive: async () => (await Promise.all(starters.map((start) => start()))).filter((why) => why !== undefined),
  }
}

function listensElsewhere({ listen, pid }: ProxyStatus, route: ProxyRoute): string | undefined {
  if (sameAddress(listen, route.listen)) return undefined
  const [is, wanted] = [printAddress(listen), printAddress(route.listen)]
  return `the running proxy (pid ${pid}) listens on ${is}, not on ${wanted}: regent proxy stop, and it is started anew`
}

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  )

/** A proxy whose folder was removed is back in one that was made again within two of its looks (1 s each); and a loaded machine. */
const BACK_HOME_MS = 5000
const LOOK_AGAIN_MS = 50

/** Where a proxy of this route holds the port and its files are gone: until it has made them again. Waits for nobody else. */
async function backHome(cluster: ClusterConfig, route: ProxyRoute, isBack: () => Promise<boolean>): Promise<void> {
  if (await isBack()) return
  const holder = await holderOf(route.listen)
  const program = holder.kind === 'program' ? proxyProgram(holder.command) : undefined
  if (program?.alias !== cluster.alias || (program.route ?? route.name) !== route.name) return
  const late = performance.now() + BACK_HOME_MS
  while (!(await isBack()) && performance.now() < late)
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
}

interface ProxyPlace {
  readonly control: string
  /** The folder of the control socket, where it does not lie in the store's. */
  readonly room: string | undefined
  readonly token: string
  /** The user who owns the file of the token: whoever that is knows it already. */
  readonly knownTo: number | undefined
  readonly tokenFile: string
  readonly stateFile: string
  readonly log: string
}

const TOKEN = 'proxy.token'
/** A path of a unix socket may not exceed 107 bytes. */
const LONGEST_SOCKET_PATH = 100

export async function proxyPlace(config: RegentConfig, cluster: ClusterConfig, route: ProxyRoute): Promise<ProxyPlace> {
  const stem = `proxy-${cluster.alias}-${route.name}`
  const beside = join(config.storeDir, `${stem}.sock`)
  const isNear = Buffer.byteLength(beside) <= LONGEST_SOCKET_PATH
  // Its name can be guessed, so it may be somebody else's: it is used only where it is ours, and in one of ours nobody makes files.
  const far = join(tmpdir(), `regent-${createHash('sha256').update(beside).digest('hex').slice(0, 16)}`)
  const tokenFile = join(config.storeDir, TOKEN)
  return {
    control: isNear ? beside : join(far, 'proxy.sock'),
    room: isNear ? undefined : far,
    token: await secretIn(config.storeDir, TOKEN),
    knownTo: (await lstat(tokenFile).catch(() => undefined))?.uid,
    tokenFile,
    stateFile: join(config.storeDir, `${stem}.route`),
    log: join(config.storeDir, `${stem}.log`),
  }
}

/** Made by whoever starts a proxy, and made again where the folder for everybody was cleaned up: the proxy comes back there by itself. */
async function makeRoom({ room }: ProxyPlace): Promise<void> {
  if (room !== undefined) await mkdir(room, { mode: 0o700 }).catch(() => undefined) // what stands there is judged before it is used
}

/**
 * The cluster that the proxies beside this store serve. They outlive a store that was lost or moved aside, and take orders for that
 * cluster only: the new store keeps its id, or they could neither be told of a new primary nor be stopped.
 */
export async function clusterOfProxies(config: RegentConfig, cluster: ClusterConfig): Promise<ClusterId | undefined> {
  for (const route of cluster.routes) {
    if (route.kind !== 'proxy') continue
    const { stateFile } = await proxyPlace(config, cluster, route)
    await backHome(cluster, route, () => isThere(stateFile))
    const remembered = await new Keep(stateFile).read()
    if (remembered.kind === 'message') return remembered.message.cluster
  }
  return undefined
}

/** What `proxy run` serves. */
export async function proxyOptions(
  config: RegentConfig,
  cluster: ClusterConfig,
  id: ClusterId,
  route: ProxyRoute,
  signal: AbortSignal,
): Promise<ProxyOptions> {
  const place = await proxyPlace(config, cluster, route)
  const { control, room, token, tokenFile, stateFile } = place
  await makeRoom(place)
  const why = room === undefined ? undefined : strangeRoom(room, place.knownTo)
  if (why !== undefined)
    throw new ProblemError(problem('control_unusable', { path: control, why, fix: `look whose it is: ls -ld ${room}` }))
  return {
    listen: route.listen,
    control,
    cluster: id,
    alias: cluster.alias,
    token,
    tokenFile,
    holdMs: cluster.policy.holdClientsMs,
    stateFile,
    signal,
  }
}

/** Made once, readable by its owner only; two processes that make it at once agree on the first one's. */
export async function secretIn(dir: string, name: string): Promise<string> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const path = join(dir, name)
  if (!(await isThere(path))) await createFile(path, `${randomBytes(24).toString('hex')}\n`)
  return (await readFile(path, 'utf8')).trim()
}

/** Detached, in a session of its own: it outlives whoever starts it. */
function spawnProxy(config: RegentConfig, cluster: ClusterConfig, route: ProxyRoute, logPath: string): SpawnedProxy {
  const exited = (async (): Promise<string> => {
    const log = await open(logPath, 'a', 0o600)
    const args = [
      ...process.execArgv,
      join(import.meta.dirname, 'main.ts'),
      'proxy',
      'run',
      cluster.alias,
      '--route',
      route.name,
      '--config',
      config.path,
    ]
    const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', log.fd, log.fd] })
    child.unref()
    await log.close()
    return new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message))
      child.once(
        'exit',
        (code) => void lastLine(logPath).then((line) => resolve(`the proxy ended with code ${code}: ${line}`)),
      )
    })
  })()
  return { exited }
}

const lastLine = async (path: string): Promise<string> =>
  (await readFile(path, 'utf8').catch(() => '')).trim().split('\n').slice(-2).join(' ')
