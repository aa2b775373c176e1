import type { ClusterJson, RecoveryJson, ServerJson } from '../../api/contract.ts'

/** Small clusters and recoveries for the page's own tests. */

export const aServer = (address: string, more: Partial<ServerJson> = {}): ServerJson => ({
  id: `id-of-${address}`,
  address,
  role: 'replica',
  health: 'good',
  look: 'answered',
  lookAgeMs: 12,
  sources: [],
  semiSync: { source: false, replica: true, clients: 0, waitCount: 1 },
  site: 'here',
  fenced: false,
  findings: [],
  ...more,
})

export const aCluster = (more: Partial<ClusterJson> = {}): ClusterJson => ({
  alias: 'shop',
  id: 'c-1',
  at: 1_700_000_000_000,
  sentence: 'shop: healthy; db1:3306 leads, 1 replica streams',
  verdict: 'healthy',
  row: 'healthy',
  remedy: 'none',
  because: 'all is well',
  epoch: 3,
  primary: 'db1:3306',
  servers: [aServer('db1:3306', { role: 'primary' }), aServer('db2:3306')],
  routes: [],
  refusals: [],
  ...more,
})

export const aRecovery = (more: Partial<RecoveryJson> = {}): RecoveryJson => ({
  id: 'r-1',
  cluster: 'c-1',
  kind: 'failover',
  subject: 'id-of-db1:3306',
  state: 'done',
  automatic: true,
  startedAt: 1_700_000_000_000,
  because: 'it is dead',
  plans: [],
  steps: [],
  events: [],
  refusals: [],
  names: {},
  ...more,
})
