/** The configuration of a story: a real file, read by the real loader, for daemons inside and outside of this process. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readFromDisk } from '../../../src/config/files.ts'
import { loadConfig } from '../../../src/config/load.ts'
import type { Sandbox } from '../../../src/lab/sandbox/index.ts'
import type { RegentConfig } from '../../../src/model/cluster.ts'

export const ALIAS = 'stage'

export interface Settings {
  /** Keys as below `policy:` in the file. */
  readonly policy?: Readonly<Record<string, unknown>>
  /** Default: the built-in proxy alone, started by the daemon. */
  readonly routes?: readonly unknown[] | 'proxy' | 'none'
  readonly onlyByRoutes?: boolean
  readonly startReadOnly?: boolean
  /** How long a frozen Regent is waited for; default as for everybody. */
  readonly lease?: string
  /** Further keys of the cluster in the file. */
  readonly cluster?: Readonly<Record<string, unknown>>
  /** By the sandbox's id: what the file declares of a server. */
  readonly servers?: Readonly<Record<string, unknown>>
  /** Which servers stand as seeds; default the first alone. */
  readonly seeds?: readonly string[]
}

export interface Place {
  readonly dir: string
  readonly proxyPort: number
  readonly apiPort: number
}

/** JSON is YAML. */
export async function writeSettings(
  sandbox: Sandbox,
  place: Place,
  settings: Settings,
): Promise<{ readonly path: string; readonly config: RegentConfig }> {
  const path = join(place.dir, 'regent.yaml')
  await writeFile(path, JSON.stringify(fileOf(sandbox, place, settings), undefined, 2), { mode: 0o600 })
  const loaded = await loadConfig(path, {}, readFromDisk)
  if (loaded.kind !== 'config') throw new Error(loaded.problems.map((p) => `${p.says} (${p.tryThis})`).join('\n'))
  return { path, config: loaded.config }
}

function fileOf(sandbox: Sandbox, place: Place, settings: Settings): unknown {
  const { monitor, replication } = sandbox.users
  const addressOf = (id: string): string => `${sandbox.server(id).host}:${sandbox.server(id).port}`
  const declared = Object.entries(settings.servers ?? {}).map(([id, entry]) => [addressOf(id), entry] as const)
  return {
    store: join(place.dir, 'store'),
    vantage: 'stage',
    ...(settings.lease === undefined ? {} : { lease: settings.lease }),
    api: { listen: `127.0.0.1:${place.apiPort}` },
    clusters: {
      [ALIAS]: {
        seeds: (settings.seeds ?? ['s1']).map(addressOf),
        users: { monitor, replication },
        routes: routesOf(place, settings.routes ?? 'proxy'),
        clients_only_by_routes: settings.onlyByRoutes ?? settings.routes !== 'none',
        servers_start_read_only: settings.startReadOnly ?? true,
        policy: settings.policy ?? {},
        ...(declared.length > 0 ? { servers: Object.fromEntries(declared) } : {}),
        ...settings.cluster,
      },
    },
  }
}

function routesOf(place: Place, routes: NonNullable<Settings['routes']>): readonly unknown[] {
  if (routes === 'none') return []
  return routes === 'proxy' ? [{ proxy: { listen: `127.0.0.1:${place.proxyPort}`, spawn: true } }] : routes
}
