/** Bringing one server up: from its data directory to the first answer. */
import { mkdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { SandboxError } from './error.ts'
import { freePorts } from './free-ports.ts'
import { USERS } from './grants.ts'
import { serverOptions, tempDirOf } from './options.ts'
import { isOurs, signalOurs, startDetached, untilGone } from './processes.ts'
import type { ServerProgram } from './program.ts'
import { dataDirOf, withConnection } from './sql.ts'
import type { SandboxServer, SandboxState } from './state.ts'
import { lastLines } from './template.ts'

/** Two seconds when nothing else runs; two busy cores and a slow disk have been seen to need twenty. */
const ANSWER_WITHIN_MS = 60_000
const PORT_TRIES = 5

export interface Boot {
  readonly program: ServerProgram
  readonly state: SandboxState
  readonly extraArgs?: readonly string[]
  /** Told the process id as soon as there is one, so that nothing started is ever unknown. */
  readonly onStarted: (server: SandboxServer) => Promise<void>
  readonly signal?: AbortSignal
}

/** Starts the server and waits until it answers. Only a first start may take other ports when one is taken. */
export async function bootOnAnyPort(server: SandboxServer, boot: Boot): Promise<SandboxServer> {
  let at = server
  for (let tries = 1; ; tries++) {
    try {
      return await bootServer(at, boot)
    } catch (error) {
      if (!(error instanceof PortTaken) || tries === PORT_TRIES) throw error
      const [port, adminPort] = await freePorts(2)
      if (port === undefined || adminPort === undefined) throw error
      at = { ...server, port, adminPort }
    }
  }
}

export async function bootServer(server: SandboxServer, boot: Boot): Promise<SandboxServer> {
  const { program, state } = boot
  const settings = { semiSync: state.semiSync, waitCount: state.waitCount, coPrimaries: state.shape === '2x' }
  const options = [
    ...serverOptions(program.flavour, server, settings),
    ...state.extraServerOptions,
    ...(boot.extraArgs ?? []),
  ]
  await mkdir(tempDirOf(server.dataDir), { recursive: true })
  const logStart = (await readLog(server)).length
  const { pid, ended } = startDetached([...program.command, ...options], server.logFile)
  const started = { ...server, pid }
  await boot.onStarted(started)
  let ending: string | undefined
  void ended.then((how) => {
    ending = how
  })
  try {
    await untilAnswers(started, { hasEnded: () => ending, signal: boot.signal })
    return started
  } catch (error) {
    signalOurs(pid, server.dataDir, 'SIGKILL')
    await untilGone(pid, server.dataDir, 5000)
    const log = (await readLog(server)).slice(logStart)
    if (/address already in use/i.test(log)) throw new PortTaken(`port ${server.port} of ${server.id} was taken`)
    const why = error instanceof Error ? error.message : String(error)
    throw new SandboxError(
      `${server.id} (${program.flavour} ${program.version}) ${why}; its log ends:\n${lastLines(log, 20)}`,
      {
        cause: error,
      },
    )
  }
}

class PortTaken extends SandboxError {}

const readLog = (server: SandboxServer): Promise<string> => readFile(server.logFile, 'utf8').catch(() => '')

interface Watch {
  readonly hasEnded: () => string | undefined
  readonly signal: AbortSignal | undefined
}

async function untilAnswers(server: SandboxServer, watch: Watch): Promise<void> {
  const deadline = performance.now() + ANSWER_WITHIN_MS
  for (;;) {
    watch.signal?.throwIfAborted()
    const how = watch.hasEnded()
    if (how !== undefined) throw new Error(`ended while starting (${how})`)
    if (await answers(server)) return
    if (performance.now() > deadline) throw new Error(`did not answer within ${ANSWER_WITHIN_MS / 1000} s`)
    await sleep(15)
  }
}

/** The data directory is compared, because another sandbox's server on that port would take the same password. */
async function answers(server: SandboxServer): Promise<boolean> {
  if (!isOurs(server.pid, server.dataDir)) return false
  try {
    return (await withConnection(server, USERS.admin, dataDirOf)) === server.dataDir
  } catch {
    return false
  }
}
