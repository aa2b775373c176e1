import { randomUUID } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SandboxError } from './error.ts'
import type { Credentials, Flavour, UserRole } from './grants.ts'
import type { Shape } from './shape.ts'

export interface SandboxServer {
  /** `s1`, `s2`, … */
  readonly id: string
  readonly host: string
  readonly port: number
  readonly adminPort: number
  readonly socket: string
  /** The process started last; it may have ended. 0 before the first start. */
  readonly pid: number
  readonly dataDir: string
  readonly logFile: string
  readonly serverId: number
}

/** What `sandbox.json` holds: enough for another process to find, break and end the servers. */
export interface SandboxState {
  readonly format: 1
  readonly server: Flavour
  readonly serverVersion: string
  readonly shape: Shape
  readonly semiSync: boolean
  readonly waitCount: number
  readonly dir: string
  /** Whether the sandbox made `dir`: then it also removes it. */
  readonly madeDir: boolean
  /** Where sockets are: a path longer than 107 bytes cannot be a socket's, so it may be outside `dir`. */
  readonly socketDir: string
  readonly extraServerOptions: readonly string[]
  readonly users: { readonly [R in UserRole]: Credentials }
  readonly servers: readonly SandboxServer[]
}

const FILE = 'sandbox.json'

/** Written beside its place and renamed: a reader sees the old state or the new one, never half of one. */
export async function writeState(state: SandboxState): Promise<void> {
  const beside = join(state.dir, `${FILE}.${randomUUID()}`)
  await writeFile(beside, `${JSON.stringify(state, null, 2)}\n`)
  await rename(beside, join(state.dir, FILE))
}

export async function readState(dir: string): Promise<SandboxState | undefined> {
  const text = await readFile(join(dir, FILE), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  const state: SandboxState = JSON.parse(text)
  if (state.format !== 1) throw new SandboxError(`${join(dir, FILE)} was written by another version of the sandbox`)
  return state
}

export const forgetState = (dir: string): Promise<void> => rm(join(dir, FILE), { force: true })
