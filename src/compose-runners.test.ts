import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { runners } from './compose-runners.ts'

let dir = ''
let holder: Server
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'regent-held-'))
  holder = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => holder.once('listening', resolve))
})
afterEach(async () => {
  vi.restoreAllMocks()
  holder.close()
  await rm(dir, { recursive: true, force: true })
})

/** Of a new store: its proxy route wants a port that somebody holds who is asked by nobody any more. */
async function heldPort() {
  const { port } = holder.address() as AddressInfo
  const path = join(dir, 'regent.yaml')
  const text = `store: ${join(dir, 'store')}
clusters:
  shop:
    seeds: [127.0.0.1:1]
    users:
      monitor: { user: regent, password: m }
      replication: { user: repl, password: r }
    routes:
      - proxy: { listen: 127.0.0.1:${port}, spawn: true }
`
  await writeFile(path, text, { mode: 0o600 })
  return (await runners.loadConfig(path)).config
}

test('the status of a proxy that does not answer names who holds its port, and how that one is ended', async () => {
  const [row] = await runners.proxyStatus(await heldPort(), 'shop')
  expect(JSON.stringify(row)).toContain(`kill ${process.pid}`)
})

test('a proxy that does not answer is not to be started beside whoever holds its port', async () => {
  const stopped = runners.stopProxy(await heldPort(), 'shop')
  await expect(stopped).rejects.toMatchObject({ problem: { code: 'port_held' } })
})

test('whoever gives one command without a daemon is told why a route party could not be started', async () => {
  const told: string[] = []
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => told.push(String(text)) > 0)
  const client = await runners.local(await heldPort(), true)
  await client.end()
  expect(told.join('')).toContain(`kill ${process.pid}`)
}, 20_000)
