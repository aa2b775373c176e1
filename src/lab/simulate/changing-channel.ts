/** What changes do to a replication channel of the model. */
import { printAddress, sameAddress } from '../../model/address.ts'
import { done, failed, type Outcome } from '../../model/outcome.ts'
import type { AttachTo } from '../../ports/servers.ts'
import type { ModelChannel, ModelServer } from './server.ts'
import { statusOf } from './status.ts'
import type { Universe } from './universe.ts'
import type { Sending } from './wire.ts'

export type Work = Sending['work']

export const onChannel = (server: ModelServer, act: (channel: ModelChannel) => Outcome): Outcome =>
  server.channel ? act(server.channel) : failed('no_channel', `${server.name} has no replication channel`)

export function drained(server: ModelServer, universe: Universe): Outcome | undefined {
  const { channel } = server
  if (channel === undefined) return failed('no_channel', `${server.name} has no replication channel`)
  if (channel.relay.length === 0) return done('all that was received is applied', statusOf(server, universe))
  return channel.applier === 'stopped' ? standing(channel) : undefined
}

export const standing = ({ applierError }: ModelChannel): Outcome =>
  applierError
    ? failed('applier_broken', `the applier stopped with error ${applierError.code}: ${applierError.message}`)
    : failed('applier_stopped', 'the applier is stopped')

/** MySQL starts a receiver alone; MariaDB would delete received relay log when the applier is stopped. */
export const startReceiver: Work = (server, apply) =>
  onChannel(server, (channel) => {
    if (channel.receiver !== 'stopped') return done('the receiver was running already')
    if (channel.applier === 'stopped' && server.flavour === 'mariadb')
      return failed('applier_stopped', 'starting the receiver would delete relay log')
    apply(() => {
      channel.receiver = 'connecting'
      delete channel.receiverError
    })
    return done('the receiver is started')
  })

export const startApplier: Work = (server, apply) =>
  onChannel(server, (channel) => {
    if (channel.applier === 'stopped')
      apply(() => {
        channel.applier = 'running'
        delete channel.applierError
      })
    return done('the applier is started')
  })

export const reset: Work = (server, apply) => {
  const { channel } = server
  if (channel === undefined) return done('there is no such channel')
  if (channel.relay.length > 0) return failed('not_drained', 'it holds what is received and not applied')
  apply(() => {
    server.channel = undefined
  })
  return done('the channel is forgotten')
}

interface Attaching {
  readonly apply: (change: () => void) => void
  readonly source: ReadonlySet<number> | undefined
}

export function attach(server: ModelServer, to: AttachTo, { apply, source }: Attaching): Outcome {
  const { channel } = server
  const follows = channel !== undefined && sameAddress(channel.source, to.source)
  if (follows && channel.receiver === 'running' && channel.applier === 'running') return done('it follows it already')
  const keeps = to.keepRelayLog && server.flavour === 'mysql' && channel !== undefined
  const unsafe = !keeps && channel !== undefined && !channel.relay.every((t) => source?.has(t.uid) ?? false)
  if (unsafe) {
    apply(() => {
      channel.receiver = 'stopped'
    })
    return failed('holds_unapplied', 'it holds what the new source cannot be shown to have', 'drain it first')
  }
  apply(() => {
    server.source = { ...server.source, enabled: false }
    if (to.semiSyncReplica) server.replicaSide = true
    // A server that wrote by itself takes its own last write as its position.
    server.applied = server.binlog.at(-1)
    server.channel = {
      source: to.source,
      receiver: 'connecting',
      applier: 'running',
      relay: keeps ? channel.relay : [],
      heartbeats: 0,
      countedAt: 0,
      heartbeatMs: to.heartbeatMs,
      connectRetryMs: to.connectRetryMs,
      connecting: false,
    }
  })
  return done('repointed')
}

const printError = (error: ModelChannel['receiverError']): string =>
  error ? `error ${error.code}: ${error.message}` : 'no reason'

export function connected(server: ModelServer, to: AttachTo): Outcome | undefined {
  const { channel } = server
  if (channel === undefined || !sameAddress(channel.source, to.source))
    return failed('not_attached', `the channel does not lead to ${printAddress(to.source)}`)
  if (channel.receiver === 'running') return done(`it follows ${printAddress(to.source)}`)
  return channel.receiver === 'stopped'
    ? failed('receiver_stopped', `the receiver stopped: ${printError(channel.receiverError)}`)
    : undefined
}
