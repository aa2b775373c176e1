/** What one fault came to, in figures. Pure: readings in, facts out. Times are wall times of one machine, in ms. */
import { errant, parseHistory } from '../../../model/history.ts'
import type { ClusterJson, EventJson, RecoveryJson, ServerJson } from '../../api/contract.ts'

/** What `demo --once --json` prints last. Figures that were never reached are null. */
export interface DemoJson {
  readonly server: string
  readonly version: string
  readonly fault: string
  readonly failedOver: boolean
  /** The longest time without an acknowledgement, as the writer felt it. */
  readonly outageMs: number | null
  /** From the fault to the verdict on which Regent acted. */
  readonly detectedMs: number | null
  /** From the fault to the opening of the new primary. */
  readonly promotedMs: number | null
  readonly acknowledged: number
  readonly lost: number
  readonly rejoined: boolean
  /** GTIDs that only the returned server has. */
  readonly errant: readonly string[]
  readonly errors: readonly string[]
}

/** Good news only: the exit code of a script depends on it. */
export const succeeded = (facts: DemoJson): boolean =>
  facts.failedOver && facts.lost === 0 && (facts.rejoined || facts.errant.length > 0) && facts.errors.length === 0

/** What has been told since a fault. */
export interface Told {
  readonly verdictAt?: number
  readonly recovery?: RecoveryJson
}

/** The first verdict that demands a failover counts, and the failover that began after the fault. */
export function heard(told: Told, event: EventJson, faultAt: number): Told {
  if (event.kind === 'verdict' && event.at >= faultAt && told.verdictAt === undefined)
    return event.diagnosis.primary.remedy === 'fail_over' ? { ...told, verdictAt: event.at } : told
  if (event.kind !== 'recovery') return told
  const { recovery } = event
  return recovery.kind === 'failover' && recovery.startedAt >= faultAt ? { ...told, recovery } : told
}

const OVER: readonly string[] = ['done', 'failed', 'undone', 'refused']
export const isOver = (recovery: RecoveryJson | undefined): recovery is RecoveryJson =>
  recovery !== undefined && OVER.includes(recovery.state)

/** When the new primary was open, by the record of the recovery. */
export function openedAt(recovery: RecoveryJson | undefined): number | undefined {
  const open = recovery?.plans.flatMap((plan) => plan.steps.filter((step) => step.kind === 'open_server')).at(-1)
  const step = recovery?.steps.find(
    ({ key, state }) => open !== undefined && key === `2/${open.id}` && state === 'done',
  )
  return step?.startedAt === undefined || step.tookMs === undefined ? undefined : step.startedAt + step.tookMs
}

export type Returned =
  | { readonly kind: 'rejoined' }
  /** It takes no writes, and has what nobody acknowledged. */
  | { readonly kind: 'fenced'; readonly errant: readonly string[]; readonly because: string }
  | { readonly kind: 'not_yet'; readonly says: string }

/** How a server that was restarted stands now. `refusal`: what Regent said when it did not let it rejoin. */
export function returnedAs(cluster: ClusterJson, address: string, refusal: string | undefined): Returned {
  const server = cluster.servers.find((one) => one.address === address)
  const primary = cluster.servers.find((one) => one.address === cluster.primary)
  if (server?.look !== 'answered' || !primary) return { kind: 'not_yet', says: `${address} is not seen yet` }
  const follows = server.sources.find(({ from }) => from === primary.address)
  if (server.access === 'writable') return { kind: 'not_yet', says: `${address} takes writes` }
  if (follows?.receiver === 'running' && follows.applier === 'running') return { kind: 'rejoined' }
  const surplus = surplusOf(server, primary)
  const because = refusal ?? server.findings.find(({ finding }) => finding === 'errant_transactions')?.because
  if (because !== undefined && surplus.length > 0) return { kind: 'fenced', errant: surplus, because }
  return { kind: 'not_yet', says: `${address} follows nobody yet${because === undefined ? '' : `: ${because}`}` }
}

function surplusOf(server: ServerJson, primary: ServerJson): readonly string[] {
  const [own, reference] = [parseHistory(server.gtid ?? ''), parseHistory(primary.gtid ?? '')]
  if (!own.ok || !reference.ok) return []
  const surplus = errant(own.value, reference.value)
  if (surplus.kind === 'none') return []
  return eachGtid(surplus.kind === 'some' ? surplus.gtids : surplus.suspects)
}

/** Longer ranges are left as ranges: nobody reads ten thousand lines. */
const LONGEST_LIST = 1000

/** `uuid:5-7` as three GTIDs; MariaDB's `0-1-100..102` likewise. What cannot be taken apart stays as it is. */
export function eachGtid(text: string): readonly string[] {
  return text
    .split(',')
    .filter((part) => part !== '')
    .flatMap((part) => (part.includes(':') ? eachOfSet(part) : eachOfRange(part)))
}

function eachOfSet(part: string): readonly string[] {
  const [uuid = '', ...rest] = part.split(':')
  let tag = ''
  return rest.flatMap((piece) => {
    if (!/^\d/.test(piece)) {
      tag = `${piece}:`
      return []
    }
    const [from = piece, to = from] = piece.split('-')
    return numbers(from, to)?.map((n) => `${uuid}:${tag}${n}`) ?? [`${uuid}:${tag}${piece}`]
  })
}

function eachOfRange(part: string): readonly string[] {
  const match = /^(\d+-\d+)-(\d+)\.\.(\d+)$/.exec(part)
  if (!match) return [part]
  const [, prefix, from = '', to = ''] = match
  return numbers(from, to)?.map((n) => `${prefix}-${n}`) ?? [part]
}

function numbers(from: string, to: string): readonly bigint[] | undefined {
  const [first, last] = [BigInt(from), BigInt(to)]
  if (last < first || last - first >= BigInt(LONGEST_LIST)) return undefined
  return Array.from({ length: Number(last - first) + 1 }, (_, i) => first + BigInt(i))
}
