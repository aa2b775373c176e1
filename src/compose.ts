/**
 * Builds the app out of its parts from the configuration: the one file that knows everybody.
 */

import { createChanging } from './adapters/servers/changing.ts'
import { createWatching } from './adapters/servers/watching.ts'
import { leaseTimes } from './adapters/sqlite/leases.ts'
import { openStore } from './adapters/sqlite/open.ts'
import { systemClock } from './adapters/system/clock.ts'
import { systemIds } from './adapters/system/ids.ts'
import { clusterOfProxies, openRoutes, secretIn } from './compose-routes.ts'
import type { ClusterConfig, RegentConfig } from './model/cluster.ts'
import type { ClusterId } from './model/ids.ts'
import { isProven } from './mysql/dialects/choose.ts'
import type { Servers } from './ports/servers.ts'
import { type ClusterParts, Daemon } from './run/daemon/index.ts'

export interface Composed extends AsyncDisposable {
  readonly daemon: Daemon
  end(): Promise<void>
}

export interface ComposeOptions {
  /** Trouble that nobody waits for: told, never swallowed. */
  readonly onTrouble: (says: string) => void
  /** Start the proxies that the configuration asks for. One-shot verbs take over running ones, and start none. */
  readonly spawnProxies: boolean
}

/** A daemon with everything it needs, not yet started. */
export async function composeDaemon(config: RegentConfig, options: ComposeOptions): Promise<Composed> {
  const clock = systemClock()
  const opened = await openStore({
    dir: config.storeDir,
    clock,
    vantage: config.vantage,
    onTrouble: (error) => options.onTrouble(error.message),
    lease: leaseTimes(config.leaseMs),
  })
  const { store, journal, leases } = opened
  const ids = systemIds(clock)
  const clusters: ClusterParts[] = []
  const known = (await store.clusters()).map((c) => c.alias)
  for (const cluster of config.clusters) {
    const served = known.includes(cluster.alias) ? undefined : await clusterOfProxies(config, cluster)
    if (served) await store.addCluster({ id: served, alias: cluster.alias, createdAt: clock.wall() })
    const routes = async (id: ClusterId) => {
      const opened = await openRoutes(config, cluster, id, clock)
      return options.spawnProxies ? opened : { ...opened, revive: async () => [] }
    }
    clusters.push({ config: cluster, servers: serversOf(cluster), openRoutes: routes })
  }
  const daemon = new Daemon({ clusters, store, journal, leases, clock, ids, isProven })
  const end = async (): Promise<void> => {
    for (const { servers } of clusters) await servers.end()
    await opened.end()
  }
  return { daemon, end, [Symbol.asyncDispose]: end }
}

function serversOf(config: ClusterConfig): Servers {
  const clock = systemClock()
  const watching = createWatching({ clock, loginOf: () => ({ account: config.monitor, tls: config.tls }) })
  const changing = createChanging({
    clock,
    account: config.monitor,
    tls: config.tls,
    replication: config.replication,
    replicationTls: config.replicationTls,
  })
  return {
    ...watching,
    ...changing,
    end: async () => {
      watching.end()
      changing.release()
    },
  }
}

/** The token for changes: the configured one, or one that is made once and kept beside the store, readable by its owner only. */
export const apiToken = async (config: RegentConfig): Promise<string> =>
  config.api?.token ?? secretIn(config.storeDir, 'api.token')
