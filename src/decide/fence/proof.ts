import type { Address } from '../../model/address.ts'
import { type FenceDemand, outlivesStop, provenLevels, satisfies } from '../../model/fence.ts'
import type { ServerId } from '../../model/ids.ts'
import type { Policy } from '../../model/policy.ts'
import type { Step } from '../../model/step.ts'
import { closesBy } from './privileged.ts'

/** How the primary that is to be replaced was found. `answers`: a person replaces a living one. */
export type SubjectState = 'refused' | 'silent' | 'answers'

/** The proof that must stand before another server opens. */
export function fenceDemand(
  policy: Policy,
  subject: SubjectState,
): { readonly demand: FenceDemand; readonly because: string } {
  if (policy.fence.kind === 'at_least') {
    const { level } = policy.fence
    const alsoRoutes = subject === 'refused' && outlivesStop(level) && !policy.startsReadOnly
    return { demand: { atLeast: level, alsoRoutes }, because: `policy fence: ${level}` }
  }
  switch (subject) {
    case 'refused':
      return policy.startsReadOnly
        ? {
            demand: { atLeast: 'stopped', alsoRoutes: false },
            because: 'it refuses connections, and is declared to start read-only',
          }
        : {
            demand: { atLeast: 'stopped', alsoRoutes: true },
            because: 'it refuses connections, but may start writable again: clients must have lost the way to it',
          }
    case 'silent':
      return {
        demand: { atLeast: 'routes', alsoRoutes: false },
        because: 'it is silent and may still take writes: clients must have lost the way to it',
      }
    case 'answers':
      return {
        demand: { atLeast: 'readonly', alsoRoutes: false },
        because: 'it answers: it is closed and read back before another opens',
      }
  }
}

export interface FenceHopes {
  readonly stopped: boolean
  readonly reachable: boolean
  readonly routes: readonly string[]
}

/** Why a demand can never be met here, even if every step succeeds; known before the first change. Undefined when it can. */
export function unattainable(demand: FenceDemand, hopes: FenceHopes, policy: Policy): string | undefined {
  const best = provenLevels({
    stopped: hopes.stopped,
    closedReadOnly: hopes.reachable,
    routes: hopes.routes.map((route) => ({ route, closed: true })),
    routesAreComplete: policy.routesAreComplete,
  })
  if (satisfies(best, demand)) return undefined
  if (hopes.routes.length === 0)
    return 'no route is registered, so it cannot be shown that clients have lost the way to the old primary'
  if (!policy.routesAreComplete)
    return 'the configuration does not declare clients_only_by_routes: closed routes do not show that clients have lost the way to the old primary'
  return `at most ${best.at(-1)} can be proven of the old primary, and ${demand.atLeast} is demanded`
}

/** Nothing opens before it. Which steps of act 1 prove what stands in the step, so that it can be judged from their outcomes alone. */
export function barrierStep(
  policy: Policy,
  facts: {
    readonly server: ServerId
    readonly demand: FenceDemand
    readonly stopped: boolean
    readonly routes: readonly string[]
    readonly addresses: readonly Address[]
    /** Closing it does not hold every account: whom it leaves out must have been cut as well. */
    readonly leaks: boolean
  },
): Step<'barrier'> {
  return {
    kind: 'barrier',
    id: 'barrier',
    server: facts.server,
    demand: facts.demand,
    stopped: facts.stopped,
    addresses: facts.addresses,
    routesAreComplete: policy.routesAreComplete,
    routeSteps: facts.routes.map((route) => `withdraw:${route}`),
    closeSteps: closesBy(facts.server, facts.leaks),
    after: [],
    deadlineMs: policy.act1DeadlineMs,
    ifItFails: 'stop',
  }
}
