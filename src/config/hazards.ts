import type { ClusterConfig, RegentConfig } from '../model/cluster.ts'
import { printDuration } from '../model/duration.ts'
import { DEFAULT_POLICY } from '../model/policy.ts'
import type { Complaint } from './complaint.ts'

/** MySQL keeps a channel's password in 32 characters; a longer one is refused at CHANGE, that is, during a recovery. */
const LONGEST_CHANNEL_PASSWORD = 32

/** What is allowed and unwise: told as warnings. */
export const hazardsOf = (config: RegentConfig): readonly Complaint[] => config.clusters.flatMap(clusterHazards)

function clusterHazards(cluster: ClusterConfig): readonly Complaint[] {
  const at = ['clusters', cluster.alias]
  const { policy, monitor, replication } = cluster
  const hazards: Complaint[] = []
  if (monitor.user === replication.user) {
    hazards.push({
      path: [...at, 'users', 'replication'],
      what: `monitor and replication are one account, ${monitor.user}`,
      fix: 'give replication an account of its own: its password is stored on every replica',
    })
  }
  if (replication.password.length > LONGEST_CHANNEL_PASSWORD) {
    hazards.push({
      path: [...at, 'users', 'replication'],
      what: `the replication password has more than ${LONGEST_CHANNEL_PASSWORD} characters, which MySQL refuses for a channel`,
      fix: `choose one of at most ${LONGEST_CHANNEL_PASSWORD}`,
    })
  }
  if (policy.heartbeatMs > DEFAULT_POLICY.heartbeatMs) {
    hazards.push({
      path: [...at, 'policy', 'heartbeat'],
      what: `with a heartbeat of ${printDuration(policy.heartbeatMs)} an idle replica cannot tell in time whether it hears its primary`,
      fix: `write ${printDuration(DEFAULT_POLICY.heartbeatMs)} or less`,
    })
  }
  if (policy.silenceWindowMs < policy.lookEveryMs + policy.suspectAfterMs) {
    hazards.push({
      path: [...at, 'policy', 'silence_window'],
      what: `a silence window of ${printDuration(policy.silenceWindowMs)} leaves no room for a second look`,
      fix: `write at least ${printDuration(policy.lookEveryMs + policy.suspectAfterMs)} (look_every + suspect_after)`,
    })
  }
  if (policy.loss.kind === 'proven' && policy.semiSync.kind === 'off') {
    hazards.push({
      path: [...at, 'policy', 'loss'],
      what: 'loss must be proven to be nothing, and semi-sync, which alone proves it, is off: every failover will be refused',
      fix: 'write semi_sync: {wait_count: 1}, or loss: {at_most: 10s}',
    })
  }
  return hazards
}
