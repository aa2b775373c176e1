import type { ServerId } from '../../model/ids.ts'
import { type Planned, refuse } from '../../model/plan.ts'
import type { SemiSyncSource, ServerStatus } from '../../model/server.ts'
import type { Step } from '../../model/step.ts'
import { edgesTo, member, type Topology } from '../../model/topology.ts'
import type { Situation } from './situation.ts'

/**
 * A reign that opened with fewer ackers than it wants: the wait count to which it can be raised now, because that many semi-sync
 * replicas follow it; undefined while there is nothing to raise.
 */
export function raisableTo(topology: Topology): number | undefined {
  const { reign } = topology
  if (reign?.state !== 'open' || reign.semiSync.kind === 'off') return undefined
  const look = member(topology, reign.primary)?.sighting.latest
  if (look?.kind !== 'answered') return undefined
  const source = sourceOf(look.status)
  if (!source) return undefined
  const has = source.enabled ? source.waitCount : 0
  const wanted = reign.semiSync.waitCount
  const to = Math.min(wanted, acknowledging(topology, reign.primary))
  return to > has ? to : undefined
}

/** How many semi-sync replicas receive from it. */
export const acknowledging = (topology: Topology, source: ServerId): number =>
  edgesTo(topology, source).filter((e) => e.channel.receiver === 'running' && acknowledges(topology, e.replica)).length

const sourceOf = ({ semiSync }: ServerStatus): SemiSyncSource | undefined =>
  semiSync.kind === 'present' ? semiSync.source : undefined

function acknowledges(topology: Topology, id: ServerId): boolean {
  const look = member(topology, id)?.sighting.latest
  return look?.kind === 'answered' && look.status.semiSync.kind === 'present' && look.status.semiSync.replicaEnabled
}

/** The source side waits for as many as are attached, up to what the reign wants: never for more, or commits would hang. */
export function planRaiseAckers(situation: Situation): Planned {
  const { topology, subject: server } = situation
  const to = raisableTo(topology)
  if (to === undefined || topology.reign?.primary !== server)
    return refuse({
      code: 'nothing_to_raise',
      says: 'as many ackers as the reign wants are waited for, or no more are attached',
      tryThis: `regent topology ${topology.alias}`,
    })
  const on: Step = {
    kind: 'semi_sync_source',
    id: `source_on:${server}`,
    server,
    to: 'on',
    waitCount: to,
    after: [],
    deadlineMs: situation.policy.attachDeadlineMs,
    ifItFails: 'stop',
  }
  return {
    kind: 'plan',
    plan: {
      version: 1,
      recovery: situation.recovery,
      cluster: topology.cluster,
      kind: 'raise_ackers',
      act: 1,
      subject: server,
      steps: [on],
      ranking: [],
      risks: [],
      fence: { demand: { atLeast: 'none', alsoRoutes: false }, because: 'nobody else is opened' },
      because: `the reign opened with fewer ackers than it wants; ${to} are attached now`,
    },
  }
}
