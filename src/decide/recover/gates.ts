import type { ServerId } from '../../model/ids.ts'
import type { Step } from '../../model/step.ts'
import type { AckerPlan } from './ackers.ts'
import type { Follower, Situation } from './situation.ts'

/** Only where the applier runs and the channel positions itself by GTID is a change of host and port alone enough. */
export const keepsRelayLog = (follower: Follower): boolean =>
  follower.status.version.flavour === 'mysql' &&
  follower.channel.applierError === undefined &&
  follower.channel.positioning === 'gtid'

export interface Attaching {
  readonly to: ServerId
  readonly after: readonly string[]
  readonly keepRelayLog: boolean
  readonly ifItFails: 'stop' | 'go_on'
}

export const attachStep = (situation: Situation, follower: Follower, how: Attaching): Step => ({
  kind: 'attach',
  id: `attach:${follower.id}`,
  server: follower.id,
  channel: follower.channel.name,
  deadlineMs: situation.policy.attachDeadlineMs,
  ...how,
})

/** The source side goes on only now: an applier waits for acknowledgements where it is on before the drain has ended. */
export function sourceSide(
  situation: Situation,
  winner: ServerId,
  ackers: AckerPlan,
  after: readonly string[],
): readonly Step[] {
  const off = ackers.waitCount === 0
  // Off, too, is made sure of: left on, it would wait for acknowledgements that nobody sends.
  if (off && ackers.wanted.kind === 'off') return []
  return [
    {
      kind: 'semi_sync_source',
      id: `source_${off ? 'off' : 'on'}:${winner}`,
      server: winner,
      to: off ? 'off' : 'on',
      waitCount: ackers.waitCount,
      after,
      deadlineMs: situation.policy.attachDeadlineMs,
      ifItFails: 'stop',
    },
  ]
}

/** `after`: the attachments and the source side. Enough are seen before the opening, or nothing would commit. */
export function counting(
  winner: ServerId,
  ackers: AckerPlan,
  after: readonly string[],
  deadlineMs: number,
): readonly Step[] {
  if (ackers.waitCount === 0) return []
  return [
    {
      kind: 'count_ackers',
      id: 'count',
      server: winner,
      ackers: ackers.ackers.map((a) => a.id),
      atLeast: ackers.waitCount,
      after,
      deadlineMs,
      ifItFails: 'stop',
    },
  ]
}

/** Open, then tell; the reign is recorded as open beside the telling. */
export function opening(situation: Situation, winner: ServerId, after: readonly string[]): readonly Step[] {
  const open = `open:${winner}`
  return [
    { kind: 'open_server', id: open, server: winner, after, deadlineMs: 2000, ifItFails: 'stop' },
    ...situation.routes.map(
      (route): Step => ({
        kind: 'announce',
        id: `announce:${route}`,
        route,
        server: winner,
        after: [open],
        deadlineMs: Math.max(2000, situation.routeDeadlineMs[route] ?? 0),
        ifItFails: 'go_on',
      }),
    ),
    { kind: 'crown', id: 'crown', server: winner, after: [open], deadlineMs: 2000, ifItFails: 'stop' },
  ]
}
