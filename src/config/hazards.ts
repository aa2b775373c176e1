import type { ClusterConfig, RegentConfig } from '../model/cluster.ts'
import { printDuration } from '../model/duration.ts'
import { DEFAULT_POLICY, type Policy } from '../model/policy.ts'
import type { Complaint } from './complaint.ts'
import { isReadBack } from './refusals.ts'

/** MySQL takes 32 characters for the password of a channel (MariaDB 96); a longer one is refused at CHANGE, that is, during a recovery. */
const LONGEST_CHANNEL_PASSWORD = 32

/** What is allowed and unwise: told as warnings. */
export const hazardsOf = (config: RegentConfig): readonly Complaint[] => config.clusters.flatMap(clusterHazards)

interface Hazard {
  readonly at: readonly (string | number)[]
  readonly what: string
  readonly fix: string
}

function clusterHazards(cluster: ClusterConfig): readonly Complaint[] {
  const hazards = [...accountHazards(cluster), ...policyHazards(cluster.policy), ...routeHazards(cluster)]
  return hazards.map(({ at, what, fix }) => ({ path: ['clusters', cluster.alias, ...at], what, fix }))
}

function* accountHazards({ monitor, replication }: ClusterConfig): Generator<Hazard> {
  const at = ['users', 'replication']
  if (monitor.user === replication.user) {
    const fix = 'give replication an account of its own: its password is stored on every replica'
    yield { at, what: `monitor and replication are one account, ${monitor.user}`, fix }
  }
  if (replication.password.length > LONGEST_CHANNEL_PASSWORD) {
    const what = `the replication password has more than ${LONGEST_CHANNEL_PASSWORD} characters, which MySQL refuses for a channel`
    yield { at, what, fix: `choose one of at most ${LONGEST_CHANNEL_PASSWORD}` }
  }
}

function* policyHazards(policy: Policy): Generator<Hazard> {
  if (policy.heartbeatMs > DEFAULT_POLICY.heartbeatMs) {
    const what = `with a heartbeat of ${printDuration(policy.heartbeatMs)} an idle replica cannot tell in time whether it hears its primary`
    yield { at: ['policy', 'heartbeat'], what, fix: `write ${printDuration(DEFAULT_POLICY.heartbeatMs)} or less` }
  }
  const twoLooks = policy.lookEveryMs + policy.suspectAfterMs
  if (policy.silenceWindowMs < twoLooks) {
    const what = `a silence window of ${printDuration(policy.silenceWindowMs)} leaves no room for a second look`
    yield {
      at: ['policy', 'silence_window'],
      what,
      fix: `write at least ${printDuration(twoLooks)} (look_every + suspect_after)`,
    }
  }
  if (policy.loss.kind === 'proven' && policy.semiSync.kind === 'off') {
    const what =
      'loss must be proven to be nothing, and semi-sync, which alone proves it, is off: every failover will be refused'
    yield { at: ['policy', 'loss'], what, fix: 'write semi_sync: {wait_count: 1}, or loss: {at_most: 10s}' }
  }
}

function* routeHazards({ routes }: ClusterConfig): Generator<Hazard> {
  for (const [index, route] of routes.entries()) {
    if (isReadBack(route)) continue
    const what = `route ${route.name} cannot be read back, so its withdrawal is never proven`
    yield { at: ['routes', index], what, fix: 'give it a read: program' }
  }
}
