import type { ClusterConfig, RouteConfig } from '../model/cluster.ts'
import { type FenceDemand, outlivesStop, printDemand, provenLevels, satisfies } from '../model/fence.ts'
import { type Policy, UNPROVEN_LOSS_BOUND_S } from '../model/policy.ts'

/**
 * What the policy would refuse, said before it happens. `silent`: nothing comes from the primary, no kernel refuses a connection.
 * `refused`: its own kernel and every witness refuse. `answers`: a person replaces a living one by a failover. `any`: however it ends.
 */
export interface Forecast {
  readonly question: 'recovery' | 'fence' | 'loss' | 'ackers'
  readonly situation: 'silent' | 'refused' | 'answers' | 'any'
  readonly outcome: 'goes_on' | 'asks' | 'refused' | 'depends'
  readonly because: string
  /** What to write to change it; absent where nothing is refused. */
  readonly fix?: string
}

/** One row per question and situation; pure. */
export const whatPolicyRefuses = (cluster: ClusterConfig): readonly Forecast[] => [
  recovery(cluster),
  fence(cluster, 'silent'),
  fence(cluster, 'refused'),
  fence(cluster, 'answers'),
  loss(cluster),
  ...ackers(cluster),
]

function recovery({ policy }: ClusterConfig): Forecast {
  const row = { question: 'recovery', situation: 'any' } as const
  return policy.recovery === 'automatic'
    ? { ...row, outcome: 'goes_on', because: 'recovery is automatic on proven versions' }
    : {
        ...row,
        outcome: 'asks',
        because: 'recovery: ask; plans are shown, a person runs them',
        fix: 'policy.recovery: automatic',
      }
}

/** The proxy always tells; an operator's own program only if it has a way to. */
export const isReadBack = (route: RouteConfig): boolean => route.kind === 'proxy' || route.read !== undefined

/** Why withdrawn routes prove nothing here; undefined where they do. */
function routesGap({ routes, policy }: ClusterConfig): { readonly why: string; readonly fix: string } | undefined {
  if (routes.length === 0) {
    const fix = 'name the ways of your clients below routes:, then clients_only_by_routes: true'
    return { why: 'no route is registered, so nothing can be withdrawn', fix }
  }
  const blind = routes.find((route) => !isReadBack(route))
  if (blind)
    return {
      why: `route ${blind.name} cannot be read back, so its withdrawal is never proven`,
      fix: `give route ${blind.name} a read: program`,
    }
  if (policy.routesAreComplete) return undefined
  const why = 'clients may have ways beside the routes, so withdrawing them proves nothing'
  return { why, fix: 'clients_only_by_routes: true, if that is so' }
}

type End = 'silent' | 'refused' | 'answers'

/** What each end of a primary lets be proven, apart from routes. A silent one confirms nothing by itself. */
const SEEN: { readonly [E in End]: { readonly stopped: boolean; readonly closedReadOnly: boolean } } = {
  silent: { stopped: false, closedReadOnly: false },
  refused: { stopped: true, closedReadOnly: false },
  answers: { stopped: false, closedReadOnly: true },
}

function demandOf({ policy, routes }: ClusterConfig, end: End): FenceDemand {
  const { fence, startsReadOnly, routesAreComplete } = policy
  const byRoutes = routesAreComplete && routes.length > 0
  if (fence.kind === 'at_least') {
    const { level } = fence
    const ofLiving = end === 'answers' && level === 'routes' && byRoutes
    const alsoRoutes = end === 'refused' ? outlivesStop(level) && !startsReadOnly : ofLiving
    return { atLeast: level, alsoRoutes }
  }
  if (end === 'silent') return { atLeast: 'routes', alsoRoutes: false }
  // A stopped server that may come back writable is no danger only while clients have no way to it.
  if (end === 'refused') return { atLeast: 'stopped', alsoRoutes: !startsReadOnly }
  // Clients that come back while it is closed would be answered what no replica has, or be led to it when it is restarted writable.
  return { atLeast: 'readonly', alsoRoutes: byRoutes }
}

/** Of a living one routes are demanded where it may start writable, or where its commits wait: which semi-sync as found does not tell. */
const isSure = ({ startsReadOnly, semiSync }: Policy, end: End): boolean =>
  end !== 'answers' || !startsReadOnly || semiSync.kind === 'wait_count'

function fence(cluster: ClusterConfig, end: End): Forecast {
  const { policy, routes } = cluster
  const row = { question: 'fence', situation: end } as const
  const demand = demandOf(cluster, end)
  const proven = provenLevels({
    ...SEEN[end],
    routes: routes.map((route) => ({ route: route.name, closed: isReadBack(route) })),
    routesAreComplete: policy.routesAreComplete,
  })
  if (satisfies(proven, demand)) {
    const because =
      demand.atLeast === 'none' ? 'no proof is demanded: a recorded risk' : `${printDemand(demand)} can be proven`
    return { ...row, outcome: 'goes_on', because }
  }
  const gap = routesGap(cluster)
  const withRoutes = satisfies([...proven, 'routes'], demand)
  if (gap && withRoutes) {
    const readOnly = demand.alsoRoutes && end === 'refused' ? 'servers_start_read_only: true, if that is so; or ' : ''
    const sure = isSure(policy, end)
    return {
      ...row,
      outcome: sure ? 'refused' : 'depends',
      because: `${sure ? '' : 'where its commits wait for acknowledgements, '}${printDemand(demand)} is demanded: ${gap.why}`,
      fix: `${readOnly}${gap.fix}`,
    }
  }
  const because = `${printDemand(demand)} is demanded, and at most ${proven.at(-1)} can be proven of such a primary`
  return { ...row, outcome: 'refused', because, fix: 'policy.fence: default' }
}

function loss({ policy }: ClusterConfig): Forecast {
  const row = { question: 'loss', situation: 'any' } as const
  const { loss: bound, semiSync } = policy
  if (bound.kind === 'at_most') {
    return { ...row, outcome: 'depends', because: `refused where more than ${bound.seconds} s of writes may be lost` }
  }
  if (bound.kind === 'auto') {
    const because =
      semiSync.kind === 'off'
        ? `nothing can be proven without semi-sync: refused where more than ${UNPROVEN_LOSS_BOUND_S} s of writes may be lost`
        : `where lossless semi-sync was in force, refused unless nothing is lost; elsewhere unless at most ${UNPROVEN_LOSS_BOUND_S} s of writes are`
    return { ...row, outcome: 'depends', because }
  }
  if (semiSync.kind === 'off') {
    const because = 'loss: proven is demanded, and semi-sync, which alone proves it, is off'
    return { ...row, outcome: 'refused', because, fix: 'policy.semi_sync: {wait_count: 1}, or policy.loss: auto' }
  }
  return {
    ...row,
    outcome: 'depends',
    because: 'refused unless lossless semi-sync (AFTER_SYNC, never fallen back) was in force at the last good reading',
    fix: 'switch semi-sync on at the primary (regent config check shows it), or policy.loss: auto',
  }
}

/** After the primary's end one server becomes primary, and the others may acknowledge. */
function ackers({ policy, seeds }: ClusterConfig): readonly Forecast[] {
  if (policy.semiSync.kind === 'off') return []
  const row = { question: 'ackers', situation: 'any' } as const
  const left = Math.max(0, seeds.length - 2)
  const known = `${left} of the ${seeds.length} servers named here ${left === 1 ? 'is' : 'are'} left to acknowledge`
  if (policy.semiSync.kind === 'as_found') {
    const because = `as many acknowledgements as the old primary waited for; ${known}`
    return [{ ...row, outcome: 'depends', because }]
  }
  const { count } = policy.semiSync
  if (left >= count) return [{ ...row, outcome: 'goes_on', because: `${known}, ${count} needed` }]
  if (policy.ackers === 'lower') {
    return [{ ...row, outcome: 'goes_on', because: `${known}, ${count} needed: the count is lowered, a recorded risk` }]
  }
  const fix = 'policy.ackers: lower, or one more replica among the seeds'
  return [
    { ...row, outcome: 'depends', because: `refused unless more servers are found: ${known}, ${count} needed`, fix },
  ]
}
