/** What a sandbox puts on the disk, and where. */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { SandboxError } from './error.ts'
import { freePorts } from './free-ports.ts'
import { type Flavour, USERS } from './grants.ts'
import { tempDirOf } from './options.ts'
import { isOurs } from './processes.ts'
import type { ServerProgram } from './program.ts'
import { LAYOUTS, type Shape } from './shape.ts'
import { readState, type SandboxState, writeState } from './state.ts'

export interface SandboxRequest {
  readonly server: Flavour
  readonly shape: Shape
  /** Lossless: AFTER_SYNC, no fall-back to asynchronous. The source side stays off until somebody opens a primary with it. */
  readonly semiSync: boolean
  /** Where data, logs and the state file go; made if missing. See `defaultSandboxDir`. */
  readonly dir: string
  /** Acknowledgements that a commit waits for. MySQL only; MariaDB always waits for one. Default 1. */
  readonly waitCount?: number
  /** Start options added after the sandbox's own on every server, also at every restart. */
  readonly extraServerOptions?: readonly string[]
  readonly onProgress?: (line: string) => void
  /** Ends everything that was started so far. */
  readonly signal?: AbortSignal
}

/** The kernel's limit for a socket's path is 107 bytes; the rest is for the file's own name. */
const LONGEST_SOCKET_DIR = 90

/** Decides places and ports, and writes the state file before anything is started: from then on `down` knows what to end. */
export async function planSandbox(request: SandboxRequest, program: ServerProgram): Promise<SandboxState> {
  const dir = resolve(request.dir)
  const before = await readState(dir)
  if (before !== undefined) await clearRemains(before)
  const madeDir = before?.madeDir ?? !existsSync(dir)
  await mkdir(dir, { recursive: true })
  const socketDir = Buffer.byteLength(dir) <= LONGEST_SOCKET_DIR ? dir : await mkdtemp(join(tmpdir(), 'regent-'))
  const { ids } = LAYOUTS[request.shape]
  const ports = await freePorts(ids.length * 2)
  const state: SandboxState = {
    format: 1,
    server: program.flavour,
    serverVersion: program.version,
    shape: request.shape,
    semiSync: request.semiSync,
    waitCount: request.waitCount ?? 1,
    dir,
    madeDir,
    socketDir,
    extraServerOptions: request.extraServerOptions ?? [],
    users: USERS,
    servers: ids.map((id, index) => ({
      id,
      host: '127.0.0.1',
      port: ports[index * 2] ?? 0,
      adminPort: ports[index * 2 + 1] ?? 0,
      socket: join(socketDir, `${id}.sock`),
      pid: 0,
      dataDir: join(dir, id),
      logFile: join(dir, `${id}.log`),
      serverId: index + 1,
    })),
  }
  await writeState(state)
  return state
}

/** What an ended sandbox left in the directory is removed; a living one is never touched. */
async function clearRemains(before: SandboxState): Promise<void> {
  const alive = before.servers.filter((server) => isOurs(server.pid, server.dataDir))
  if (alive.length > 0) {
    throw new SandboxError(`a sandbox is already running in ${before.dir} (${alive.length} servers)`, {
      tryThis: `regent sandbox down, or another directory`,
    })
  }
  await removeFiles(before)
}

/** Data, logs and sockets; not the state file. */
export async function removeFiles(state: SandboxState): Promise<void> {
  for (const server of state.servers) {
    const { dataDir, logFile, socket } = server
    for (const path of [dataDir, tempDirOf(dataDir), logFile, socket, `${socket}.lock`]) {
      await rm(path, { recursive: true, force: true })
    }
  }
  if (state.socketDir !== state.dir) await rm(state.socketDir, { recursive: true, force: true })
}
