import { printAddress } from '../../model/address.ts'
import { parseDuration } from '../../model/duration.ts'
import { recoveryId } from '../../model/ids.ts'
import { type FencePolicy, type LossPolicy, PROOF_LEVELS } from '../../model/policy.ts'
import { ProblemError, problem } from '../../model/problem.ts'
import {
  type Command,
  type Daemon,
  giveOrders,
  type Keeper,
  planCommand,
  type RouteReading,
  runCommand,
  type View,
  whyNotNow,
} from '../../run/daemon/index.ts'
import type { Client, ClusterJson, CommandJson, EndJson, PlannedJson, QuestionJson, RecoveryJson } from './contract.ts'
import { namedEnd, namedReasons } from './named.ts'
import { planJson, questionJson, recoveryJson } from './records.ts'
import { storedVerdicts, withVerdict } from './verdicts.ts'
import { clusterJson, namesIn } from './view.ts'

/** How long a route may take to say what it believes, for a page or a listing. */
const READ_ROUTE_MS = 500

/** The client of a daemon in this very process: behind the HTTP routes, and for verbs that look or act once. */
export class LocalClient implements Client {
  readonly #daemon: Daemon
  readonly #end: () => Promise<void>

  constructor(daemon: Daemon, end: () => Promise<void> = async () => undefined) {
    this.#daemon = daemon
    this.#end = end
  }

  async clusters(): Promise<readonly ClusterJson[]> {
    return Promise.all(this.#daemon.keepers().map((keeper) => this.#json(keeper)))
  }

  async cluster(name: string): Promise<ClusterJson> {
    return this.#json(this.#keeper(name))
  }

  async explain(name: string) {
    const keeper = this.#keeper(name)
    const { diagnosis, topology } = await seen(keeper)
    return { alias: topology.alias, diagnosis, whyNot: whyNotNow(keeper) }
  }

  async plan(name: string, command: CommandJson): Promise<PlannedJson> {
    const keeper = this.#keeper(name)
    const { topology } = await seen(keeper)
    const planned = await planCommand(keeper, commandOf(command))
    const names = namesIn(topology)
    if (planned.kind === 'plan') return planJson(planned.plan, names, planned.expected)
    return { kind: 'refusal', reasons: namedReasons(planned.reasons, names) }
  }

  async run(name: string, command: CommandJson): Promise<EndJson> {
    const keeper = this.#keeper(name)
    await seen(keeper)
    const end = await runCommand(keeper, commandOf(command), command.shown)
    const { newPrimary: _, ...json } = { newPrimary: undefined, ...end }
    return namedEnd(json, namesOf(keeper))
  }

  async question(id: string): Promise<QuestionJson | undefined> {
    for (const keeper of this.#daemon.keepers()) {
      const { questions, clock } = keeper.office
      const open = questions.open()
      if (open?.id === id) return questionJson(open, namesOf(keeper), clock.wall())
    }
    return undefined
  }

  async answer(id: string, yes: boolean): Promise<void> {
    const taken = this.#daemon.keepers().some(({ office }) => office.questions.answer(recoveryId(id), yes))
    if (taken) return
    const why = `${id} asks nothing: it was answered, or its deadline has passed`
    throw new ProblemError(problem('refused', { why, fix: `regent history ${id}` }))
  }

  async pause(name: string, order: { reason: string; by: string; forMs: number }): Promise<void> {
    await giveOrders.pause(this.#keeper(name), order)
  }

  async resume(name: string): Promise<void> {
    await giveOrders.resume(this.#keeper(name))
  }

  async forget(name: string, server: string): Promise<void> {
    const keeper = this.#keeper(name)
    await seen(keeper)
    await giveOrders.forget(keeper, server)
  }

  async history(name: string, limit: number): Promise<readonly RecoveryJson[]> {
    const keeper = this.#keeper(name)
    const { journal, cluster } = keeper.office
    const names = namesOf(keeper)
    const [records, verdicts] = await Promise.all([journal.list(cluster, limit), storedVerdicts(keeper)])
    return records.map((record) => withVerdict(recoveryJson(record, names), verdicts))
  }

  async recovery(id: string): Promise<RecoveryJson> {
    for (const keeper of this.#daemon.keepers()) {
      const record = await keeper.office.journal.read(recoveryId(id))
      if (record) return withVerdict(recoveryJson(record, namesOf(keeper)), await storedVerdicts(keeper))
    }
    throw new ProblemError(problem('usage', { what: `no recovery is called ${id}`, fix: 'list them: regent history' }))
  }

  end(): Promise<void> {
    return this.#end()
  }

  #keeper(name: string): Keeper {
    const only = this.#daemon.keepers()
    const found = name === '' && only.length === 1 ? only[0] : this.#daemon.keeper(name)
    if (found) return found
    const aliases = only.map((k) => k.office.config.alias)
    // Whoever wrote an address meant a server.
    const servers = name.includes(':') ? only.flatMap((k) => k.office.observer.sightings()) : []
    const known = [...aliases, ...servers.map((s) => printAddress(s.address))].join(', ')
    throw new ProblemError(
      name === ''
        ? problem('usage', { what: 'there are several clusters', fix: `name one of: ${known}` })
        : problem('cluster_unknown', { name, known }),
    )
  }

  async #json(keeper: Keeper): Promise<ClusterJson> {
    const [view, routes] = await Promise.all([seen(keeper), readRoutes(keeper)])
    return clusterJson(keeper, view, routes)
  }
}

/** What the daemon last concluded; without one, a look at everything. */
async function seen(keeper: Keeper): Promise<View> {
  return keeper.view() ?? keeper.once()
}

const namesOf = (keeper: Keeper): Readonly<Record<string, string>> => {
  const view = keeper.view()
  return view ? namesIn(view.topology) : {}
}

export async function readRoutes(keeper: Keeper): Promise<ReadonlyMap<string, RouteReading>> {
  const { announcers, clock } = keeper.office
  const readings = [...announcers].map(async ([name, announcer]): Promise<readonly [string, RouteReading]> => {
    using deadline = clock.deadline(READ_ROUTE_MS)
    return [name, await announcer.read(deadline.signal)]
  })
  return new Map(await Promise.all(readings))
}

/** Bodies come from people: each wrong word is an error that names the right ones. */
export function commandOf(json: CommandJson): Command {
  const { verb, server, open, reason, by, forMs } = json
  return {
    verb,
    reason: reason ?? '',
    by: by ?? 'operator',
    ...(server === undefined ? {} : { server }),
    ...(open === undefined ? {} : { open }),
    ...(forMs === undefined ? {} : { forMs }),
    ...(json.yes ? { yes: true } : {}),
    ...(json.abandon ? { abandon: true } : {}),
    ...(json.overReign ? { overReign: true } : {}),
    ...(json.overHistory ? { overHistory: true } : {}),
    ...(json.loss === undefined ? {} : { loss: lossOf(json.loss) }),
    ...(json.fence === undefined ? {} : { fence: fenceOf(json.fence) }),
  }
}

function lossOf(text: string): LossPolicy {
  if (text === 'proven') return { kind: 'proven' }
  if (text === 'any') return { kind: 'at_most', seconds: Number.POSITIVE_INFINITY }
  const ms = parseDuration(text)
  if (ms === undefined)
    throw new ProblemError(
      problem('usage', { what: `--loss ${text} is not a bound`, fix: 'say proven, any, or a duration such as 10s' }),
    )
  return { kind: 'at_most', seconds: ms / 1000 }
}

function fenceOf(text: string): FencePolicy {
  const level = PROOF_LEVELS.find((l) => l === text)
  if (level === undefined)
    throw new ProblemError(
      problem('usage', { what: `--fence ${text} is not a proof level`, fix: `say one of: ${PROOF_LEVELS.join(', ')}` }),
    )
  return { kind: 'at_least', level }
}
