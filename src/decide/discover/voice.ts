import type { Voice } from '../../model/diagnosis.ts'
import type { Channel, ReplicationError } from '../../model/server.ts'

/** Client library errors that need a living server at the other end: it spoke the protocol and then disagreed. */
const SPOKE_TO_US = [2054, 2058, 2059, 2061]

/**
 * A refusal or a reset as receivers of both flavours report it. The errno stands in the text only: MySQL writes `(111)`,
 * MariaDB `(111 "Connection refused")`; a reset during the greeting reads `system error: 104`. After one and the same kill
 * about half of the replicas say the one and half the other. Anything else with these codes (timeout, no route, unknown
 * host, an orderly end) is the network's word, not the host's, and proves nothing.
 */
export function isRefusal(error: ReplicationError): boolean {
  if (error.code === 2003) return /\(111\b|\b111\)|connection refused/i.test(error.message)
  if (error.code === 2013) return /system error: 104\b|\(104\b|connection reset/i.test(error.message)
  return false
}

/** Whether only a living server can have caused this error. */
export function comesFromLivingServer(error: ReplicationError): boolean {
  return error.code < 2000 || error.code >= 3000 || SPOKE_TO_US.includes(error.code)
}

/** What a receiver says of its source. The applier is not asked: a stopped one says nothing about the primary. */
export function voiceOf(channel: Channel): Voice {
  if (channel.receiver === 'running') return 'running'
  const error = channel.receiverError
  if (error !== undefined && isRefusal(error)) return 'refused'
  if (channel.receiver === 'stopped') return 'stopped'
  return error !== undefined && comesFromLivingServer(error) ? 'turned_away' : 'connecting'
}
