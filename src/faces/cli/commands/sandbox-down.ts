import { existsSync } from 'node:fs'
import { readdir, rm, rmdir } from 'node:fs/promises'
import { openSandbox } from '../../../lab/sandbox/index.ts'
import type { RegentConfig } from '../../../model/cluster.ts'
import type { Runners } from '../runners.ts'
import { configOf, forgetStarted, storeOf, watchLogOf } from './sandbox-place.ts'
import { endProgram, programsOn } from './sandbox-programs.ts'

export interface DownOptions {
  /** Data, logs and the store stay on the disk; no process does. */
  readonly keep?: boolean
}

export interface DownReport {
  /** Process ids of `regent watch` that still run on this configuration: they are whoever's who started them. */
  readonly stillWatching: readonly number[]
}

const END_WITHIN_MS = 2000

/**
 * Ends the proxy and the servers, and removes what `sandbox up` made. The configuration goes first: nobody who still watches can
 * start another proxy after that.
 */
export async function takeDown(dir: string, runners: Runners, options: DownOptions = {}): Promise<DownReport> {
  const path = configOf(dir)
  const config = await runners.loadConfig(path).then(
    (loaded) => loaded.config,
    () => undefined,
  )
  if (!options.keep) await rm(path, { force: true })
  await endProxies(path, config, runners)
  const sandbox = await openSandbox(dir)
  await sandbox.down({ keep: options.keep ?? false })
  await endProxies(path, config, runners)
  if (!options.keep) {
    for (const made of [storeOf(dir), watchLogOf(dir)]) await rm(made, { recursive: true, force: true })
    if (existsSync(dir) && (await readdir(dir)).length === 0) await rmdir(dir)
  }
  await forgetStarted(dir)
  return { stillWatching: programsOn(path).flatMap(({ pid, kind }) => (kind === 'watch' ? [pid] : [])) }
}

/** Asked at its control socket first, which closes its clients; one that does not hear (frozen, say) is ended by its process id. */
async function endProxies(path: string, config: RegentConfig | undefined, runners: Runners): Promise<void> {
  const running = programsOn(path).filter(({ kind }) => kind === 'proxy')
  if (running.length === 0) return
  if (config) await runners.stopProxy(config, '').catch(() => undefined)
  await Promise.all(running.map(({ pid }) => endProgram(pid, path, END_WITHIN_MS)))
}
