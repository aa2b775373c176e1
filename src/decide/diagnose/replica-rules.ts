import type { ReplicaFinding } from '../../model/diagnosis.ts'
import type { ServerId } from '../../model/ids.ts'
import type { Channel } from '../../model/server.ts'

/** What the replicas' table asks of every server that is not the primary. Lag is without intended delay; bounds are folded in. */
export const REPLICA_FACTS = {
  reach: ['answers', 'away'],
  /** Of its channels, the worst. `connecting`: without an error yet. */
  receiver: ['running', 'connecting', 'broken', 'stopped', 'none'],
  applier: ['running', 'broken', 'stopped', 'none'],
  lag: ['within_bound', 'over_bound', 'not_known'],
  access: ['closed', 'writable'],
  /** On causally ordered samples of this server and a primary that answers. */
  errant: ['none', 'some', 'not_known'],
  /** Directly or through others. `not_asked`: there is no primary to follow. */
  follows: ['primary', 'another', 'nobody', 'not_asked'],
  binlog: ['usable', 'off'],
  numericId: ['unique', 'shared'],
  gtid: ['on', 'off'],
} as const

export type ReplicaFactName = keyof typeof REPLICA_FACTS
export type ReplicaFacts = { readonly [F in ReplicaFactName]: (typeof REPLICA_FACTS)[F][number] }

/** For people, in the printed table. */
export const REPLICA_QUESTIONS: { readonly [F in ReplicaFactName]: string } = {
  reach: 'Does it answer?',
  receiver: 'Do its receivers run? The worst of its channels counts.',
  applier: 'Do its appliers run? The worst of its channels counts.',
  lag: 'Is it behind by more than a drain may take, beyond intended delay?',
  access: 'Does it take writes?',
  errant: 'Has it executed what the primary has not?',
  follows: 'Does it follow the primary, directly or through others?',
  binlog: 'Could others follow it?',
  numericId: 'Is its server_id its own?',
  gtid: 'Does it replicate by GTID?',
}

export const REPLICA_FACT_NAMES: readonly ReplicaFactName[] = [
  'reach',
  'receiver',
  'applier',
  'lag',
  'access',
  'errant',
  'follows',
  'binlog',
  'numericId',
  'gtid',
]

export type ReplicaWhen = { readonly [F in ReplicaFactName]?: readonly ReplicaFacts[F][] }

export interface ReplicaRule {
  readonly when: ReplicaWhen
  readonly because: string
  /** Which of its errors the server's own words are taken from. */
  readonly errorOf?: (channel: Channel) => Channel['receiverError']
  /** The fact whose readings are told with it: without them nobody knows what is meant. */
  readonly names?: ReplicaFactName
  readonly tryThis?: (server: ServerId) => string
  /** What is to be tried asks the primary for its history: while that one does not answer, it would only be refused. */
  readonly needsPrimary?: true
}

/** Any number of findings may hold. A server that is away is judged by nothing but that: its old readings are not today's. */
export const REPLICA_RULES: { readonly [F in ReplicaFinding]: ReplicaRule } = {
  unreachable: { when: { reach: ['away'] }, because: 'the server does not answer' },
  receiver_broken: {
    when: { reach: ['answers'], receiver: ['broken'] },
    because: 'a receiver reports an error and gets nothing from its source',
    errorOf: ({ receiver, receiverError }) => (receiver === 'running' ? undefined : receiverError),
    tryThis: (server) =>
      `mend what the error names on ${server} (its source, its login, its server_id); if it must be attached anew: regent rejoin ${server}`,
    needsPrimary: true,
  },
  receiver_stopped: {
    when: { reach: ['answers'], receiver: ['stopped'] },
    because: 'a receiver is stopped without an error: somebody stopped it, or nobody started it',
  },
  applier_broken: {
    when: { reach: ['answers'], applier: ['broken'] },
    because: 'an applier stopped with an error: what is received is not applied',
    errorOf: ({ applier, applierError }) => (applier === 'stopped' ? applierError : undefined),
    tryThis: (server) =>
      `mend what the error names on ${server}, then start its applier there: START REPLICA SQL_THREAD; where its data differ, rebuild it, then: regent rejoin ${server}`,
  },
  applier_stopped: {
    when: { reach: ['answers'], applier: ['stopped'] },
    because: 'an applier is stopped without an error: what is received waits in the relay log',
  },
  lagging: {
    when: { reach: ['answers'], lag: ['over_bound'] },
    because: 'it is further behind than a drain may take, intended delay not counted',
  },
  writable: {
    when: { reach: ['answers'], access: ['writable'] },
    because: 'it takes writes and is not the primary',
    tryThis: (server) => `regent fence ${server}`,
  },
  errant_transactions: {
    when: { reach: ['answers'], errant: ['some'] },
    because: 'it executed transactions that the primary has not',
    names: 'errant',
    tryThis: (server) => `regent plan rejoin ${server} shows them again, and the ways out`,
    needsPrimary: true,
  },
  follows_another: {
    when: { reach: ['answers'], follows: ['another'] },
    because: 'its channels lead to a server that is not, and does not follow, the primary',
    tryThis: (server) => `regent rejoin ${server}`,
    needsPrimary: true,
  },
  follows_nobody: {
    when: { reach: ['answers'], follows: ['nobody'] },
    because: 'it has no channel: it follows nobody',
    tryThis: (server) => `regent rejoin ${server}`,
    needsPrimary: true,
  },
  without_binlog: {
    when: { reach: ['answers'], binlog: ['off'] },
    because:
      'its binlog is off, or it does not log what it applies: nobody could follow it, so it cannot become the primary',
    tryThis: (server) => `start ${server} with log_bin and log_replica_updates (MariaDB: log_slave_updates)`,
  },
  same_server_id: {
    when: { reach: ['answers'], numericId: ['shared'] },
    because: 'another server has the same server_id: each skips the events of the other silently',
    tryThis: (server) => `give ${server} a server_id of its own in its configuration, and restart it`,
  },
  no_gtid: {
    when: { reach: ['answers'], gtid: ['off'] },
    because: 'it replicates by coordinates: histories cannot be compared and it cannot be moved safely',
    tryThis: (server) =>
      `let ${server} replicate by GTID; on MySQL: gtid_mode=ON everywhere, then CHANGE REPLICATION SOURCE TO SOURCE_AUTO_POSITION=1; on MariaDB: CHANGE MASTER TO MASTER_USE_GTID=slave_pos; its replication stopped meanwhile`,
  },
}
