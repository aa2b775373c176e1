import { meets, type ProofLevel } from './policy.ts'

/** What must be proven before another server opens. `alsoRoutes`: the routes must be closed as well, whatever else is proven. */
export interface FenceDemand {
  readonly atLeast: ProofLevel
  readonly alsoRoutes: boolean
}

export const printDemand = (demand: FenceDemand): string =>
  demand.alsoRoutes && demand.atLeast !== 'routes' ? `${demand.atLeast} and routes` : demand.atLeast

/**
 * Closed routes and read-only last longer than a stop: where a server may start writable, that it is stopped now stands in for neither.
 * Whoever demands `stopped` by name has decided that it is enough.
 */
export const outlivesStop = (level: ProofLevel): boolean => level === 'routes' || level === 'readonly'

/** `off` cuts every client, so it stands for the routes, too. */
export function satisfies(proven: readonly ProofLevel[], demand: FenceDemand): boolean {
  if (demand.atLeast === 'none') return true
  if (proven.includes('off')) return true
  if (demand.alsoRoutes && !proven.includes('routes')) return false
  return proven.some((level) => meets(level, demand.atLeast))
}

/** One route as act 1 left it. */
export interface RouteState {
  readonly route: string
  /** Withdrawn, read back, and no session left open on it. */
  readonly closed: boolean
}

export interface FenceEvidence {
  /** Refused by its own kernel and by every witness. */
  readonly stopped: boolean
  /** Clients cut, read-only set, both variables read back. */
  readonly closedReadOnly: boolean
  readonly routes: readonly RouteState[]
  /** The operator's declaration that clients have no way beside the routes. */
  readonly routesAreComplete: boolean
}

/**
 * What is proven. `routes` needs at least one registered route, each closed, and the declaration that clients have no other way:
 * without it a client may reach the old primary beside them, whatever the routes say.
 */
export function provenLevels(evidence: FenceEvidence): readonly ProofLevel[] {
  const levels: ProofLevel[] = ['none']
  if (evidence.routesAreComplete && evidence.routes.length > 0 && evidence.routes.every((r) => r.closed))
    levels.push('routes')
  if (evidence.closedReadOnly) levels.push('readonly')
  if (evidence.stopped) levels.push('stopped')
  return levels
}
