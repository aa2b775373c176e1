/**
 * What the command line is handed: each runner builds the parts that its verb needs, and gives them back. Whatever is large is
 * imported by the verb that needs it: a proxy lives as long as the daemon, and has no use for drivers and an HTTP server.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { proxyAnnouncer } from './adapters/announce/proxy.ts'
import { openStore } from './adapters/sqlite/open.ts'
import { systemClock } from './adapters/system/clock.ts'
import { systemIds } from './adapters/system/ids.ts'
import type { Composed } from './compose.ts'
import { clusterOfProxies, proxyOptions, proxyPlace } from './compose-routes.ts'
import { defaultsInForce } from './config/defaults.ts'
import { readFromDisk } from './config/files.ts'
import { loadConfig } from './config/load.ts'
import { whatPolicyRefuses } from './config/refusals.ts'
import type { Client } from './faces/api/contract.ts'
import { HTTP_TIMES, HttpClient } from './faces/cli/http-client.ts'
import type { NamedDaemon, Runners } from './faces/cli/runners.ts'
import { printAddress } from './model/address.ts'
import type { ClusterConfig, RegentConfig, RouteConfig } from './model/cluster.ts'
import type { ClusterId } from './model/ids.ts'
import { type Problem, ProblemError, problem } from './model/problem.ts'
import { holderOf, portHeld } from './proxy/holder.ts'

const VERSION: { readonly version: string } = JSON.parse(
  await readFile(join(import.meta.dirname, '..', 'package.json'), 'utf8'),
)

const trouble = (says: string): void => void process.stderr.write(`regent: ${says}\n`)

async function load(path: string | undefined) {
  const loaded = await loadConfig(path, process.env, readFromDisk)
  if (loaded.kind === 'config') return loaded
  const [first, ...others] = loaded.problems
  throw new ProblemError(
    first ??
      problem('config_wrong', { path: path ?? 'regent.yaml', what: 'it cannot be read', fix: 'regent config check' }),
    { others },
  )
}

export const runners: Runners = {
  version: VERSION.version,
  loadConfig: load,
  local: async (config, acting) => {
    const { composeDaemon } = await import('./compose.ts')
    const composed = await composeDaemon(config, { onTrouble: trouble, spawnProxies: acting })
    return openLocal(composed, acting).catch(async (error: unknown) => {
      await composed.end()
      throw error
    })
  },
  remote: (urls, token, changeMs = HTTP_TIMES.changeMs) => new HttpClient(urls, token, { ...HTTP_TIMES, changeMs }),
  daemonOf: async (config, token, changeMs) => daemonOf(config, await tokenFor(config, token), changeMs),
  readSecret: async (path) => (await readFile(path, 'utf8').catch(unreadable(path))).trim(),
  watch: async (config, signal) => (await import('./compose-watch.ts')).startWatch(config, VERSION.version, signal),
  runProxy: async (config, cluster, route, signal) => {
    const found = clusterNamed(config, cluster)
    const { runProxy } = await import('./proxy/process.ts')
    return runProxy(
      await proxyOptions(config, found, await clusterIdOf(config, found), proxyRoute(found, route), signal),
    )
  },
  proxyStatus: async (config, cluster) => {
    const wanted = cluster === '' ? config.clusters : [clusterNamed(config, cluster)]
    return (await Promise.all(wanted.map((c) => statusOf(config, c)))).flat()
  },
  stopProxy: async (config, cluster) => {
    const wanted = cluster === '' ? config.clusters : [clusterNamed(config, cluster)]
    const stops = wanted.flatMap((c) => proxiesOf(c).map((route) => stopOne(config, c, route)))
    // Each is asked, whatever another one says.
    const [first, ...others] = (await Promise.all(stops)).filter((trouble) => trouble !== undefined)
    if (first) throw new ProblemError(first, { others })
  },
  check: async (path) => {
    const { config, warnings, origins } = await load(path)
    const { checkServers, checkStore } = await import('./compose-check.ts')
    const findings = (await Promise.all([checkStore(config), ...config.clusters.map((c) => checkServers(c))])).flat()
    return {
      defaults: config.clusters.flatMap((c) =>
        defaultsInForce(c, origins).map((d) => ({
          cluster: c.alias,
          name: d.name,
          value: String(d.value),
          source: d.source,
          why: d.why,
        })),
      ),
      refusals: config.clusters.flatMap((c) =>
        whatPolicyRefuses(c).map((f) => ({
          cluster: c.alias,
          question: f.question,
          situation: f.situation,
          outcome: f.outcome,
          says: f.because,
          tryThis: f.fix ?? '',
        })),
      ),
      findings: [
        ...warnings.map((says) => ({ cluster: '', level: 'warning' as const, about: config.path, says, tryThis: '' })),
        ...findings,
      ],
    }
  },
  grants: async (config, wanted) => {
    const { grantRows } = await import('./compose-check.ts')
    return grantRows(config && ofOneCluster(config, wanted.cluster), wanted.server)
  },
}

async function openLocal(composed: Composed, acting: boolean): Promise<Client> {
  const { daemon } = composed
  // What keeps a route party from being started has no other listener here: whoever gave the command is told.
  using _telling = daemon.listen((event) => {
    if (event.kind === 'trouble') trouble(event.says)
  })
  await (acting ? daemon.startOnce('one command') : daemon.openOnce())
  const { OneShot } = await import('./compose-once.ts')
  return new OneShot(daemon, async () => {
    await daemon.giveBack()
    await composed.end()
  })
}

/** The API that the configuration names, if it is one of ours that answers there: it has to know these very clusters. */
async function daemonOf(
  config: RegentConfig,
  token: string | undefined,
  changeMs: number = HTTP_TIMES.changeMs,
): Promise<NamedDaemon | undefined> {
  if (!config.api) return undefined
  const { host, port } = config.api.listen
  const url = `http://${printAddress({ host: EVERYWHERE[host] ?? host, port })}`
  const known = await new HttpClient([url], token, { lookMs: FIND_DAEMON_MS, changeMs }).clusters().catch(() => [])
  const same = config.clusters.every((c) =>
    known.some(
      (k) => k.alias === c.alias && c.seeds.some((seed) => k.servers.some((s) => s.address === printAddress(seed))),
    ),
  )
  return same ? { url, client: new HttpClient([url], token, { ...HTTP_TIMES, changeMs }) } : undefined
}

/** An API that listens everywhere is asked here. */
const EVERYWHERE: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
/** On this host, or near it. A frozen daemon costs each command this much. */
const FIND_DAEMON_MS = 1500

/** Not made here: only whoever serves the API makes one. */
const tokenFor = async (config: RegentConfig, given: string | undefined): Promise<string | undefined> =>
  given ??
  config.api?.token ??
  (await readFile(join(config.storeDir, 'api.token'), 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  ))

const unreadable =
  (path: string) =>
  (error: Error): never => {
    const fix = 'name a file that you may read, with the token in it and nothing else'
    throw new ProblemError(problem('usage', { what: `${path} cannot be read: ${error.message}`, fix }))
  }

const ofOneCluster = (config: RegentConfig, alias: string | undefined): RegentConfig =>
  alias === undefined ? config : { ...config, clusters: [clusterNamed(config, alias)] }

function clusterNamed(config: RegentConfig, name: string): ClusterConfig {
  const found =
    config.clusters.find((c) => c.alias === name) ??
    (name === '' && config.clusters.length === 1 ? config.clusters[0] : undefined)
  if (found) return found
  throw new ProblemError(problem('cluster_unknown', { name, known: config.clusters.map((c) => c.alias).join(', ') }))
}

type ProxyRoute = Extract<RouteConfig, { kind: 'proxy' }>
const proxiesOf = (cluster: ClusterConfig): readonly ProxyRoute[] =>
  cluster.routes.filter((r): r is ProxyRoute => r.kind === 'proxy')

function proxyRoute(cluster: ClusterConfig, name: string | undefined): ProxyRoute {
  const found = proxiesOf(cluster).find((r) => name === undefined || r.name === name)
  if (found) return found
  throw new ProblemError(
    problem('usage', {
      what: `cluster ${cluster.alias} has no proxy route${name === undefined ? '' : ` called ${name}`}`,
      fix: 'add one below routes: in the configuration',
    }),
  )
}

/** The id that the cluster's store minted; made here where no Regent ran on it yet. */
async function clusterIdOf(config: RegentConfig, cluster: ClusterConfig): Promise<ClusterId> {
  const clock = systemClock()
  await using opened = await openStore({
    dir: config.storeDir,
    clock,
    vantage: config.vantage,
    onTrouble: (error) => trouble(error.message),
  })
  const known = (await opened.store.clusters()).find((c) => c.alias === cluster.alias)
  if (known) return known.id
  const id = (await clusterOfProxies(config, cluster)) ?? systemIds(clock).cluster()
  return await opened.store.addCluster({ id, alias: cluster.alias, createdAt: clock.wall() })
}

const ASK_PROXY_MS = 2000

async function withProxy<T>(
  config: RegentConfig,
  { cluster, route }: { readonly cluster: ClusterConfig; readonly route: ProxyRoute },
  ask: (proxy: ReturnType<typeof proxyAnnouncer>, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const id = await clusterIdOf(config, cluster)
  const { control, room, token, knownTo } = await proxyPlace(config, cluster, route)
  using proxy = proxyAnnouncer(route.name, { control, room, token, knownTo, cluster: id })
  using deadline = systemClock().deadline(ASK_PROXY_MS)
  // Awaited here: the link is given back when this function ends.
  return await ask(proxy, deadline.signal)
}

async function stopOne(config: RegentConfig, cluster: ClusterConfig, route: ProxyRoute): Promise<Problem | undefined> {
  const not = await withProxy(config, { cluster, route }, (proxy, signal) => proxy.stop(signal))
  if (!not) return undefined
  const facts = { cluster: cluster.alias, route: route.name, why: not.unknown }
  const fix = 'ask with the configuration that it was started with, or end its process: kill <pid>'
  if (not.refused) return problem('proxy_refused', { ...facts, fix })
  return (await heldBy(cluster, route)) ?? problem('proxy_unreachable', facts)
}

const statusOf = (config: RegentConfig, cluster: ClusterConfig) =>
  Promise.all(
    proxiesOf(cluster).map((route) =>
      withProxy(config, { cluster, route }, async (proxy, signal) => {
        const status = await proxy.status(signal)
        const held = 'unknown' in status && !status.refused ? await heldBy(cluster, route) : undefined
        return {
          ...status,
          ...('unknown' in status && held ? { unknown: `${status.unknown}; ${held.says}: ${held.tryThis}` } : {}),
          cluster: cluster.alias,
          route: route.name,
          listen: route.listen,
        }
      }),
    ),
  )

/** A proxy of a store that is gone is asked by nobody, and keeps the port and the clients: who has it, and how that one is ended. */
async function heldBy({ alias }: ClusterConfig, { listen }: ProxyRoute): Promise<Problem | undefined> {
  return (await holderOf(listen)).kind === 'unknown' ? undefined : portHeld({ listen, alias })
}
