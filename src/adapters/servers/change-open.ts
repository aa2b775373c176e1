import { printAddress } from '../../model/address.ts'
import { failed, type Outcome } from '../../model/outcome.ts'
import { problem } from '../../model/problem.ts'
import type { ServerStatus } from '../../model/server.ts'
import { parseVersion, type Version } from '../../model/version.ts'
import { TAKE_LOCK } from '../../mysql/change/locks.ts'
import { printed, type Question, type Rows } from '../../mysql/change/question.ts'
import { dialectFor } from '../../mysql/dialects/choose.ts'
import type { Dialect } from '../../mysql/dialects/dialect.ts'
import { IDENTITY_VARIABLES, identityFrom } from '../../mysql/identity.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ServerAt } from '../../ports/servers.ts'
import { ChangeSession, hasVariable, lockNumber, type Opened, variableOf } from './change-session.ts'
import type { Connect, Wire } from './change-wire.ts'

export type Opening =
  | { readonly kind: 'opened'; readonly session: ChangeSession }
  | { readonly kind: 'failed'; readonly outcome: Outcome }

/**
 * The first packet of every session for changes. `sql_mode` is set, not read: the escaping of values rests on it. The
 * wait for metadata locks is short, for nothing that Regent sends needs one for long. Who answers is read in the same round trip.
 */
const FIRST = [
  "SET SESSION sql_mode = '', SESSION lock_wait_timeout = 5",
  `SHOW GLOBAL VARIABLES WHERE Variable_name IN (${IDENTITY_VARIABLES.map((name) => `'${name}'`).join(', ')})
 OR Variable_name LIKE 'rpl\\_semi\\_sync\\_%\\_enabled'`,
  `SELECT @@version AS version, @@version_comment AS comment, ${TAKE_LOCK}`,
].join('; ')

export interface Doors {
  readonly connect: Connect
  readonly clock: Clock
}

/**
 * A session to the server that is meant, or none. A connection leads to one process of a server until it ends, and a process keeps its
 * identity: so what is proven here, once, holds for every packet that is ever sent on it, whoever takes the address meanwhile.
 */
export async function openChangeSession(address: ServerAt, doors: Doors, signal: AbortSignal): Promise<Opening> {
  const connected = await doors.connect(address, signal)
  if (connected.kind === 'failed') return connected
  return introduce(connected.wire, address, doors.clock, signal)
}

async function introduce(wire: Wire, address: ServerAt, clock: Clock, signal: AbortSignal): Promise<Opening> {
  const said = await wire.say(FIRST, signal)
  if (said.kind !== 'answered') {
    wire.destroy()
    return { kind: 'failed', outcome: failed('unreachable', `${printAddress(address)}: ${said.says}`) }
  }
  const [variables = [], identity = []] = said.sets.slice(-2)
  const version = parseVersion(printed(identity[0], 'version'), printed(identity[0], 'comment'))
  const dialect = version === undefined ? undefined : dialectFor(version)
  if (version === undefined || dialect === undefined) {
    wire.destroy()
    const unknown = problem('flavour_unknown', {
      server: printAddress(address),
      version: printed(identity[0], 'version'),
    })
    return { kind: 'failed', outcome: failed(unknown.code, unknown.says, unknown.tryThis) }
  }
  const id = identityFrom(version.flavour, (name) => variableOf(variables, name))
  if (id !== address.id) {
    wire.destroy()
    const found = `${version.flavour} ${version.text} of ${variableOf(variables, 'hostname')}:${variableOf(variables, 'port')}, ${id ?? 'without identity'}`
    return { kind: 'failed', outcome: anotherServer(address, found) }
  }
  return {
    kind: 'opened',
    session: new ChangeSession(wire, openedWith({ version, dialect, variables, identity }), clock),
  }
}

function anotherServer(address: ServerAt, found: string): Outcome {
  const other = problem('another_server', { server: printAddress(address), found, meant: address.id })
  return failed(other.code, other.says, other.tryThis)
}

interface Introduction {
  readonly version: Version
  readonly dialect: Dialect
  readonly variables: Rows
  readonly identity: Rows
}

function openedWith({ version, dialect, variables, identity }: Introduction): Opened {
  const has = (...names: readonly string[]): boolean => names.some((name) => hasVariable(variables, name))
  return {
    version,
    side: dialect.change,
    status: statusQuestion(dialect),
    semiSyncSource: has('rpl_semi_sync_source_enabled', 'rpl_semi_sync_master_enabled'),
    semiSyncReplica: has('rpl_semi_sync_replica_enabled', 'rpl_semi_sync_slave_enabled'),
    lock: lockNumber(identity) ?? 0,
  }
}

function statusQuestion(dialect: Dialect): () => Question<ServerStatus> {
  const reader = dialect.read.newReader()
  return () => {
    const { sql, read } = reader.ask('live')
    return { statements: [sql], read }
  }
}
