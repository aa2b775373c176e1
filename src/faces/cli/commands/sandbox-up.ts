/** Real servers, and what Regent needs to keep them: the verb `sandbox up` and the demo's first part. */
import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, rmdir, writeFile } from 'node:fs/promises'
import {
  type Flavour,
  freePorts,
  type Sandbox,
  SandboxError,
  type Shape,
  startSandbox,
} from '../../../lab/sandbox/index.ts'
import { printAddress } from '../../../model/address.ts'
import { ProblemError, problem } from '../../../model/problem.ts'
import { adoptAndOpen } from './sandbox-adopt.ts'
import { sandboxConfig } from './sandbox-config.ts'
import { takeDown } from './sandbox-down.ts'
import type { SandboxJson, UpParts } from './sandbox-json.ts'
import { configOf, newDir, noteStarted, storeOf } from './sandbox-place.ts'

export interface UpRequest {
  readonly server: Flavour
  readonly shape: Shape
  readonly semiSync: boolean
  /** Absent: a new one. */
  readonly dir?: string
  /** Whether one server is opened and its reign recorded. */
  readonly adopt: boolean
  readonly policy: Readonly<Record<string, unknown>>
}

export interface Up {
  readonly dir: string
  readonly sandbox: Sandbox
  readonly json: SandboxJson
}

/** Leaves the servers, and the proxy, running; or, where anything of it fails or the signal fires, nothing at all. */
export async function bringUp(request: UpRequest, parts: UpParts): Promise<Up> {
  const dir = await newDir(request.server, request.dir)
  const sandbox = await startServers(request, dir, parts)
  try {
    const json = await writeConfig(sandbox, request)
    parts.signal.throwIfAborted()
    if (request.adopt) await adoptAndOpen(json, dir, parts)
    parts.signal.throwIfAborted()
    return { dir, sandbox, json }
  } catch (error) {
    parts.onProgress('ending what was started')
    await takeDown(dir, parts.runners)
    throw told(error, parts.signal)
  }
}

/** A start that fails ends its own servers; whatever else runs in a directory that was named is left alone. */
async function startServers(request: UpRequest, dir: string, { onProgress, signal }: UpParts): Promise<Sandbox> {
  const { server, shape, semiSync } = request
  // Before anything runs: whatever ends this process, `sandbox down` finds what it left.
  const note = await noteStarted(dir, Date.now())
  try {
    return await startSandbox({ server, shape, semiSync, dir, onProgress, signal })
  } catch (error) {
    await rm(note, { force: true })
    if (existsSync(dir) && (await readdir(dir)).length === 0) await rmdir(dir)
    throw told(error, signal)
  }
}

const told = (error: unknown, signal: AbortSignal): unknown =>
  signal.aborted ? new ProblemError(interrupted(), { cause: error }) : error

const interrupted = () =>
  problem('sandbox_failed', { what: 'interrupted: nothing was left running', fix: 'start it again: regent sandbox up' })

async function writeConfig({ state, users }: Sandbox, { policy }: UpRequest): Promise<SandboxJson> {
  const { dir, server, shape } = state
  const [proxyPort, apiPort] = await freePorts(2)
  if (proxyPort === undefined || apiPort === undefined) throw new SandboxError('no free ports were found')
  const proxy = { host: '127.0.0.1', port: proxyPort }
  const api = { host: '127.0.0.1', port: apiPort }
  const token = crypto.randomUUID()
  // What an earlier sandbox remembered in this directory is not true of this one.
  for (const old of [storeOf(dir), configOf(dir)]) await rm(old, { recursive: true, force: true })
  await mkdir(storeOf(dir), { recursive: true, mode: 0o700 })
  const text = sandboxConfig(state, { storeDir: storeOf(dir), api, token, proxy, policy })
  await writeFile(configOf(dir), text, { mode: 0o600 })
  const servers = state.servers.map(({ id, host, port, socket, pid, dataDir }) => ({
    id,
    host,
    port,
    socket,
    pid,
    dataDir,
  }))
  return {
    server,
    shape,
    servers,
    users,
    proxy,
    api: { url: `http://${printAddress(api)}`, token },
    config: configOf(dir),
  }
}
