import { printAddress } from '../model/address.ts'
import type { ClusterConfig } from '../model/cluster.ts'
import { printDuration } from '../model/duration.ts'
import type { Policy } from '../model/policy.ts'
import { gapsOf, type SemiSyncGap, SHORTEST_TIMEOUT_MS } from '../model/semi-sync.ts'
import { type SemiSyncSource, type ServerStatus, takesWrites } from '../model/server.ts'
import type { Flavour } from '../model/version.ts'
import type { Finding, Learnt } from './learnt.ts'

/** Where the policy relies on semi-sync, or a server waits for acknowledgements: what keeps it from proving anything. */
export function semiSyncFindings({ alias, policy }: ClusterConfig, learnt: readonly Learnt[]): readonly Finding[] {
  const demanded = policy.loss.kind === 'proven' || policy.semiSync.kind === 'wait_count'
  const inUse = policy.semiSync.kind !== 'off' && learnt.some(({ status }) => status && sourceOf(status)?.enabled)
  if (!demanded && !inUse) return []
  return learnt.flatMap(({ server, status }): readonly Finding[] => {
    if (!status) return []
    const about = printAddress(server)
    const source = sourceOf(status)
    if (source) return gapFindings(about, { policy, status, source })
    if (!demanded) return []
    const says = `it has no semi-sync, and the policy of ${alias} relies on it`
    return [{ level: 'problem', about, says, tryThis: 'install the semi-sync plugins of source and replica' }]
  })
}

const sourceOf = ({ semiSync }: ServerStatus): SemiSyncSource | undefined =>
  semiSync.kind === 'present' ? semiSync.source : undefined

interface Present {
  readonly policy: Policy
  readonly status: ServerStatus
  readonly source: SemiSyncSource
}

function gapFindings(about: string, { policy, status, source }: Present): readonly Finding[] {
  const words = WORDS[status.version.flavour]
  return gapsOf(source)
    .filter((gap) => matters(gap, policy, status))
    .map((gap): Finding => {
      const { says, tryThis } = GAPS[gap](source, words)
      return { level: 'warning', about, says: `${says}: ${consequence(policy)}`, tryThis }
    })
}

/** Any of them may lead one day, with its own settings; whether it waits now is asked of the one that takes writes. */
function matters(gap: SemiSyncGap, { loss, semiSync }: Policy, { access }: ServerStatus): boolean {
  if (gap !== 'off' && gap !== 'fallen_back') return true
  if (!takesWrites(access)) return false
  // Regent switches it on itself where the policy names a wait count.
  return gap === 'fallen_back' || (loss.kind === 'proven' && semiSync.kind === 'as_found')
}

const consequence = ({ loss }: Policy): string =>
  loss.kind === 'proven'
    ? 'as primary every failover from it would be refused (loss: proven)'
    : 'as primary no failover from it can prove that nothing is lost'

interface Words {
  readonly enabled: string
  readonly timeout: string
  readonly alone: string
  readonly point: string
  readonly replica: string
}

/** As each flavour calls its settings. */
const WORDS: { readonly [F in Flavour]: Words } = {
  mysql: {
    enabled: 'rpl_semi_sync_source_enabled',
    timeout: 'rpl_semi_sync_source_timeout',
    alone: 'rpl_semi_sync_source_wait_no_replica',
    point: 'rpl_semi_sync_source_wait_point',
    replica: 'rpl_semi_sync_replica_enabled',
  },
  mariadb: {
    enabled: 'rpl_semi_sync_master_enabled',
    timeout: 'rpl_semi_sync_master_timeout',
    alone: 'rpl_semi_sync_master_wait_no_slave',
    point: 'rpl_semi_sync_master_wait_point',
    replica: 'rpl_semi_sync_slave_enabled',
  },
}

type Told = Required<Pick<Finding, 'says' | 'tryThis'>>

const GAPS: { readonly [G in SemiSyncGap]: (source: SemiSyncSource, words: Words) => Told } = {
  off: (_, { enabled }) => ({
    says: 'it takes writes, and its semi-sync does not wait for acknowledgements',
    tryThis: `set ${enabled}=ON, also in its configuration`,
  }),
  fallen_back: (_, { replica }) => ({
    says: 'its semi-sync has fallen back to asynchronous, and waits for nobody now',
    tryThis: `let its replicas acknowledge: ${replica}=ON there, then restart their receivers`,
  }),
  after_commit: (_, { point }) => ({
    says: 'its semi-sync waits after the commit, so others see writes that can still be lost',
    tryThis: `set ${point}=AFTER_SYNC`,
  }),
  stops_waiting_alone: (_, { alone }) => ({
    says: 'its semi-sync falls back to asynchronous when too few replicas are attached',
    tryThis: `set ${alone}=ON`,
  }),
  short_timeout: ({ timeoutMs }, { timeout }) => ({
    says: `its semi-sync falls back to asynchronous after ${printDuration(timeoutMs)} without an acknowledgement`,
    tryThis: `set ${timeout} to at least ${SHORTEST_TIMEOUT_MS} (ms): commits then wait for a replica, however long`,
  }),
}
