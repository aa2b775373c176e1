import type { ServerId } from '../../model/ids.ts'
import type { Plan, Risk } from '../../model/plan.ts'
import type { Step, StepCommon } from '../../model/step.ts'
import type { Topology } from '../../model/topology.ts'

/**
 * MariaDB's read_only holds nobody who has READ_ONLY ADMIN or SUPER; MySQL's super_read_only holds every account. Judged by the whole
 * cluster, so that both acts of a recovery conclude the same whoever answers; where it is wrong, the step finds nobody to cut.
 */
export const leaksWhenClosed = ({ members }: Topology): boolean =>
  members.some((m) => m.sighting.answer?.status.version.flavour === 'mariadb')

/**
 * Whom read-only does not hold is cut. Before a closing: where such a session comes back by itself and writes, nothing is closed and
 * nobody has waited. After it: only then nothing is written there any more, so without it the closing proves nothing.
 */
export const bar = (server: ServerId, common: Omit<StepCommon, 'id'>): Step<'cut_clients'> => ({
  kind: 'cut_clients',
  id: barOf(server),
  server,
  whom: 'privileged',
  ...common,
})

/** What closes a server, all of it: a barrier counts it as closed when each of these has succeeded. */
export const closesBy = (server: ServerId, leaks: boolean): readonly string[] =>
  leaks ? [`close:${server}`, barOf(server)] : [`close:${server}`]

const barOf = (server: ServerId): string => `bar:${server}`

/** Begins the id of the step that compares a closed server once more with whoever is to be opened in its place. */
export const STILL = 'still:'

/**
 * A person was asked something in between, for up to half a minute: what was seen before that question holds no more. Nobody may have
 * come back since whom read-only does not hold, and nobody may have written. Undefined where closing holds every account.
 */
export function closedStill(act1: Plan): Plan | undefined {
  const barred = act1.steps.filter((s) => s.kind === 'cut_clients' && s.whom === 'privileged')
  const compared = act1.steps.filter((s) => s.id.startsWith(STILL))
  if (barred.length + compared.length === 0) return undefined
  const after = barred.map((s) => s.id)
  const steps = [...barred.map((s) => ({ ...s, after: [] })), ...compared.map((s) => ({ ...s, after }))]
  return { ...act1, steps: steps.map((s): Step => ({ ...s, needs: [], ifItFails: 'stop' })) }
}

/** What remains open on such a server, said before it is risked. */
export const privilegedRisk = (server: ServerId, seen: string): Risk => ({
  code: 'privileged_accounts',
  says: `read_only of MariaDB does not hold accounts with READ_ONLY ADMIN or SUPER: their sessions on ${server} are cut, and ${seen}; what such an account writes there after that, connected directly, stays there alone and is reported as errant`,
})
