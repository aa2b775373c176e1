import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { type SandboxState, SHAPES, USERS } from '../../../lab/sandbox/index.ts'
import { sandboxConfig } from './sandbox-config.ts'
import { dirOf, forgetStarted, newDir, noteStarted } from './sandbox-place.ts'
import { endProgram, programsOn } from './sandbox-programs.ts'

const before = process.cwd()
let home: string

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'regent-place-'))
  process.chdir(home)
})
afterEach(async () => {
  process.chdir(before)
  await rm(home, { recursive: true, force: true })
})

const stateIn = (dir: string, changes: Partial<SandboxState> = {}): SandboxState => ({
  format: 1,
  server: 'mariadb',
  serverVersion: '10.11.19',
  shape: '1+1',
  semiSync: true,
  waitCount: 1,
  dir,
  madeDir: true,
  socketDir: dir,
  extraServerOptions: [],
  users: USERS,
  servers: ['s1', 's2'].map((id, index) => ({
    id,
    host: '127.0.0.1',
    port: 11_000 + index,
    adminPort: 12_000 + index,
    socket: join(dir, `${id}.sock`),
    pid: 0,
    dataDir: join(dir, id),
    logFile: join(dir, `${id}.log`),
    serverId: index + 1,
  })),
  ...changes,
})

const places = {
  storeDir: '/x/store',
  api: { host: '127.0.0.1', port: 13_000 },
  token: 'secret',
  proxy: { host: '127.0.0.1', port: 13_001 },
  policy: {},
}

describe('the configuration of a sandbox', () => {
  it('names seeds, users, store, API and proxy, and declares what the sandbox sees to', () => {
    const written: unknown = parse(sandboxConfig(stateIn(home), places))
    expect(written).toMatchObject({
      store: '/x/store',
      api: { listen: '127.0.0.1:13000', token: 'secret' },
      clusters: {
        sandbox: {
          seeds: ['127.0.0.1:11000', '127.0.0.1:11001'],
          users: { monitor: USERS.monitor, replication: USERS.replication },
          routes: [{ proxy: { listen: '127.0.0.1:13001', spawn: true } }],
          clients_only_by_routes: true,
          servers_start_read_only: true,
          policy: { recovery: 'automatic', semi_sync: { wait_count: 1 }, trust_versions: ['mariadb 10.11'] },
        },
      },
    })
  })

  it('says semi_sync: off without semi-sync, and takes what the demo adds', () => {
    const state = stateIn(home, { semiSync: false })
    const written: unknown = parse(sandboxConfig(state, { ...places, policy: { anti_flapping: '0s' } }))
    expect(written).toMatchObject({ clusters: { sandbox: { policy: { semi_sync: 'off', anti_flapping: '0s' } } } })
  })

  it('is made for every shape that the issue names', () => {
    expect(SHAPES).toEqual(expect.arrayContaining(['1+3', '1+1', '2x']))
  })
})

describe('the last sandbox started', () => {
  const start = async (at: number): Promise<string> => {
    const dir = await newDir('mysql', undefined)
    await writeFile(join(dir, 'sandbox.json'), '{}')
    await noteStarted(dir, at)
    return dir
  }

  it('is meant where none is named', async () => {
    await start(1)
    const second = await start(2)
    expect(await dirOf(undefined)).toBe(second)
    expect(await dirOf('elsewhere')).toBe(join(home, 'elsewhere'))
  })

  it('is the one before when the last one has ended', async () => {
    const first = await start(1)
    const second = await start(2)
    await rm(second, { recursive: true })
    expect(await dirOf(undefined)).toBe(first)
    await forgetStarted(first)
    await expect(dirOf(undefined)).rejects.toMatchObject({ problem: { code: 'sandbox_missing', exit: 2 } })
  })

  it('of several that start at once each has a directory of its own', async () => {
    const dirs = await Promise.all(Array.from({ length: 8 }, () => newDir('mariadb', undefined)))
    expect(new Set(dirs).size).toBe(8)
  })
})

describe('programs of a sandbox', () => {
  /** A program that looks like a proxy of that configuration, and does not end when it is asked to. */
  async function start(config: string, cwd: string) {
    const ready = join(home, 'ready')
    const program = `process.on('SIGTERM', () => {}); require('fs').writeFileSync(${JSON.stringify(ready)}, ''); setInterval(() => {}, 1000)`
    const args = ['-e', program, 'proxy', 'run', 'sandbox', '--config', config]
    const child = spawn(process.execPath, args, { cwd, stdio: 'ignore' })
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    await expect.poll(() => readFile(ready, 'utf8').catch(() => undefined), { timeout: 10_000 }).toBe('')
    return { pid: child.pid ?? 0, ended, [Symbol.dispose]: () => void child.kill('SIGKILL') }
  }

  it('are known by the configuration they name, also by a relative path', async () => {
    await mkdir('there')
    const config = join(home, 'there', 'regent.yaml')
    using running = await start('regent.yaml', join(home, 'there'))
    expect(programsOn(config)).toEqual([{ pid: running.pid, kind: 'proxy' }])
    expect(programsOn(join(home, 'regent.yaml'))).toEqual([])
  })

  it('are ended even if they do not hear, and nobody else is', async () => {
    const config = join(home, 'regent.yaml')
    using running = await start(config, home)
    expect(await endProgram(process.pid, config, 50)).toBe(true)
    expect(await endProgram(running.pid, config, 50)).toBe(true)
    await running.ended
    expect(programsOn(config)).toEqual([])
  })
})
