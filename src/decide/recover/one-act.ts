import type { ServerId } from '../../model/ids.ts'
import type { Plan, Planned } from '../../model/plan.ts'
import type { ServerStatus } from '../../model/server.ts'
import type { Step } from '../../model/step.ts'
import { member } from '../../model/topology.ts'
import type { Situation } from './situation.ts'

/** Its status, only while it answers. */
export const answering = (situation: Situation, id: ServerId): ServerStatus | undefined => {
  const look = member(situation.topology, id)?.sighting.latest
  return look?.kind === 'answered' ? look.status : undefined
}

/** A recovery of one act, in which nobody becomes the primary who was not. */
export const plan = (situation: Situation, kind: Plan['kind'], steps: readonly Step[], because: string): Planned => ({
  kind: 'plan',
  plan: {
    version: 1,
    recovery: situation.recovery,
    cluster: situation.topology.cluster,
    kind,
    act: 1,
    subject: situation.subject,
    steps,
    ranking: [],
    risks: [],
    fence: { demand: { atLeast: 'none', alsoRoutes: false }, because: 'nobody else is opened' },
    because,
  },
})
