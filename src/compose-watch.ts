/** The daemon as a process: the store, the lease, the API and its page, structured logs. */
import { join } from 'node:path'
import type { Logger } from 'pino'
import { apiToken, composeDaemon } from './compose.ts'
import { lineOf, openLog } from './compose-log.ts'
import { daemonEvents } from './faces/api/events.ts'
import { LocalClient } from './faces/api/local.ts'
import { startApi } from './faces/api/server.ts'
import { namesIn } from './faces/api/view.ts'
import type { RegentConfig } from './model/cluster.ts'
import { type Problem, ProblemError, problem } from './model/problem.ts'
import type { Daemon, DaemonEvent, Keeper } from './run/daemon/index.ts'

export async function startWatch(
  config: RegentConfig,
  version: string,
  signal: AbortSignal,
): Promise<Problem | undefined> {
  const log = openLog(version)
  await using composed = await composeDaemon(config, {
    onTrouble: (says) => log.error({ says }, 'trouble'),
    spawnProxies: true,
  })
  const { daemon } = composed
  const started = await daemon.start(`regent watch, pid ${process.pid}`)
  if (started.kind === 'taken') return problem('lease_taken', { by: started.by, left: started.leftMs })
  using _logging = daemon.listen((event) => logEvent(log, event, daemon))
  let api: Awaited<ReturnType<typeof openApi>>
  try {
    api = await openApi(config, daemon, signal)
    if (api) log.info({ url: api.url }, 'the page and the API are served')
    // Beside the watching: a proxy that does not come up must delay nobody's failover.
    await Promise.all([daemon.run('regent watch', signal), ...daemon.keepers().map((keeper) => revive(keeper, log))])
  } catch (error) {
    await daemon.giveBack()
    if (error instanceof ProblemError) return error.problem
    throw error
  } finally {
    // Also after a failure: a page that is served by nobody who watches would be worse than none.
    await api?.end()
  }
  return undefined
}

async function revive({ office }: Keeper, log: Logger): Promise<void> {
  for (const says of await office.revive()) log.error({ cluster: office.config.alias, says }, 'trouble')
}

async function openApi(config: RegentConfig, daemon: Daemon, signal: AbortSignal) {
  if (!config.api) return undefined
  const events = daemonEvents(daemon)
  const webDir = join(import.meta.dirname, 'faces', 'web', 'dist')
  return startApi({
    listen: config.api.listen,
    token: await apiToken(config),
    client: new LocalClient(daemon),
    subscribe: events.subscribe,
    cannotAct: () => cannotAct(daemon),
    webDir,
    signal,
  })
}

/** It goes on watching and telling meanwhile; whoever asks whether it is ready means more. */
function cannotAct(daemon: Daemon): string | undefined {
  if (!daemon.lease()) return 'it does not hold the lease of its store: it only watches'
  const behind = daemon.keepers().some(({ books }) => !books.isCurrent())
  return behind ? 'its store cannot be read: it only watches' : undefined
}

function logEvent(log: Logger, event: DaemonEvent, daemon: Daemon): void {
  if (event.kind === 'cycle') return
  const keeper = daemon.keepers().find(({ office }) => office.cluster === event.cluster)
  const view = keeper?.view()
  const alias = keeper?.office.config.alias ?? event.cluster
  const { level, message, facts } = lineOf(event, { alias, names: view ? namesIn(view.topology) : {} })
  log[level](facts, message)
}
