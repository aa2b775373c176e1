import type { Address } from '../../model/address.ts'
import { printAddress } from '../../model/address.ts'
import { failed, type Outcome } from '../../model/outcome.ts'
import { problem } from '../../model/problem.ts'
import type { ServerStatus } from '../../model/server.ts'
import { parseVersion, type Version } from '../../model/version.ts'
import { TAKE_LOCK } from '../../mysql/change/locks.ts'
import { printed, type Question, type Rows } from '../../mysql/change/question.ts'
import { dialectFor } from '../../mysql/dialects/choose.ts'
import type { Dialect } from '../../mysql/dialects/dialect.ts'
import type { Clock } from '../../ports/clock.ts'
import { ChangeSession, hasVariable, lockNumber, type Opened } from './change-session.ts'
import type { Connect, Wire } from './change-wire.ts'

export type Opening =
  | { readonly kind: 'opened'; readonly session: ChangeSession }
  | { readonly kind: 'failed'; readonly outcome: Outcome }

/**
 * The first packet of every session for changes. `sql_mode` is set, not read: the escaping of values rests on it. The
 * wait for metadata locks is short, for nothing that Regent sends needs one for long.
 */
const FIRST = [
  "SET SESSION sql_mode = '', SESSION lock_wait_timeout = 5",
  "SHOW GLOBAL VARIABLES LIKE 'rpl\\_semi\\_sync\\_%\\_enabled'",
  `SELECT @@version AS version, @@version_comment AS comment, ${TAKE_LOCK}`,
].join('; ')

export interface Doors {
  readonly connect: Connect
  readonly clock: Clock
}

export async function openChangeSession(address: Address, doors: Doors, signal: AbortSignal): Promise<Opening> {
  const connected = await doors.connect(address, signal)
  if (connected.kind === 'failed') return connected
  return introduce(connected.wire, address, doors.clock, signal)
}

async function introduce(wire: Wire, address: Address, clock: Clock, signal: AbortSignal): Promise<Opening> {
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
  return {
    kind: 'opened',
    session: new ChangeSession(wire, openedWith({ version, dialect, variables, identity }), clock),
  }
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
