import { type Address, parseAddress, printAddress } from '../model/address.ts'
import {
  type Account,
  type ClusterConfig,
  type RegentConfig,
  type RouteConfig,
  type TlsSettings,
  UNDECLARED,
} from '../model/cluster.ts'
import { DEFAULT_POLICY, type Policy } from '../model/policy.ts'
import type { Declared } from '../model/topology.ts'
import type { Complaint, Path } from './complaint.ts'
import { addressFix } from './leaves.ts'
import type { ClusterFile, PolicyFile, RootFile, RouteFile, TlsFile } from './schema.ts'
import type { SecretReader } from './secrets.ts'

export const DEFAULT_STORE = '/var/lib/regent'
export const DEFAULT_LISTEN: Address = { host: '127.0.0.1', port: 3300 }
/** A killed holder's process is seen gone at once: only a frozen one is waited for, and four renewals may fail before it is lost. */
export const DEFAULT_LEASE_MS = 5000
/** A route program that takes longer makes the failover longer; a hook without a deadline is how recoveries hang. */
const COMMAND_DEADLINE_MS = 2000

/** The part of the configuration above the clusters; `undefined` where a complaint was made. */
export async function assembleRoot(
  path: string,
  file: RootFile,
  { secrets, vantage }: { secrets: SecretReader; vantage: string },
): Promise<Omit<RegentConfig, 'clusters'>> {
  const base = {
    path,
    storeDir: secrets.place(file.store ?? DEFAULT_STORE),
    vantage: file.vantage ?? vantage,
    leaseMs: file.lease ?? DEFAULT_LEASE_MS,
  }
  if (file.api === 'off') return base
  const listen = file.api?.listen ?? DEFAULT_LISTEN
  const fromFile = file.api?.token_file
  const token = fromFile === undefined ? file.api?.token : await secrets.secret(fromFile, ['api', 'token_file'])
  return { ...base, api: { listen, ...(token === undefined ? {} : { token }) } }
}

export async function assembleCluster(
  alias: string,
  file: ClusterFile,
  secrets: SecretReader,
): Promise<{ readonly cluster: ClusterConfig | undefined; readonly complaints: readonly Complaint[] }> {
  const at: Path = ['clusters', alias]
  const [monitor, replication] = await Promise.all([
    secrets.account(file.users.monitor, [...at, 'users', 'monitor']),
    secrets.account(file.users.replication, [...at, 'users', 'replication']),
  ])
  const { servers, complaints } = declaredServers(file.servers ?? {}, [...at, 'servers'])
  // Complaints about secrets are gathered by their reader: without the accounts there is no cluster, with made-up ones there would be a wrong one.
  if (!monitor || !replication) return { cluster: undefined, complaints }
  return { cluster: clusterOf(alias, file, { monitor, replication, servers, place: secrets.place }), complaints }
}

interface Parts {
  readonly monitor: Account
  readonly replication: Account
  readonly servers: ReadonlyMap<string, Declared>
  readonly place: (path: string) => string
}

function clusterOf(alias: string, file: ClusterFile, { monitor, replication, servers, place }: Parts): ClusterConfig {
  const tls = tlsOf(file.tls ?? 'off', place)
  return {
    alias,
    seeds: file.seeds,
    monitor,
    replication,
    tls,
    replicationTls: file.replication_tls === undefined ? tls : tlsOf(file.replication_tls, place),
    servers,
    untrustedAddresses: file.untrusted_addresses ?? [],
    routes: (file.routes ?? []).flatMap(routeOf),
    policy: policyOf(file),
  }
}

function tlsOf(file: TlsFile, place: (path: string) => string): TlsSettings {
  if (file === 'off') return { mode: 'off' }
  if (file === 'required') return { mode: 'required' }
  const { ca, cert, key } = file.verify
  return {
    mode: 'verify',
    ...(ca === undefined ? {} : { ca: place(ca) }),
    ...(cert === undefined ? {} : { cert: place(cert) }),
    ...(key === undefined ? {} : { key: place(key) }),
  }
}

/** The names that routes have when none is written: one proxy is the usual case, and needs none. */
export const DEFAULT_PROXY_NAME = 'proxy'

function routeOf({ proxy, command }: RouteFile): readonly RouteConfig[] {
  if (proxy)
    return [
      { kind: 'proxy', name: proxy.name ?? DEFAULT_PROXY_NAME, listen: proxy.listen, spawn: proxy.spawn ?? false },
    ]
  if (!command) return []
  const { name, withdraw, announce, read, close_sessions, deadline } = command
  return [
    {
      kind: 'command',
      name,
      withdraw,
      announce,
      ...(read === undefined ? {} : { read }),
      ...(close_sessions === undefined ? {} : { closeSessions: close_sessions }),
      deadlineMs: deadline ?? COMMAND_DEADLINE_MS,
    },
  ]
}

function policyOf(file: ClusterFile): Policy {
  const chosen: PolicyFile = file.policy ?? {}
  let policy: Policy = DEFAULT_POLICY
  for (const part of Object.values(chosen)) policy = { ...policy, ...part }
  return {
    ...policy,
    startsReadOnly: file.servers_start_read_only ?? DEFAULT_POLICY.startsReadOnly,
    routesAreComplete: file.clients_only_by_routes ?? DEFAULT_POLICY.routesAreComplete,
  }
}

function declaredServers(
  file: NonNullable<ClusterFile['servers']>,
  at: Path,
): { readonly servers: ReadonlyMap<string, Declared>; readonly complaints: readonly Complaint[] } {
  const servers = new Map<string, Declared>()
  const complaints: Complaint[] = []
  for (const [text, entry] of Object.entries(file)) {
    const address = parseAddress(text)
    const path = [...at, text]
    if (!address) {
      complaints.push({
        path,
        at: 'key',
        what: `"${text.slice(0, 80)}" is not an address`,
        fix: addressFix(text),
      })
    } else if (servers.has(printAddress(address))) {
      complaints.push({
        path,
        at: 'key',
        what: `${printAddress(address)} is described twice`,
        fix: 'keep one of the two entries',
      })
    } else {
      servers.set(printAddress(address), {
        site: entry.site ?? UNDECLARED.site,
        preference: entry.promotion ?? UNDECLARED.preference,
        downtimed: entry.downtime ?? UNDECLARED.downtimed,
      })
    }
  }
  return { servers, complaints }
}
