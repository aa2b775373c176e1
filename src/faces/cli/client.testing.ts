import { ProblemError, problem } from '../../model/problem.ts'
import type { Client, ClusterJson, RecoveryJson, ServerJson } from '../api/contract.ts'

/** Answers of a client, made up: for tests of what the command line makes of them. */

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

/** What was asked of it, in order; `shop` is the only cluster that it knows. */
export interface FakeClient extends Client {
  readonly asked: unknown[]
}

export function aClient(more: Partial<Client> = {}): FakeClient {
  const asked: unknown[] = []
  const known = (name: string): void => {
    if (name !== 'shop' && name !== '') throw new ProblemError(problem('cluster_unknown', { name, known: 'shop' }))
  }
  const noted = async <T>(answer: T, ...what: readonly unknown[]): Promise<T> => {
    asked.push(what)
    known(String(what[1] ?? ''))
    return answer
  }
  return {
    asked,
    clusters: () => noted([aCluster()], 'clusters'),
    cluster: (name) => noted(aCluster(), 'cluster', name),
    explain: (name) =>
      noted(
        {
          alias: 'shop',
          diagnosis: {
            primary: { verdict: 'healthy', row: 'healthy', because: 'x', remedy: 'none', targets: [], evidence: [] },
            replicas: [],
          },
          whyNot: [],
        },
        'explain',
        name,
      ),
    plan: (name, command) => noted({ kind: 'refusal', reasons: [] }, 'plan', name, command),
    run: (name, command) => noted({ kind: 'done', id: 'r-1', says: 'done' }, 'run', name, command),
    pause: (name, order) => noted(undefined, 'pause', name, order),
    resume: (name) => noted(undefined, 'resume', name),
    forget: (name, server) => noted(undefined, 'forget', name, server),
    history: (name, limit) => noted([aRecovery()], 'history', name, limit),
    recovery: async (id) => aRecovery({ id }),
    end: async () => undefined,
    ...more,
  }
}
