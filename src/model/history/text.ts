/** Histories as one line of text, for reports, the journal, and to be read back: what was printed is parsed to the same. */
import { parseBinlogState, parsePosition, printBinlogState, printPosition } from '../gtid/mariadb-position.ts'
import { subtract, union } from '../gtid/mysql-set.ts'
import { parseGtidSet, printGtidSet } from '../gtid/mysql-text.ts'
import { type Parsed, parsed, unreadable } from '../gtid/parsed.ts'
import type { History, MariadbHistory, MysqlHistory, ReceivedPosition } from './kinds.ts'

/** Fields separated by spaces, each `name=value`; empty values are left out. */
export function printHistory(h: History): string {
  const fields: readonly (readonly [string, string])[] =
    h.kind === 'mysql'
      ? [
          ['executed', printGtidSet(h.executed)],
          ['unapplied', printGtidSet(subtract(h.received, h.executed))],
          ['purged', printGtidSet(h.purged)],
        ]
      : [
          ['server', `${h.serverId}`],
          ['binlog', printBinlogState(h.binlogState)],
          ['applied', printPosition(h.slavePos)],
          ...h.ioPos.map((pos) => ['received', pos === 'untracked' ? pos : `[${printPosition(pos)}]`] as const),
          ['logs', h.logsReplicaUpdates ? 'updates' : 'own'],
          ['strict', h.strict ? 'yes' : ''],
        ]
  return [h.kind, ...fields.filter(([, value]) => value !== '').map(([name, value]) => `${name}=${value}`)].join(' ')
}

/** Reads what `printHistory` wrote. */
export function parseHistory(text: string): Parsed<History> {
  const [kind, ...words] = text.trim().split(' ')
  const fields: Field[] = []
  let at = (kind ?? '').length + 1
  for (const word of words) {
    const equals = word.indexOf('=')
    if (equals < 1) return unreadable(at, 'a field such as executed=… is expected')
    fields.push({ name: word.slice(0, equals), value: word.slice(equals + 1), at: at + equals + 1 })
    at += word.length + 1
  }
  if (kind === 'mysql') return parseMysql(fields)
  return kind === 'mariadb' ? parseMariadb(fields) : unreadable(0, '"mysql" or "mariadb" is expected')
}

interface Field {
  readonly name: string
  readonly value: string
  readonly at: number
}

function parseMysql(fields: readonly Field[]): Parsed<MysqlHistory> {
  const executed = read(fields, 'executed', parseGtidSet)
  const unapplied = read(fields, 'unapplied', parseGtidSet)
  const purged = read(fields, 'purged', parseGtidSet)
  if (!executed.ok) return executed
  if (!unapplied.ok) return unapplied
  if (!purged.ok) return purged
  const received = union(executed.value, unapplied.value)
  return parsed({ kind: 'mysql', executed: executed.value, received, purged: purged.value })
}

function parseMariadb(fields: readonly Field[]): Parsed<MariadbHistory> {
  const serverId = read(fields, 'server', parseServerId)
  const binlogState = read(fields, 'binlog', parseBinlogState)
  const slavePos = read(fields, 'applied', parsePosition)
  if (!serverId.ok) return serverId
  if (!binlogState.ok) return binlogState
  if (!slavePos.ok) return slavePos
  const ioPos: ReceivedPosition[] = []
  for (const field of fields.filter(({ name }) => name === 'received')) {
    const pos = parseReceived(field)
    if (!pos.ok) return pos
    ioPos.push(pos.value)
  }
  return parsed({
    kind: 'mariadb',
    serverId: serverId.value,
    binlogState: binlogState.value,
    slavePos: slavePos.value,
    ioPos,
    logsReplicaUpdates: fields.some(({ name, value }) => name === 'logs' && value === 'updates'),
    strict: fields.some(({ name, value }) => name === 'strict' && value === 'yes'),
  })
}

/** An absent field is the empty text: what is empty is not printed. Offsets of errors are those of the whole text. */
function read<T>(fields: readonly Field[], name: string, parse: (text: string) => Parsed<T>): Parsed<T> {
  const field = fields.find((each) => each.name === name)
  const result = parse(field?.value ?? '')
  return result.ok ? result : unreadable((field?.at ?? 0) + result.at, result.what)
}

function parseServerId(text: string): Parsed<number> {
  return /^\d{1,10}$/.test(text) ? parsed(Number(text)) : unreadable(0, 'a server id is expected')
}

function parseReceived({ value, at }: Field): Parsed<ReceivedPosition> {
  if (value === 'untracked') return parsed('untracked')
  const pos = parsePosition(value.slice(1, -1))
  return pos.ok ? pos : unreadable(at + 1 + pos.at, pos.what)
}
