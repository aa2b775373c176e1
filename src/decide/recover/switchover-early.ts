import type { Refusal } from '../../model/plan.ts'
import type { Step } from '../../model/step.ts'
import { member } from '../../model/topology.ts'
import { type AckerPlan, planAckers, wantedSemiSync } from './ackers.ts'
import { attachStep, keepsRelayLog } from './gates.ts'
import { newChannelOf } from './naming.ts'
import type { Follower, Situation } from './situation.ts'

/** Where the other replicas are too few (1+1), the old primary, closed and with its source side off, is an acker before the opening. */
export function enoughAckers(situation: Situation, winner: Follower, found: readonly Follower[]): AckerPlan | Refusal {
  const among = planAckers(situation, winner, found)
  const wanted = wantedSemiSync(situation)
  if (wanted.kind === 'off' || (among.kind === 'ackers' && among.waitCount >= wanted.waitCount)) return among
  const old = member(situation.topology, situation.subject)
  if (old?.sighting.latest.kind !== 'answered') return among
  const asAcker: Follower = {
    member: old,
    id: old.id,
    status: old.sighting.latest.status,
    channel: { ...winner.channel, name: newChannelOf(situation.topology, old.id, old.id) },
  }
  return planAckers(situation, winner, [...found, asAcker])
}

/** Moved before the closing only while the old primary keeps its own wait count of others attached. */
export function earlyAckers(
  situation: Situation,
  winner: Follower,
  found: readonly Follower[],
  ackers: AckerPlan,
): readonly Follower[] {
  const others = found.filter(
    (f) => f.id !== winner.id && f.channel.receiver === 'running' && f.channel.applier === 'running',
  )
  const acknowledging = (f: Follower): boolean =>
    f.channel.receiver === 'running' && f.status.semiSync.kind === 'present' && f.status.semiSync.replicaEnabled
  const keeps = found.filter(acknowledging).length - ackers.ackers.length
  const source = situation.lastReading?.status.semiSync
  const needed = source?.kind === 'present' && source.source.enabled ? source.source.waitCount : 0
  return keeps >= needed && ackers.ackers.every((a) => others.some((o) => o.id === a.id)) ? ackers.ackers : []
}

/** MariaDB's acker must not have applied more than the winner has: it is sealed, drained, stopped, and waits for the winner first. */
export function movingEarly(situation: Situation, winner: Follower, acker: Follower): readonly Step[] {
  const server = acker.id
  const channel = acker.channel.name
  const deadlineMs = situation.policy.switchoverBoundMs
  const back = { kind: 'attach', server, channel, to: situation.subject, keepRelayLog: false } as const
  if (keepsRelayLog(acker))
    return [
      {
        ...attachStep(situation, acker, { to: winner.id, after: [], keepRelayLog: true, ifItFails: 'stop' }),
        undo: back,
      },
    ]
  const stop = { ifItFails: 'stop', deadlineMs } as const
  return [
    {
      kind: 'seal',
      id: `seal:${server}`,
      server,
      channel,
      killAfterMs: situation.policy.sealKillAfterMs,
      after: [],
      ...stop,
      undo: { kind: 'unseal', server, channel },
    },
    { kind: 'drain', id: `drain:${server}`, server, channel, after: [`seal:${server}`], ...stop },
    {
      kind: 'stop_applier',
      id: `stop_applier:${server}`,
      server,
      channel,
      rollBack: false,
      after: [`drain:${server}`],
      ...stop,
      undo: { kind: 'start_applier', server, channel },
    },
    {
      kind: 'reach',
      id: `reach:${winner.id}:${server}`,
      server: winner.id,
      channel: winner.channel.name,
      of: server,
      after: [`stop_applier:${server}`],
      ...stop,
    },
    {
      ...attachStep(situation, acker, {
        to: winner.id,
        after: [`reach:${winner.id}:${server}`],
        keepRelayLog: false,
        ifItFails: 'stop',
      }),
      undo: back,
    },
  ]
}
