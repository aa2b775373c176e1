import { errant, receivedWithin } from '../../model/history.ts'
import type { ServerId } from '../../model/ids.ts'
import { type Plan, type Planned, type RefusalReason, refuse } from '../../model/plan.ts'
import { type ServerStatus, takesWrites } from '../../model/server.ts'
import type { Step } from '../../model/step.ts'
import { edgesOf, type Member } from '../../model/topology.ts'
import { bar, leaksWhenClosed } from '../fence/privileged.ts'
import { planAckers, wantedSemiSync } from './ackers.ts'
import { withdrawals } from './fencing.ts'
import { counting, opening, sourceSide } from './gates.ts'
import { newChannelOf } from './naming.ts'
import { answering, plan } from './one-act.ts'
import { type Follower, followers, knownHistories, type Situation } from './situation.ts'

/**
 * Before anything else: a server that must not take writes is closed. The primary of the present reign only where its history went
 * backwards (`Situation.unsound`): what it writes now reuses transactions that its replicas have, and they skip it silently.
 */
export function planFence(situation: Situation): Planned {
  const server = situation.subject
  const reigns = situation.topology.reign?.primary === server
  if (reigns && !situation.unsound)
    return refuse({
      code: 'is_the_primary',
      says: `${server} is the primary of the present reign`,
      tryThis: `regent switchover ${situation.topology.alias}`,
    })
  const status = answering(situation, server)
  if (!status)
    return refuse({
      code: 'not_answering',
      says: `${server} does not answer, so it cannot be closed`,
      tryThis: `regent topology ${situation.topology.alias}`,
    })
  const because = reigns ? 'its history went backwards' : 'it is not the primary of the present reign'
  return plan(
    situation,
    'fence',
    [...(reigns ? withdrawals(situation) : []), ...fencingSteps(situation, status)],
    because,
  )
}

/**
 * Where commits wait for acknowledgements, clients are cut first, only then semi-sync goes off, then it is closed: another order
 * answers OK for rows that no replica has. Where none wait, it is closed at once: clients that reconnect cannot delay that. It is
 * proven closed when whom read-only does not hold is gone as well; where that fails it stays as closed as it is.
 */
function fencingSteps(situation: Situation, status: ServerStatus): readonly Step[] {
  const server = situation.subject
  const common = { deadlineMs: 5000, ifItFails: 'stop' } as const
  const waits = status.semiSync.kind === 'present' && status.semiSync.source.enabled
  const cut: Step = { kind: 'cut_clients', id: `cut:${server}`, server, whom: 'all', after: [], ...common }
  const off: Step = {
    kind: 'semi_sync_source',
    id: `source_off:${server}`,
    server,
    to: 'off',
    waitCount: 0,
    after: [cut.id],
    needs: [cut.id],
    ...common,
  }
  const close: Step = { kind: 'close_server', id: `close:${server}`, server, lockWaitS: 2, after: [], ...common }
  const ordered: readonly Step[] = waits
    ? [cut, off, { ...close, after: [off.id], needs: [off.id] }]
    : [close, { ...cut, after: [close.id], ifItFails: 'go_on' }]
  const before = ordered.slice(-1).map((s) => s.id)
  return [...ordered, ...barAfter(situation, before)]
}

/** What still grows cannot be compared, and would carry its own writes into the present reign. */
const barAfter = ({ topology, subject }: Situation, after: readonly string[]): readonly Step[] =>
  leaksWhenClosed(topology) ? [bar(subject, { after, deadlineMs: 5000, ifItFails: 'stop' })] : []

const CLOSED_FIRST =
  'it takes writes: it is closed first, then compared as it then is, and follows if it has nothing that the present reign lacks'

/** The first half of a rejoin: the server was found taking writes. */
export const isOnlyClosing = (plan: Plan): boolean =>
  plan.kind === 'rejoin' && !plan.steps.some((s) => s.kind === 'attach')

/** A returned server follows the present primary again, if it has nothing that the present reign lacks. */
export function planRejoin(situation: Situation): Planned {
  const { reign, alias } = situation.topology
  const server = situation.subject
  const status = answering(situation, server)
  const primary = reign && answering(situation, reign.primary)
  if (!reign || !primary)
    return refuse({
      code: 'no_primary',
      says: 'there is no primary that answers to rejoin',
      tryThis: `regent diagnose ${alias}`,
    })
  if (!status)
    return refuse({ code: 'not_answering', says: `${server} does not answer`, tryThis: `regent topology ${alias}` })
  if (server === reign.primary)
    return refuse({ code: 'is_the_primary', says: `${server} is the primary`, tryThis: `regent topology ${alias}` })
  // Its receiver would stop at once (error 1593): refused before anything is changed, also before it is closed.
  if (status.numericId === primary.numericId) return refuse(sameNumericId(server, reign.primary, status.numericId))
  // What still grows cannot be compared: a write that it takes after the look would be carried into the present reign unseen.
  if (takesWrites(status.access)) return plan(situation, 'rejoin', fencingSteps(situation, status), CLOSED_FIRST)
  const surplus = errant(status.history, primary.history, knownHistories(situation))
  if (surplus.kind === 'unprovable')
    return refuse({
      code: 'history_unprovable',
      says: `it cannot be proven that ${server} has nothing which ${reign.primary} lacks: ${surplus.because}`,
      tryThis: `compare by hand, rebuild it, then: regent rejoin ${server}`,
    })
  if (surplus.kind === 'some')
    return refuse({
      code: 'errant_transactions',
      says: `${server} has ${surplus.gtids}, which the present reign never had`,
      tryThis: `it stays fenced. Rebuild it by hand, then regent rejoin ${server}; or regent unfence ${server} --over-reign --reason "…" --for 10m; or regent forget ${server}`,
      errant: { server, gtids: surplus.gtids },
    })
  const barred = barAfter(situation, [])
  const fencing = [
    ...barred,
    ...sourceOff(
      situation,
      status,
      barred.map((s) => s.id),
    ),
  ]
  // The channel that leads to a server of this cluster, and no other: a link to another cluster is not ours to take over.
  const own = edgesOf(situation.topology, server).find((e) => e.source !== undefined)
  const channel = own?.channel.name ?? newChannelOf(situation.topology, server, reign.primary)
  if (!own && status.channels.some((c) => c.name === channel))
    return refuse({
      code: 'channel_in_use',
      says: `the default channel of ${server} receives from a server outside this cluster`,
      tryThis: 'name that channel, or move it, by hand',
    })
  const attach: Step = {
    kind: 'attach',
    id: `attach:${server}`,
    server,
    channel,
    to: reign.primary,
    keepRelayLog: false,
    after: fencing.slice(-1).map((s) => s.id),
    deadlineMs: 10_000,
    ifItFails: 'stop',
  }
  return plan(situation, 'rejoin', [...fencing, attach], 'everything it has executed is part of the present reign')
}

/** What is expected to follow the closing of a server that takes writes: as it would be if it had, once closed, what it has now. */
export function planRejoinOnceClosed(situation: Situation): Planned {
  const members = situation.topology.members.map((m): Member => {
    const { latest } = m.sighting
    if (m.id !== situation.subject || latest.kind !== 'answered') return m
    return {
      ...m,
      sighting: { ...m.sighting, latest: { ...latest, status: { ...latest.status, access: 'closed_to_clients' } } },
    }
  })
  return planRejoin({ ...situation, topology: { ...situation.topology, members } })
}

const sameNumericId = (server: ServerId, primary: ServerId, numericId: number): RefusalReason => ({
  code: 'same_server_id',
  says: `${server} and ${primary} have the same server_id (${numericId}): it could receive nothing from there`,
  tryThis: `give ${server} a server_id of its own in its configuration, restart it, then: regent rejoin ${server}`,
})

/** A source side left from its time as primary makes the applier of a replica wait for ever. */
function sourceOff(situation: Situation, status: ServerStatus, after: readonly string[]): readonly Step[] {
  if (status.semiSync.kind !== 'present' || !status.semiSync.source.enabled) return []
  const server = situation.subject
  return [
    {
      kind: 'semi_sync_source',
      id: `source_off:${server}`,
      server,
      to: 'off',
      waitCount: 0,
      after,
      deadlineMs: 5000,
      ifItFails: 'stop',
    },
  ]
}

/**
 * The primary of the present reign restarted and is read-only: reopened only if no replica received what it now lacks. A primary
 * behind its replicas would reuse their GTIDs, and they would skip its writes silently.
 */
export function planReopen(situation: Situation): Planned {
  const { reign, alias } = situation.topology
  const server = situation.subject
  const status = answering(situation, server)
  if (!reign || reign.primary !== server || !status)
    return refuse({
      code: 'not_the_primary',
      says: `${server} is not the primary of the present reign, or does not answer`,
      tryThis: `regent topology ${alias}`,
    })
  const found = followers(situation)
  const ahead = found.filter(
    (f) => receivedWithin(f.status.history, status.history, knownHistories(situation)) !== 'yes',
  )
  if (ahead.length > 0)
    return refuse({
      code: 'behind_its_replicas',
      says: `${ahead.map((f) => f.id).join(', ')} may have received what ${server} now lacks`,
      tryThis: `regent failover ${alias}`,
    })
  const reader = {
    ...situation,
    lastReading: situation.lastReading ?? { status, ageMs: 0, at: situation.topology.at, earlier: [] },
  }
  const wanted = wantedSemiSync(reader)
  const receiving = found.filter((f) => f.channel.receiver !== 'stopped')
  const enough = wanted.kind === 'off' || receiving.length >= wanted.waitCount
  const ackers = planAckers(reader, { id: server }, enough ? receiving : found)
  if (ackers.kind === 'refusal') return ackers
  const woken = enough ? [] : receiversStarted(ackers.ackers)
  const source = sourceSide(situation, server, ackers, [])
  const counted = counting(
    server,
    ackers,
    [...woken, ...source].map((s) => s.id),
    10_000,
  )
  const gates = [...woken, ...source, ...counted]
  return plan(
    situation,
    'reopen',
    [
      ...gates,
      ...opening(
        situation,
        server,
        gates.map((s) => s.id),
      ),
    ],
    `no replica received what it lacks; wanted semi-sync: ${wanted.kind}`,
  )
}

/**
 * A failover that was taken back while a replica did not answer left that one's receiver stopped. Its applier runs, so that starting it
 * deletes nothing; without it the primary would open and no commit would ever end.
 */
const receiversStarted = (ackers: readonly Follower[]): readonly Step[] =>
  ackers
    .filter((f) => f.channel.receiver === 'stopped')
    .map((f) => ({
      kind: 'unseal',
      id: `unseal:${f.id}`,
      server: f.id,
      channel: f.channel.name,
      after: [],
      deadlineMs: 2000,
      ifItFails: 'go_on',
    }))
