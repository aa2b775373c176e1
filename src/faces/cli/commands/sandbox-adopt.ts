/** The last part of `sandbox up`: `adopt --open` against the store that the generated configuration names. */
import { setTimeout as sleep } from 'node:timers/promises'
import { SandboxError } from '../../../lab/sandbox/index.ts'
import { printAddress } from '../../../model/address.ts'
import type { RegentConfig } from '../../../model/cluster.ts'
import { ProblemError, problem } from '../../../model/problem.ts'
import { readRouteMessage } from '../../../model/route.ts'
import type { RecoveryJson } from '../../api/contract.ts'
import { Watcher } from '../demo/watcher.ts'
import { SANDBOX_CLUSTER } from './sandbox-config.ts'
import type { SandboxJson, UpParts } from './sandbox-json.ts'
import { watchLogOf } from './sandbox-place.ts'

/** A `regent watch` looks at the routes once a second; it needs a second to start, and a loaded machine much longer. */
const MENDED_WITHIN_MS = 30_000

/** By a Regent of this process, which also starts the proxy; what clients are led by is read back. */
export async function adoptAndOpen(json: SandboxJson, dir: string, parts: UpParts): Promise<void> {
  const [first] = json.servers
  if (first === undefined) throw new SandboxError('the sandbox has no server')
  const { runners, onProgress, signal } = parts
  onProgress(`opening ${first.id}: regent adopt ${SANDBOX_CLUSTER} --open --server ${printAddress(first)}`)
  const { config } = await runners.loadConfig(json.config)
  signal.throwIfAborted()
  const record = await adopt(config, printAddress(first), parts)
  if (await leadsToServer(config, parts)) return
  const missed = record.steps.filter(({ state }) => state !== 'done').map(({ line, says }) => `${line}: ${says ?? ''}`)
  onProgress(`the proxy was not told in time (${missed.join('; ')}): a regent watch tells it`)
  await mendRoutes(config, dir, parts)
}

async function adopt(config: RegentConfig, server: string, { runners }: UpParts): Promise<RecoveryJson> {
  const client = await runners.local(config, true)
  try {
    const command = { verb: 'adopt', open: true, server, by: 'sandbox up' } as const
    const planned = await client.plan(SANDBOX_CLUSTER, command)
    if (planned.kind === 'refusal') throw refused(planned.reasons)
    const end = await client.run(SANDBOX_CLUSTER, { ...command, shown: { plan: planned.plan } })
    if (end.kind === 'refused') throw refused(end.reasons)
    if (end.kind === 'failed') throw new SandboxError(`the adoption failed: ${end.says}`)
    return await client.recovery(end.id)
  } finally {
    await client.end()
  }
}

async function leadsToServer(config: RegentConfig, { runners }: UpParts): Promise<boolean> {
  const routes = await runners.proxyStatus(config, SANDBOX_CLUSTER)
  return routes.length > 0 && routes.every((route) => readRouteMessage(route['inForce'])?.kind === 'open')
}

/** An announcement that missed its deadline (a very busy machine) is what a daemon repairs in passing: one runs until it has. */
async function mendRoutes(config: RegentConfig, dir: string, parts: UpParts): Promise<void> {
  await using watcher = Watcher.start(config.path, watchLogOf(dir))
  const deadline = performance.now() + MENDED_WITHIN_MS
  while (!(await leadsToServer(config, parts))) {
    parts.signal.throwIfAborted()
    if (watcher.how !== undefined || performance.now() > deadline) {
      const log = await watcher.lastLines(5)
      throw new SandboxError(
        `the proxy leads nowhere, and no regent watch could tell it; its log ends:\n${log.join('\n')}`,
      )
    }
    await sleep(100)
  }
}

const refused = (reasons: readonly { readonly says: string; readonly tryThis: string }[]): ProblemError =>
  new ProblemError(
    problem('refused', {
      why: reasons.map(({ says }) => says).join('; '),
      fix: reasons.map(({ tryThis }) => tryThis).join('; '),
    }),
  )
