import type { Client, ClusterJson, QuestionJson, RecoveryJson, ServerJson } from '../src/faces/api/contract.ts'
import { ProblemError, problem } from '../src/model/problem.ts'

/** Answers of a client, made up: for tests of what each face makes of them. */

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
  orders: [],
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

const AN_ACT2 = {
  version: 1,
  recovery: 'r-9',
  cluster: 'c-1',
  kind: 'failover',
  act: 2,
  subject: 'id-of-db1:3306',
  because: 'no acknowledged write is lost',
  steps: [{ kind: 'open_server', id: 'open:id-of-db3:3306', after: [] }],
  ranking: [],
  risks: [],
  fence: { demand: { atLeast: 'stopped', alsoRoutes: false }, because: 'it refuses' },
} as unknown as QuestionJson['plan']['plan']

/** Act 2 would lead to another winner than was shown. */
export const aQuestion = (more: Partial<QuestionJson> = {}): QuestionJson => ({
  id: 'r-9',
  at: 1_700_000_000_000,
  until: 1_700_000_030_000,
  differs: [{ kind: 'other_winner', says: 'db3:3306 becomes the primary, not db2:3306' }],
  plan: {
    kind: 'plan',
    plan: AN_ACT2,
    lines: ['open db3:3306'],
    names: { 'id-of-db1:3306': 'db1:3306', 'id-of-db3:3306': 'db3:3306' },
  },
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
    run: (name, command) => noted({ kind: 'done', id: 'r-1', says: 'done', left: [] }, 'run', name, command),
    question: async () => undefined,
    answer: async (id, yes) => void asked.push(['answer', id, yes]),
    pause: (name, order) => noted(undefined, 'pause', name, order),
    resume: (name) => noted(undefined, 'resume', name),
    forget: (name, server) => noted(undefined, 'forget', name, server),
    history: (name, limit) => noted([aRecovery()], 'history', name, limit),
    recovery: async (id) => aRecovery({ id }),
    end: async () => undefined,
    ...more,
  }
}
