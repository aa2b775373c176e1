import type { FenceDemand } from '../../model/fence.ts'
import type { ServerId } from '../../model/ids.ts'
import type { Risk } from '../../model/plan.ts'
import type { Policy } from '../../model/policy.ts'
import { takesWrites } from '../../model/server.ts'
import type { Step, StepBody } from '../../model/step.ts'
import { bar, leaksWhenClosed, privilegedRisk } from '../fence/privileged.ts'
import type { SubjectState } from '../fence/proof.ts'
import { answering } from './one-act.ts'
import { type Situation, withdrawalMs } from './situation.ts'

export const withdrawals = (situation: Situation): readonly Step[] =>
  situation.routes.map((route) => ({
    kind: 'withdraw_route',
    id: `withdraw:${route}`,
    route,
    sessions: 'close',
    after: [],
    deadlineMs: withdrawalMs(situation, route),
    ifItFails: 'go_on',
    undo: { kind: 'announce', route, server: situation.subject },
  }))

/**
 * Clients are cut first, only then semi-sync goes off, then read-only: the other order would answer OK for rows that no replica has.
 * Whom read-only does not hold is looked for last.
 */
export function fencing(situation: Situation): readonly Step[] {
  if (situation.subjectState !== 'answers') return []
  const server = situation.subject
  // A living MySQL takes up to a second to switch its source side off while dump threads are attached.
  const common = { deadlineMs: Math.max(situation.policy.act1DeadlineMs, 3000), ifItFails: 'go_on' } as const
  return [
    {
      kind: 'cut_clients',
      id: `cut:${server}`,
      server,
      whom: 'all',
      after: situation.routes.map((r) => `withdraw:${r}`),
      ...common,
    },
    {
      kind: 'semi_sync_source',
      id: `source_off:${server}`,
      server,
      to: 'off',
      waitCount: 0,
      after: [`cut:${server}`],
      needs: [`cut:${server}`],
      ...common,
      ...sourceBackOn(situation),
    },
    {
      kind: 'close_server',
      id: `close:${server}`,
      server,
      lockWaitS: 1,
      after: [`source_off:${server}`],
      needs: [`source_off:${server}`],
      ...common,
      ...openedAgain(situation),
    },
    ...(leaksWhenClosed(situation.topology)
      ? [bar(server, { after: [`close:${server}`], needs: [`close:${server}`], ...common })]
      : []),
  ]
}

/** One that takes no writes is not opened by an undo: whoever closed it may be in the middle of something. */
export function openedAgain(situation: Situation): { readonly undo?: StepBody } {
  const { subject: server } = situation
  const status = answering(situation, server)
  return status && !takesWrites(status.access) ? {} : { undo: { kind: 'open_server', server } }
}

function sourceBackOn(situation: Situation): { readonly undo?: StepBody } {
  const semiSync = situation.lastReading?.status.semiSync
  if (semiSync?.kind !== 'present' || !semiSync.source.enabled) return {}
  return {
    undo: { kind: 'semi_sync_source', server: situation.subject, to: 'on', waitCount: semiSync.source.waitCount },
  }
}

/** Of a living primary that is replaced. */
export const fencingRisks = (situation: Situation): readonly Risk[] =>
  situation.subjectState === 'answers' ? [...privilegedRisks(situation), ...betweenRisks(situation)] : []

const privilegedRisks = ({ topology, subject }: Situation): readonly Risk[] =>
  leaksWhenClosed(topology)
    ? [privilegedRisk(subject, 'nobody is seen writing there for a moment before another server opens')]
    : []

/** What the demanded level leaves open of whoever must not take writes, until Regent sees it writing and closes it: named before it is risked. */
export const unfencedRisks = (those: readonly Unfenced[], { startsReadOnly }: Policy): readonly Risk[] =>
  those.flatMap(({ server, state, demand }): readonly Risk[] => {
    const beside = `write there beside the new primary until it is closed, and what ${server} answers them is not on the new one`
    const unproven = `no proof is demanded that ${server} takes no writes: clients that reach it may ${beside}`
    if (demand.atLeast === 'none') return [{ code: 'not_fenced', says: unproven }]
    // Neither a stop nor read-only outlives a start, and of one that answers read-only stands for routes where these are not demanded too.
    const lasts = demand.alsoRoutes || demand.atLeast === 'off'
    if (state === 'silent' || startsReadOnly || lasts) return []
    const says = `${server} may start writable: once it is started again, clients that reach it, beside the routes or by one that was not withdrawn, ${beside}`
    return [{ code: 'may_start_writable', says }]
  })

interface Unfenced {
  readonly server: ServerId
  readonly state: SubjectState
  readonly demand: FenceDemand
}

/** Only routes keep a client that was cut from coming back before the closing; what it is then answered no replica need have. */
function betweenRisks({ policy, routes, subject, lastReading }: Situation): readonly Risk[] {
  const semiSync = lastReading?.status.semiSync
  const waits = semiSync?.kind === 'present' && semiSync.source.enabled
  const routesAreDemanded = policy.fence.kind !== 'at_least' || policy.fence.level === 'routes'
  if (!waits || (policy.routesAreComplete && routes.length > 0 && routesAreDemanded)) return []
  const says = `clients that reach ${subject} beside the routes may come back between the end of its waiting for acknowledgements and its closing: what it answers them then may be lost`
  return [{ code: 'unproven_loss', says }]
}
