import { receivedWithin } from '../../model/history.ts'
import { type Planned, type RefusalReason, type Risk, refuse } from '../../model/plan.ts'
import { takesWrites } from '../../model/server.ts'
import type { Step } from '../../model/step.ts'
import { edgesOf, member } from '../../model/topology.ts'
import { opening } from './gates.ts'
import { answering, plan } from './one-act.ts'
import { acknowledging } from './raise.ts'
import { followers, knownHistories, type Situation } from './situation.ts'

/** A person opens a server by name. What would do harm is refused, until it, too, is accepted by name, and then named as a risk. */
export function planUnfence(situation: Situation): Planned {
  const { subject: server } = situation
  const reasons = [
    ...(situation.overReign ? [] : againstTwoPrimaries(situation)),
    ...(situation.overHistory ? [] : againstReuse(situation)),
  ]
  if (reasons.length > 0) return refuse(...reasons)
  const open: Step = {
    kind: 'open_server',
    id: `open:${server}`,
    server,
    after: [],
    deadlineMs: 5000,
    ifItFails: 'stop',
  }
  const lower = isMinted(situation) ? lowered(situation) : undefined
  const steps = isMinted(situation) ? reigning(situation, lower ? [lower] : []) : [open]
  const planned = plan(situation, 'unfence', steps, 'a person opens it by name')
  const accepted = [...againstTwoPrimaries(situation), ...againstReuse(situation)]
  const risks = [
    ...accepted.map(({ code, says }) => ({ code, says })),
    ...unprovenRisks(situation),
    ...(lower ? [fewerAckers(lower)] : []),
  ]
  return planned.kind === 'plan' ? { kind: 'plan', plan: { ...planned.plan, risks } } : planned
}

/** The winner of a reign that is only being opened: opened by name it reigns, for nobody else would end what it waits for. */
const isMinted = ({ topology: { reign }, subject }: Situation): boolean =>
  reign?.state === 'opening' && reign.primary === subject

/** As any winner it forgets by which it followed those before it: a restart would let in what they wrote since. */
function reigning(situation: Situation, before: readonly Step[]): readonly Step[] {
  const { topology, subject: server } = situation
  const opened = opening(
    situation,
    server,
    before.map((s) => s.id),
  )
  const after = opened.flatMap((s) => (s.kind === 'announce' || s.kind === 'crown' ? [s.id] : []))
  const resets = edgesOf(topology, server)
    .filter((e) => e.source !== undefined)
    .map(({ channel: { name: channel } }): Step => {
      const id = `reset:${server}${channel === '' ? '' : `:${channel}`}`
      return { kind: 'reset_channel', id, server, channel, after, deadlineMs: 10_000, ifItFails: 'go_on' }
    })
  return [...before, ...opened, ...resets]
}

/** What kept it closed may be that too few acknowledge: opened as it stands, it would answer no client. */
function lowered(situation: Situation): Step<'semi_sync_source'> | undefined {
  const { topology, subject: server, policy } = situation
  const semiSync = answering(situation, server)?.semiSync
  if (semiSync?.kind !== 'present' || !semiSync.source.enabled) return undefined
  const waitCount = acknowledging(topology, server)
  if (waitCount >= semiSync.source.waitCount) return undefined
  return {
    kind: 'semi_sync_source',
    id: `source_${waitCount === 0 ? 'off' : 'on'}:${server}`,
    server,
    to: waitCount === 0 ? 'off' : 'on',
    waitCount,
    after: [],
    deadlineMs: policy.attachDeadlineMs,
    ifItFails: 'stop',
  }
}

const fewerAckers = ({ server, waitCount }: Step<'semi_sync_source'>): Risk => ({
  code: 'fewer_ackers',
  says: `${server} waits for ${waitCount === 0 ? 'no acknowledgement' : `${waitCount} acknowledgements only`}, until enough are attached`,
})

function unprovenRisks(situation: Situation): readonly Risk[] {
  if (!isMinted(situation)) return []
  const { subject, topology } = situation
  return [
    {
      code: 'winner_unproven',
      says: `${subject} reigns (epoch ${topology.reign?.epoch}) without proof that a primary before it takes no writes, and without a look at what it may lack`,
    },
  ]
}

function againstTwoPrimaries(situation: Situation): readonly RefusalReason[] {
  const { subject: server, topology } = situation
  const { reign, alias, members } = topology
  const opening = reign?.state === 'opening' && member(topology, reign.primary)?.sighting.latest.kind !== 'answered'
  const way = `regent unfence ${server} --over-reign${opening ? ' --abandon' : ''} --reason "…" --for 10m`
  const lasting = `for good: regent adopt ${alias} --server ${server} --open --over-reign --abandon --reason "…"`
  if (reign && reign.primary !== server)
    return [
      {
        code: 'another_reign',
        says: `${reign.primary} reigns (epoch ${reign.epoch}): opening ${server} would make two primaries`,
        tryThis: `${way}, or ${opening ? lasting : `once it follows cleanly: regent switchover ${alias} --to ${server}`}`,
      },
    ]
  const writing = members.filter(
    ({ id, sighting }) =>
      id !== server && sighting.latest.kind === 'answered' && takesWrites(sighting.latest.status.access),
  )
  if (writing.length === 0) return []
  return [
    {
      code: 'other_writable',
      says: `${writing.map((m) => m.id).join(', ')} takes writes: opening ${server} would make two primaries`,
      tryThis: `regent fence ${writing[0]?.id}, or: ${way}`,
    },
  ]
}

/** Not of another reign's server: whether its history is a part of theirs is the least that is wrong with opening that one. */
function againstReuse(situation: Situation): readonly RefusalReason[] {
  const { subject: server, topology } = situation
  const status = answering(situation, server)
  if (!status || (topology.reign && topology.reign.primary !== server)) return []
  const ahead = followers(situation).filter(
    (f) => receivedWithin(f.status.history, status.history, knownHistories(situation)) !== 'yes',
  )
  if (ahead.length === 0) return []
  const names = ahead.map((f) => f.id).join(', ')
  return [
    {
      code: 'gtids_reused',
      says: `${names} may have received what ${server} lacks: ${server} would give the GTIDs of those transactions to new writes, and ${names} would skip these silently`,
      tryThis: `regent failover ${topology.alias}, or, at this price: regent unfence ${server} --over-history --reason "…" --for 10m`,
    },
  ]
}
