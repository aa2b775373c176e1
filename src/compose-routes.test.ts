import { lstat, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { proxyOptions } from './compose-routes.ts'
import type { ClusterConfig, RegentConfig, RouteConfig } from './model/cluster.ts'
import { clusterId } from './model/ids.ts'
import { DEFAULT_POLICY } from './model/policy.ts'
import type { ProxyOptions } from './proxy/process.ts'

let dir = ''
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'regent-far-'))
  vi.stubEnv('TMPDIR', dir)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(dir, { recursive: true, force: true })
})

const account = { user: 'regent', password: '' }
const route = {
  kind: 'proxy',
  name: 'proxy',
  listen: { host: '127.0.0.1', port: 3307 },
  spawn: true,
} satisfies RouteConfig
const cluster: ClusterConfig = {
  alias: 'shop',
  seeds: [],
  monitor: account,
  replication: account,
  tls: { mode: 'off' },
  replicationTls: { mode: 'off' },
  servers: new Map(),
  untrustedAddresses: [],
  routes: [route],
  policy: DEFAULT_POLICY,
}

/** Of a store whose own path is too long for a socket in it. */
function far(): Promise<ProxyOptions> {
  const storeDir = join(dir, 'x'.repeat(120))
  const config: RegentConfig = { path: '', storeDir, vantage: 'here', leaseMs: 5000, clusters: [cluster] }
  return proxyOptions(config, cluster, clusterId('c-shop'), route, new AbortController().signal)
}

test('where the store has no room for a socket, the proxy takes orders in a folder of its own that nobody else enters', async () => {
  const { control, tokenFile } = await far()
  const room = await lstat(dirname(control))
  expect(room.isDirectory() && room.mode & 0o777).toBe(0o700)
  expect(dirname(dirname(control))).toBe(dir)
  expect(Buffer.byteLength(control)).toBeLessThan(100)
  expect((await lstat(tokenFile ?? '')).mode & 0o777).toBe(0o600)
  expect((await far()).control).toBe(control)
})

test('a folder of that name that is open to others is not used', async () => {
  const room = dirname((await far()).control)
  await rm(room, { recursive: true })
  await mkdir(room, { mode: 0o755 })
  await expect(far()).rejects.toThrow(/the folder .+ is open to other users: remove it/)
})
