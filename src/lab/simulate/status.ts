import { EMPTY_POSITION } from '../../model/gtid/mariadb-position.ts'
import type { History } from '../../model/history.ts'
import type { Access, AttachedReplica, Channel, SemiSync, ServerStatus } from '../../model/server.ts'
import type { Version } from '../../model/version.ts'
import type { ModelChannel, ModelServer } from './server.ts'
import { positionOf, setOf, stateOf } from './transaction.ts'
import type { Universe } from './universe.ts'

const VERSIONS: { readonly [K in ModelServer['flavour']]: Version } = {
  mysql: { flavour: 'mysql', numbers: [9, 7, 4], text: '9.7.4' },
  mariadb: { flavour: 'mariadb', numbers: [10, 11, 19], text: '10.11.19-MariaDB' },
}

const DAY_MS = 86_400_000

/** What a look at this server would read at this instant. */
export function statusOf(server: ModelServer, universe: Universe): ServerStatus {
  return {
    id: server.id,
    version: VERSIONS[server.flavour],
    numericId: server.numericId,
    aliases: [],
    uptimeS: Math.floor((universe.timeline.now - server.startedAt) / 1000),
    access: accessOf(server),
    history: historyOf(server),
    channels: server.channel ? [channelOf(server, server.channel, universe)] : [],
    semiSync: semiSyncOf(server, universe),
    attached: attachedTo(server, universe),
    binlog: {
      enabled: true,
      format: 'row',
      rowImage: 'FULL',
      logsReplicaUpdates: true,
      sync: 1,
      flushAtCommit: 1,
      gtid: 'on',
      strict: true,
    },
    connections: { used: 1 + server.sessions.length, max: 500 },
  }
}

/** MariaDB's read-only lets privileged accounts through, and shows nothing of a SET that waits. */
function accessOf(server: ModelServer): Access {
  if (server.access === 'writable') return server.closing && server.flavour === 'mysql' ? 'closing' : 'writable'
  return server.flavour === 'mysql' ? 'closed_to_all' : 'closed_to_clients'
}

export function historyOf(server: ModelServer): History {
  const executed = server.executed()
  const relay = server.channel?.relay ?? []
  if (server.flavour === 'mysql') {
    const received = relay.length === 0 ? executed : [...executed, ...relay]
    return { kind: 'mysql', executed: setOf(executed), received: setOf(received), purged: { parts: [] } }
  }
  const channel = server.channel
  const nothingLeft = channel === undefined || (channel.receiver === 'stopped' && relay.length === 0)
  return {
    kind: 'mariadb',
    serverId: server.numericId,
    binlogState: stateOf(server.binlog),
    slavePos: positionOf(server.applied),
    ioPos: nothingLeft ? [EMPTY_POSITION] : [positionOf(relay.at(-1) ?? server.applied)],
    logsReplicaUpdates: true,
    strict: true,
  }
}

function channelOf(server: ModelServer, channel: ModelChannel, universe: Universe): Channel {
  const source = universe.at(channel.source)
  const newest = channel.relay.at(-1) ?? server.binlog.at(-1)
  return {
    name: '',
    source: channel.source,
    sourceNumericId: source?.numericId ?? 0,
    receiver: channel.receiver,
    applier: channel.applier,
    ...(channel.receiverError ? { receiverError: channel.receiverError } : {}),
    ...(channel.applierError ? { applierError: channel.applierError } : {}),
    receivedText: newest ? `${newest.origin}:${newest.sequence}` : '',
    heartbeats: universe.heartbeats(server, channel),
    heartbeatPeriodMs: channel.heartbeatMs,
    connectRetryMs: channel.connectRetryMs,
    delayMs: 0,
    ...(channel.applier === 'running' && channel.receiver === 'running' ? { lagMs: 0 } : {}),
    halfReceived: false,
    positioning: 'gtid',
    filtered: false,
  }
}

function semiSyncOf(server: ModelServer, universe: Universe): SemiSync {
  const clients = universe.ackersOf(server).length
  return {
    kind: 'present',
    source: {
      enabled: server.source.enabled,
      operational: server.source.enabled,
      clients,
      waitCount: server.source.waitCount,
      waitPoint: 'after_sync',
      timeoutMs: DAY_MS,
      waitsWithoutReplicas: true,
    },
    replicaEnabled: server.replicaSide,
    replicaOperational: server.channel?.receiver === 'running' && server.replicaSide,
  }
}

const attachedTo = (server: ModelServer, universe: Universe): readonly AttachedReplica[] =>
  universe.replicasOf(server).map((r) => ({ numericId: r.numericId, address: r.address }))
