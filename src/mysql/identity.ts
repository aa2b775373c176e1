import { type ServerId, serverId } from '../model/ids.ts'
import type { Flavour } from '../model/version.ts'

/**
 * MariaDB has no server_uuid. Its server_id alone collides (copied configurations), `@@server_uid` is one per host and port
 * at most, so the identity is what no two live servers share: where it runs, where its data lies, and its number. It changes
 * when a server is moved to another host or directory: then it is a new server for us, and is adopted anew (`regent adopt --open --over-reign`).
 */
export interface MariadbPlace {
  readonly hostname: string
  readonly port: string
  readonly datadir: string
  readonly numericId: string
}

export function mariadbIdentity(place: MariadbPlace): ServerId {
  // A character that no part contains: two places with the same concatenation must not be one.
  const parts = [place.hostname, place.port, place.datadir.replace(/\/+$/, ''), place.numericId]
  return serverId(`mariadb-${fnv1a64(parts.join('\0'))}`)
}

/** What `identityFrom` reads, as both flavours call it; each lacks what the other one goes by. */
export const IDENTITY_VARIABLES = ['server_uuid', 'hostname', 'port', 'datadir', 'server_id'] as const

/**
 * From a server's variables, all fixed for the life of its process but `server_id`: so one reading per connection holds as long as the
 * connection does. Undefined where it does not tell.
 */
export function identityFrom(flavour: Flavour, variable: (name: string) => string): ServerId | undefined {
  const [uuid = '', hostname = '', port = '', datadir = '', numericId = ''] = IDENTITY_VARIABLES.map(variable)
  if (flavour === 'mysql') return uuid === '' ? undefined : serverId(uuid)
  if (hostname === '' || port === '' || datadir === '' || numericId === '') return undefined
  return mariadbIdentity({ hostname, port, datadir, numericId })
}

/** FNV-1a, 64 bits, as 16 hexadecimal digits. Spreads well, needs no library; nobody here forges identities. */
export function fnv1a64(text: string): string {
  let hash = 0xcbf29ce484222325n
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  }
  return hash.toString(16).padStart(16, '0')
}
