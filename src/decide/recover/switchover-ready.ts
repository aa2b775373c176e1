import type { ServerId } from '../../model/ids.ts'
import type { Step } from '../../model/step.ts'
import type { AckerPlan } from './ackers.ts'
import { attachStep, counting, keepsRelayLog, sourceSide } from './gates.ts'
import { newChannelOf } from './naming.ts'
import type { Follower, Situation } from './situation.ts'
import { stillClosed } from './switchover-closing.ts'

interface Cast {
  readonly winner: Follower
  readonly ackers: AckerPlan
  readonly early: readonly Follower[]
}

/** The winner applies all that the closed primary executed; only then its applier is stopped and its source side goes on. */
export function readying(situation: Situation, cast: Cast): readonly Step[] {
  const { winner, ackers, early } = cast
  const server = winner.id
  const channel = winner.channel.name
  const bound = situation.policy.switchoverBoundMs
  const common = { server, channel, deadlineMs: bound, ifItFails: 'stop' } as const
  const reach: Step = {
    kind: 'reach',
    id: `reach:${server}`,
    of: situation.subject,
    after: [`close:${situation.subject}`],
    ...common,
  }
  const seal: Step = {
    kind: 'seal',
    id: `seal:${server}`,
    killAfterMs: situation.policy.sealKillAfterMs,
    after: [reach.id],
    ...common,
    undo: { kind: 'unseal', server, channel },
  }
  const stop: Step = {
    kind: 'stop_applier',
    id: `stop_applier:${server}`,
    rollBack: false,
    after: [seal.id],
    ...common,
    undo: { kind: 'start_applier', server, channel },
  }
  const late = ackers.ackers
    .filter((a) => a.id !== situation.subject && !early.some((e) => e.id === a.id))
    .map(
      (a): Step => ({
        ...attachStep(situation, a, {
          to: server,
          after: [reach.id],
          keepRelayLog: keepsRelayLog(a),
          ifItFails: 'stop',
        }),
        undo: { kind: 'attach', server: a.id, channel: a.channel.name, to: situation.subject, keepRelayLog: false },
      }),
    )
  const source = sourceSide(situation, server, ackers, [stop.id]).map(
    (s): Step => ({ ...s, undo: { kind: 'semi_sync_source', server, to: 'off', waitCount: 0 } }),
  )
  const old = ackers.ackers.some((a) => a.id === situation.subject) ? oldAsAcker(situation, server, reach.id) : []
  const attached = [...early.map((e) => `attach:${e.id}`), ...[...late, ...old, ...source].map((s) => s.id)]
  const counted = counting(server, ackers, attached, bound)
  const ready = [stop, ...late, ...old, ...source, ...counted]
  return [
    reach,
    seal,
    ...ready,
    ...stillClosed(
      situation,
      winner,
      ready.map((s) => s.id),
    ),
  ]
}

/** Its source side goes off before its channel starts: an applier waits for acknowledgements otherwise. */
function oldAsAcker(situation: Situation, winner: ServerId, drained: string): readonly Step[] {
  const server = situation.subject
  const common = { deadlineMs: situation.policy.switchoverBoundMs, ifItFails: 'stop' } as const
  const semiSync = situation.lastReading?.status.semiSync
  const waitCount = semiSync?.kind === 'present' ? semiSync.source.waitCount : 1
  const channel = newChannelOf(situation.topology, server, server)
  return [
    {
      kind: 'semi_sync_source',
      id: `source_off:${server}`,
      server,
      to: 'off',
      waitCount: 0,
      after: [drained],
      ...common,
      undo: { kind: 'semi_sync_source', server, to: 'on', waitCount },
    },
    {
      kind: 'attach',
      id: `attach:${server}`,
      server,
      channel,
      to: winner,
      keepRelayLog: false,
      after: [`source_off:${server}`],
      ...common,
      undo: { kind: 'reset_channel', server, channel },
    },
  ]
}
