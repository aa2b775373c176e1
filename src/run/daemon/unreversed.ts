import { done } from '../../model/outcome.ts'
import type { ServerStatus } from '../../model/server.ts'
import type { Step } from '../../model/step.ts'
import { edgesTo, member, type Topology } from '../../model/topology.ts'
import { OPEN_STATES, type RecoveryRecord } from '../../ports/journal.ts'
import { hadNoEffect } from '../execute/ledger.ts'
import { reverseStep, undoKey } from '../execute/undo.ts'
import type { Office } from './office.ts'
import type { Scene } from './returning.ts'
import { worldFor } from './world.ts'

interface Unreversed {
  readonly record: RecoveryRecord
  readonly step: Step
  /** It is as it was to be, by whoever's hand. */
  readonly settled: boolean
}

/**
 * What recoveries of the present reign that were taken back, or given up before they minted one, did to replicas and could not reverse
 * while these were out of reach. Left so, a receiver stays stopped for good: the primary is open again, and where its commits wait for
 * that replica, no client is ever answered. What somebody else has put right meanwhile is written down as reversed: a person who stops
 * the same receiver later has it stopped.
 */
export async function reverseLeft(office: Office, { topology, books, lease }: Scene): Promise<void> {
  const { reign } = topology
  if (reign?.state !== 'open' || books.openRecovery()) return
  const left = books
    .recoveries()
    .filter((r) => r.startedAt >= reign.at)
    .flatMap((record) => unreversedOf(record, topology))
  for (const { record, step, settled } of left) {
    const { journal, clock } = office
    const asItWas = { step: undoKey(step), startedAt: clock.wall(), tookMs: 0, outcome: done('found reversed') }
    if (settled) journal.stepEnded(record.id, undoKey(step), asItWas)
    else if (books.mayTry(undoKey(step), reign.primary))
      await reverseStep(step, worldFor(office, { recovery: record.id, lease, epoch: reign.epoch }))
  }
  if (left.length === 0) return
  await office.journal.flush()
  await books.reload()
}

function unreversedOf(record: RecoveryRecord, topology: Topology): readonly Unreversed[] {
  if (OPEN_STATES.includes(record.state) || record.plans.some((p) => p.mints !== undefined)) return []
  const find = (key: string) => record.steps.find((s) => s.key === key)
  const isLeft = (step: Step): boolean => {
    const undo = find(undoKey(step))
    if (undo) return undo.record?.outcome.kind !== 'done'
    const began = find(`1/${step.id}`)
    return began !== undefined && !(began.record && hadNoEffect(began.record.outcome))
  }
  const steps = record.plans.filter((p) => p.act === 1).flatMap((p) => p.steps)
  return steps.filter(isLeft).flatMap((step) => {
    const settled = isSettled(step, topology)
    return settled === undefined ? [] : [{ record, step, settled }]
  })
}

/** Undefined: not of a replica, or it does not answer, or it does not follow the primary any more. */
function isSettled({ undo }: Step, topology: Topology): boolean | undefined {
  if (undo === undefined || !('server' in undo) || topology.reign === undefined) return undefined
  const edge = edgesTo(topology, topology.reign.primary).find((e) => e.replica === undo.server)
  const look = member(topology, undo.server)?.sighting.latest
  if (!edge || look?.kind !== 'answered') return undefined
  const { name, receiver, applier, applierError } = edge.channel
  if (undo.kind === 'semi_sync_source') return undo.to === 'off' ? !waits(look.status) : undefined
  // An applier that stopped with an error waits for a person; its receiver must not drop what it holds.
  if (applierError !== undefined || !('channel' in undo) || undo.channel !== name) return undefined
  if (undo.kind === 'unseal') return receiver !== 'stopped'
  return undo.kind === 'start_applier' ? applier === 'running' : undefined
}

const waits = ({ semiSync }: ServerStatus): boolean => semiSync.kind === 'present' && semiSync.source.enabled
