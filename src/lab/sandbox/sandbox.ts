/**
 * Real servers on this host: started, broken and healed by tests, benches, the demo and the command line. It knows no
 * Regent: servers are left read-only, replicating, with empty and equal histories; somebody else opens one.
 */
import { readdir, rm, rmdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ProblemError, problem } from '../../model/problem.ts'
import { type Boot, bootOnAnyPort, bootServer } from './boot.ts'
import { SandboxError } from './error.ts'
import { planSandbox, removeFiles, type SandboxRequest } from './files.ts'
import type { Credentials, UserRole } from './grants.ts'
import { isOurs, signalOurs, untilGone } from './processes.ts'
import { findProgram, type ServerProgram } from './program.ts'
import { LAYOUTS, type Link } from './shape.ts'
import { connect, follow, replicationState, type SqlConnection, withConnection } from './sql.ts'
import { forgetState, readState, type SandboxServer, type SandboxState, writeState } from './state.ts'
import { copyTemplate, ensureTemplate } from './template.ts'

export interface Sandbox extends AsyncDisposable {
  readonly state: SandboxState
  readonly servers: readonly SandboxServer[]
  readonly users: { readonly [R in UserRole]: Credentials }
  server(id: string): SandboxServer
  /** Whether the server's process exists (frozen counts as existing). */
  isAlive(id: string): boolean
  /** SIGKILL; returns when the process is gone. */
  kill(id: string): Promise<void>
  freeze(id: string): Promise<void>
  thaw(id: string): Promise<void>
  /** Starts it again (stopped cleanly first if it runs); returns when it answers. Extra options are for this start only. */
  restart(id: string, extraArgs?: readonly string[]): Promise<void>
  /** Clean shutdown; SIGKILL after 30 s. */
  stop(id: string): Promise<void>
  /** A connection as that user (default admin). The caller ends it. */
  sql(id: string, user?: UserRole): Promise<SqlConnection>
  /** Ends every server and removes what the sandbox made; with `keep`, data, logs and the state file stay. */
  down(options?: { readonly keep?: boolean }): Promise<void>
}

/** `.regent/sandbox/<name>` of the working directory. */
export const defaultSandboxDir = (name = 'default'): string => resolve('.regent/sandbox', name)

/**
 * Starts real servers and sets replication up. Everything that was started is ended again if any part of it fails.
 * Throws SandboxError: server program missing (with the command that gets it), directory in use, a server did not come up
 * (with the end of its log), replication did not start.
 */
export async function startSandbox(request: SandboxRequest): Promise<Sandbox> {
  const progress = request.onProgress ?? (() => undefined)
  const program = await findProgram(request.server)
  const template = await ensureTemplate(program, progress)
  const state = await planSandbox(request, program)
  const sandbox = new RunningSandbox(state, program)
  try {
    progress(`starting ${state.servers.length} ${program.flavour} ${program.version} servers`)
    await allOrFirstError(state.servers.map((server) => sandbox.create(server, template, request.signal)))
    progress('setting replication up')
    await sandbox.connectReplicas(request.signal)
    return sandbox
  } catch (error) {
    await sandbox.down()
    throw error
  }
}

/** Attaches to the sandbox whose state file is in `dir`, also one that another process started. */
export async function openSandbox(dir: string): Promise<Sandbox> {
  const state = await readState(resolve(dir))
  if (state === undefined) {
    throw new ProblemError(problem('sandbox_missing', { dir: resolve(dir) }))
  }
  return new RunningSandbox(state, undefined)
}

/** Waits for all, so that a failure leaves no start going on behind the clean-up; then throws the first error. */
async function allOrFirstError(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work)
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

const REPLICATION_WITHIN_MS = 20_000
const STOP_WITHIN_MS = 30_000
const KILL_WITHIN_MS = 20_000

class RunningSandbox implements Sandbox {
  #state: SandboxState
  /** Looked for when it is needed: ending a sandbox must work also when the program has gone. */
  #program: ServerProgram | undefined
  #writes: Promise<void> = Promise.resolve()
  #isDown = false

  constructor(state: SandboxState, program: ServerProgram | undefined) {
    this.#state = state
    this.#program = program
  }

  get state(): SandboxState {
    return this.#state
  }

  get servers(): readonly SandboxServer[] {
    return this.#state.servers
  }

  get users(): { readonly [R in UserRole]: Credentials } {
    return this.#state.users
  }

  server(id: string): SandboxServer {
    const found = this.#state.servers.find((server) => server.id === id)
    if (found !== undefined) return found
    const known = this.#state.servers.map((server) => server.id).join(', ')
    throw new SandboxError(`the sandbox has no server ${id}`, { tryThis: `name one of: ${known}` })
  }

  async create(server: SandboxServer, template: string, signal?: AbortSignal): Promise<void> {
    await copyTemplate(template, server.dataDir)
    signal?.throwIfAborted()
    await bootOnAnyPort(server, await this.#boot(signal === undefined ? {} : { signal }))
  }

  async #boot(options: { readonly signal?: AbortSignal; readonly extraArgs?: readonly string[] }): Promise<Boot> {
    this.#program ??= await findProgram(this.#state.server)
    return {
      program: this.#program,
      state: this.#state,
      onStarted: (started: SandboxServer) => this.#record(started),
      ...options,
    }
  }

  /** One write after the other: parallel starts would otherwise overwrite each other's process ids. */
  #record(started: SandboxServer): Promise<void> {
    const servers = this.#state.servers.map((server) => (server.id === started.id ? started : server))
    this.#state = { ...this.#state, servers }
    this.#writes = this.#writes.then(() => writeState(this.#state))
    return this.#writes
  }

  async connectReplicas(signal?: AbortSignal): Promise<void> {
    await allOrFirstError(LAYOUTS[this.#state.shape].links.map((link) => this.#connectReplica(link, signal)))
  }

  async #connectReplica(link: Link, signal?: AbortSignal): Promise<void> {
    const flavour = this.#state.server
    const source = this.server(link.source)
    await withConnection(this.server(link.replica), this.users.admin, async (connection) => {
      await follow(flavour, connection, { source, as: this.users.replication })
      const deadline = performance.now() + REPLICATION_WITHIN_MS
      for (;;) {
        const { running, says } = await replicationState(flavour, connection)
        if (running) return
        signal?.throwIfAborted()
        if (performance.now() > deadline) {
          throw new SandboxError(`${link.replica} does not replicate from ${link.source}: ${says}`)
        }
        await sleep(10)
      }
    })
  }

  /** Another process (a command line beside a demo) may have restarted a server: process ids are read from the file. */
  async #refresh(id: string): Promise<SandboxServer> {
    await this.#writes
    const written = await readState(this.#state.dir)
    if (written !== undefined) this.#state = written
    return this.server(id)
  }

  isAlive(id: string): boolean {
    const server = this.server(id)
    return isOurs(server.pid, server.dataDir)
  }

  async #signal(id: string, signal: NodeJS.Signals): Promise<SandboxServer> {
    const server = await this.#refresh(id)
    if (!signalOurs(server.pid, server.dataDir, signal)) throw new SandboxError(`${id} is not running`)
    return server
  }

  async kill(id: string): Promise<void> {
    const server = await this.#signal(id, 'SIGKILL')
    await this.#untilEnded(server, KILL_WITHIN_MS)
  }

  async freeze(id: string): Promise<void> {
    await this.#signal(id, 'SIGSTOP')
  }

  async thaw(id: string): Promise<void> {
    await this.#signal(id, 'SIGCONT')
  }

  async stop(id: string): Promise<void> {
    const server = await this.#signal(id, 'SIGTERM')
    if (await untilGone(server.pid, server.dataDir, STOP_WITHIN_MS)) return
    signalOurs(server.pid, server.dataDir, 'SIGKILL')
    await this.#untilEnded(server, KILL_WITHIN_MS)
  }

  async #untilEnded(server: SandboxServer, withinMs: number): Promise<void> {
    if (await untilGone(server.pid, server.dataDir, withinMs)) return
    throw new SandboxError(`process ${server.pid} (${server.id}) does not end`)
  }

  async restart(id: string, extraArgs: readonly string[] = []): Promise<void> {
    const server = await this.#refresh(id)
    if (isOurs(server.pid, server.dataDir)) await this.stop(id)
    // Killed a moment ago, by whomever: its port and its files are taken until it is gone.
    await this.#untilEnded(server, KILL_WITHIN_MS)
    // MySQL believes this file for as long as the id in it exists, be it a zombie that nobody has collected yet.
    await rm(`${server.socket}.lock`, { force: true })
    await bootServer(server, await this.#boot({ extraArgs }))
  }

  sql(id: string, user: UserRole = 'admin'): Promise<SqlConnection> {
    return connect(this.server(id), this.users[user])
  }

  async down(options: { readonly keep?: boolean } = {}): Promise<void> {
    if (this.#isDown) return
    await this.#writes
    const state = (await readState(this.#state.dir)) ?? this.#state
    for (const server of state.servers) signalOurs(server.pid, server.dataDir, 'SIGKILL')
    for (const server of state.servers) await this.#untilEnded(server, KILL_WITHIN_MS)
    this.#isDown = true
    if (options.keep === true) return
    await removeFiles(state)
    await forgetState(state.dir)
    if (state.madeDir) await rm(state.dir, { recursive: true, force: true })
    else if ((await readdir(state.dir).catch(() => ['?'])).length === 0) await rmdir(state.dir)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down()
  }
}
