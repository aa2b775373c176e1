import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, test, vi } from 'vitest'
import { SandboxError } from './error.ts'
import { freePorts } from './free-ports.ts'
import { USERS } from './grants.ts'
import { isOurs, residentMb, signalOurs, startDetached, untilGone } from './processes.ts'
import { openSandbox } from './sandbox.ts'
import { readState, type SandboxState, writeState } from './state.ts'

async function scratch(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'regent-unit-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

test('a process is ours only while its command line names our data directory', async () => {
  const dir = await scratch()
  const script = 'console.log("up"); setInterval(() => {}, 1000)'
  const { pid, ended } = startDetached([process.execPath, '-e', script, '--', `--datadir=${dir}`], join(dir, 'log'))
  assert.equal(isOurs(pid, dir), true)
  assert.equal(isOurs(pid, `${dir}x`), false)
  // A process that has just been started may not have a resident page yet.
  await vi.waitFor(async () => assert.ok((await residentMb(pid)) > 0), { timeout: 10_000, interval: 20 })
  assert.equal(signalOurs(pid, `${dir}x`, 'SIGKILL'), false, 'somebody else process is not signalled')
  assert.equal(isOurs(pid, dir), true)
  assert.equal(signalOurs(pid, dir, 'SIGKILL'), true)
  assert.equal(await untilGone(pid, dir, 5000), true)
  assert.equal(await ended, 'SIGKILL')
  assert.equal(signalOurs(pid, dir, 'SIGKILL'), false)
})

test('a program that does not exist is said when it is started', async () => {
  const dir = await scratch()
  assert.throws(() => startDetached(['/no/such/program'], join(dir, 'log')), SandboxError)
})

test('free ports are different, and below the range that outgoing connections take', async () => {
  const ports = await freePorts(8)
  assert.equal(new Set(ports).size, 8)
  const range = await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').catch(() => '32768 60999')
  const first = Number(range.split(/\s+/)[0])
  if (first > 12_500) assert.ok(ports.every((port) => port < first))
})

test('the state file comes back as it was written, and a directory without one has no sandbox', async () => {
  const dir = await scratch()
  const state: SandboxState = {
    format: 1,
    server: 'mysql',
    serverVersion: '9.7.4',
    shape: '1+1',
    semiSync: true,
    waitCount: 1,
    dir,
    madeDir: false,
    socketDir: dir,
    extraServerOptions: [],
    users: USERS,
    servers: [],
  }
  assert.equal(await readState(dir), undefined)
  await writeState(state)
  assert.deepEqual(await readState(dir), state)
  const sandbox = await openSandbox(dir)
  assert.throws(() => sandbox.server('s9'), /no server s9/)
  await assert.rejects(openSandbox(join(dir, 'elsewhere')), /no sandbox runs/)
})
