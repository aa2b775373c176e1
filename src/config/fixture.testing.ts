import { type ClusterConfig, UNDECLARED } from '../model/cluster.ts'
import { DEFAULT_POLICY } from '../model/policy.ts'
import type { Environment } from './environment.ts'
import type { ReadFile } from './files.ts'
import { type Loaded, loadConfig } from './load.ts'

/** For tests: files that exist only in memory. */
export interface MemoryFile {
  readonly text: string
  readonly worldReadable?: boolean
}

export const memory =
  (files: Readonly<Record<string, string | MemoryFile>>): ReadFile =>
  async (path) => {
    const file = Object.hasOwn(files, path) ? files[path] : undefined
    if (file === undefined) return { kind: 'missing' }
    return typeof file === 'string'
      ? { kind: 'text', text: file, worldReadable: false }
      : { kind: 'text', text: file.text, worldReadable: file.worldReadable ?? false }
  }

export const CONFIG_PATH = '/etc/regent/regent.yaml'

export const load = (
  text: string | MemoryFile,
  env: Environment = {},
  files: Readonly<Record<string, string | MemoryFile>> = {},
): Promise<Loaded> => loadConfig(CONFIG_PATH, env, memory({ ...files, [CONFIG_PATH]: text }))

/** Everything that has no default, and nothing else. */
export const MINIMAL = `clusters:
  shop:
    seeds: [db1:3306, db2:3306, db3:3306]
    users:
      monitor: { user: regent, password: m }
      replication: { user: repl, password: r }
`

/** The minimal file with more keys of the cluster, written as they stand below \`shop:\`. */
export const withCluster = (lines: string): string =>
  `${MINIMAL}${lines
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n')}\n`

export const cluster = (changes: Partial<ClusterConfig> = {}): ClusterConfig => ({
  alias: 'shop',
  seeds: ['db1', 'db2', 'db3'].map((host) => ({ host, port: 3306 })),
  monitor: { user: 'regent', password: 'm' },
  replication: { user: 'repl', password: 'r' },
  tls: { mode: 'off' },
  replicationTls: { mode: 'off' },
  servers: new Map([['db1:3306', UNDECLARED]]),
  untrustedAddresses: [],
  routes: [],
  policy: DEFAULT_POLICY,
  ...changes,
})

/** `path:line:column: what -> fix`, without the path. */
export const told = (loaded: Loaded): readonly string[] =>
  loaded.kind === 'config' ? [] : loaded.problems.map((one) => `${one.says.replace(CONFIG_PATH, '')} -> ${one.tryThis}`)

/** The configuration, where the test is about one that is right. */
export function right(loaded: Loaded): Extract<Loaded, { kind: 'config' }> {
  if (loaded.kind === 'config') return loaded
  throw new Error(told(loaded).join('\n'))
}
