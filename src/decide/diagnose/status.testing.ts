/** What servers say of themselves, for stories and for tests of single looks. */
import type { Address } from '../../model/address.ts'
import { gtidSet } from '../../model/gtid/mysql-text.ts'
import type { History } from '../../model/history.ts'
import { type ServerId, serverId } from '../../model/ids.ts'
import type { Channel, ReplicationError, ServerStatus } from '../../model/server.ts'

/** How many transactions of each writer a server has, by name: `{ s1: 5 }` is s1's 1 to 5. */
export type Has = Readonly<Record<string, number>>

export const REFUSED: ReplicationError = {
  code: 2003,
  message: "Can't connect to server on '127.0.0.1' (111 \"Connection refused\")",
}
export const RESET: ReplicationError = {
  code: 2013,
  message: "Lost connection to MySQL server at 'reading initial communication packet', system error: 104",
}

/** What a sound server that follows nobody says of itself. */
export function aStatus(name: string, over: Partial<ServerStatus> = {}): ServerStatus {
  const history = historyOf({ s1: 100 }, { s1: 100 })
  const own = { id: idOf(name), numericId: Number(name.replace(/\D/g, '')), history }
  return { ...PLAIN, ...own, uptimeS: 1000, access: 'closed_to_all', channels: [], ...over }
}

const PLAIN: Omit<ServerStatus, 'id' | 'numericId' | 'uptimeS' | 'access' | 'history' | 'channels'> = {
  version: { flavour: 'mysql', numbers: [9, 7, 4], text: '9.7.4' },
  aliases: [],
  semiSync: { kind: 'absent' },
  attached: [],
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
  connections: { used: 10, max: 151 },
}

export function aChannel(source: Address, sourceNumericId: number, channel: Partial<Channel>): Channel {
  return {
    name: '',
    source,
    sourceNumericId,
    receiver: 'running',
    applier: 'running',
    receivedText: textOf({ s1: 100 }),
    heartbeats: 0,
    heartbeatPeriodMs: 500,
    connectRetryMs: 1000,
    delayMs: 0,
    lagMs: 0,
    halfReceived: false,
    positioning: 'gtid',
    filtered: false,
    ...channel,
  }
}

/** A MySQL server's identity is its UUID: `s7` becomes one that ends in 7. */
export const uuidOf = (name: string): string => `00000000-0000-0000-0000-${name.replace(/\D/g, '').padStart(12, '0')}`
export const idOf = (name: string): ServerId => serverId(uuidOf(name))

export const textOf = (has: Has): string =>
  Object.entries(has)
    .map(([writer, count]) => `${uuidOf(writer)}:1-${count}`)
    .join(',')

export function historyOf(executed: Has, received: Has): History {
  const all = gtidSet(textOf(joined(executed, received)))
  return { kind: 'mysql', executed: gtidSet(textOf(executed)), received: all, purged: gtidSet('') }
}

export function joined(a: Has, b: Has): Has {
  const writers = new Set([...Object.keys(a), ...Object.keys(b)])
  return Object.fromEntries([...writers].map((writer) => [writer, Math.max(a[writer] ?? 0, b[writer] ?? 0)]))
}
