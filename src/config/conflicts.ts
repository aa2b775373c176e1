import { type Address, printAddress, sameAddress } from '../model/address.ts'
import type { ClusterConfig, RegentConfig, RouteConfig } from '../model/cluster.ts'
import { printDuration } from '../model/duration.ts'
import type { Complaint, Path } from './complaint.ts'

/** What no single value shows: two that do not go together. Errors; `hazardsOf` has what is allowed and unwise. */
export function conflictsOf(config: RegentConfig): readonly Complaint[] {
  return [
    ...aliasesTwice(config),
    ...seedsTwice(config),
    ...config.clusters.flatMap(clusterConflicts),
    ...portsTwice(config),
    ...openApi(config),
  ]
}

const clusterConflicts = (cluster: ClusterConfig): readonly Complaint[] => [
  ...routesTwice(cluster),
  ...routesMissing(cluster),
  ...impatientSeal(cluster),
  ...nobodyPromotable(cluster),
]

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/
const EVERYWHERE = /^(0\.0\.0\.0|::|\*)$/
export const isLoopback = (address: Address): boolean => LOOPBACK.test(address.host)

/** Both would bind the same port of this machine. */
const collide = (a: Address, b: Address): boolean =>
  a.port === b.port &&
  (a.host === b.host || EVERYWHERE.test(a.host) || EVERYWHERE.test(b.host) || (isLoopback(a) && isLoopback(b)))

function aliasesTwice({ clusters }: RegentConfig): readonly Complaint[] {
  return clusters.flatMap((cluster, index) => {
    const twin = clusters.slice(0, index).find((other) => other.alias.toLowerCase() === cluster.alias.toLowerCase())
    if (!twin) return []
    return [
      {
        path: ['clusters', cluster.alias],
        at: 'key' as const,
        what: `cluster ${cluster.alias} differs from ${twin.alias} by capitals only`,
        fix: 'give one of them another name',
      },
    ]
  })
}

function seedsTwice({ clusters }: RegentConfig): readonly Complaint[] {
  const owners = new Map<string, string>()
  return clusters.flatMap((cluster) =>
    cluster.seeds.flatMap((seed, index) => {
      const text = printAddress(seed)
      const owner = owners.get(text)
      owners.set(text, owner ?? cluster.alias)
      if (owner === undefined) return []
      const what =
        owner === cluster.alias ? `seed ${text} is written twice` : `seed ${text} is also a seed of cluster ${owner}`
      const fix =
        owner === cluster.alias ? 'remove one of the two' : 'a server belongs to one cluster: remove it from the other'
      return [{ path: ['clusters', cluster.alias, 'seeds', index], what, fix }]
    }),
  )
}

const routePath = (cluster: ClusterConfig, index: number): Path => ['clusters', cluster.alias, 'routes', index]

function routesTwice(cluster: ClusterConfig): readonly Complaint[] {
  return cluster.routes.flatMap((route, index) => {
    if (!cluster.routes.slice(0, index).some((other) => other.name === route.name)) return []
    return [
      {
        path: routePath(cluster, index),
        what: `two routes of cluster ${cluster.alias} are called ${route.name}`,
        fix: 'give one of them another `name:`',
      },
    ]
  })
}

/** Declaring that there is no other way than none at all would let every fence of level `routes` look complete. */
function routesMissing(cluster: ClusterConfig): readonly Complaint[] {
  if (!cluster.policy.routesAreComplete || cluster.routes.length > 0) return []
  return [
    {
      path: ['clusters', cluster.alias, 'clients_only_by_routes'],
      what: 'clients reach the primary only by routes, and no route is named',
      fix: 'name them below `routes:`, or remove clients_only_by_routes',
    },
  ]
}

function impatientSeal({ alias, policy }: ClusterConfig): readonly Complaint[] {
  if (policy.sealKillAfterMs < policy.act1DeadlineMs) return []
  const what = `seal_kill_after (${printDuration(policy.sealKillAfterMs)}) is not shorter than act1_deadline (${printDuration(policy.act1DeadlineMs)})`
  return [
    {
      path: ['clusters', alias, 'policy', 'seal_kill_after'],
      what,
      fix: 'make it shorter: a receiver that hangs must be killed before the act ends',
    },
  ]
}

function nobodyPromotable({ alias, seeds, servers }: ClusterConfig): readonly Complaint[] {
  const barred = seeds.filter((seed) => servers.get(printAddress(seed))?.preference === 'never')
  if (seeds.length < 2 || barred.length < seeds.length) return []
  return [
    {
      path: ['clusters', alias, 'servers'],
      what: 'no server may ever become primary: each is `promotion: never`',
      fix: 'give at least one `promotion: avoid`, or leave it out',
    },
  ]
}

interface Listener {
  readonly address: Address
  readonly path: Path
  readonly called: string
}

function listenersOf(config: RegentConfig): readonly Listener[] {
  const api: readonly Listener[] = config.api
    ? [{ address: config.api.listen, path: ['api', 'listen'], called: 'the API' }]
    : []
  const proxies = config.clusters.flatMap((cluster) =>
    cluster.routes.flatMap((route: RouteConfig, index) =>
      route.kind === 'proxy'
        ? [
            {
              address: route.listen,
              path: [...routePath(cluster, index), 'proxy', 'listen'],
              called: `proxy ${route.name} of cluster ${cluster.alias}`,
            },
          ]
        : [],
    ),
  )
  return [...api, ...proxies]
}

function portsTwice(config: RegentConfig): readonly Complaint[] {
  const listeners = listenersOf(config)
  const seeds = config.clusters.flatMap((cluster) => cluster.seeds)
  return listeners.flatMap(({ address, path, called }, index): readonly Complaint[] => {
    const twin = listeners.slice(0, index).find((other) => collide(other.address, address))
    if (twin)
      return [
        {
          path,
          what: `${called} listens on ${printAddress(address)}, where ${twin.called} listens already`,
          fix: 'choose another port',
        },
      ]
    const seed = seeds.find(
      (server) => sameAddress(server, address) || (isLoopback(server) && collide(server, address)),
    )
    if (!seed) return []
    return [
      {
        path,
        what: `${called} listens on ${printAddress(address)}, which is the database server ${printAddress(seed)} itself`,
        fix: 'choose a port of its own, for example 3307',
      },
    ]
  })
}

function openApi({ api }: RegentConfig): readonly Complaint[] {
  if (!api || api.token !== undefined || isLoopback(api.listen)) return []
  return [
    {
      path: ['api', 'listen'],
      what: `the API listens on ${printAddress(api.listen)} and has no token`,
      fix: 'write api.token_file, or listen on 127.0.0.1',
    },
  ]
}
