/** What a server was told, by whom, in order: its general log. */
import type { Stage } from '../stage.ts'

export interface Told {
  /** The address that its connection came from. */
  readonly from: string
  readonly statement: string
  /** By the server's clock, UTC, to the microsecond: texts that order as their times do, on all servers of one machine. */
  readonly at: string
}

const GUARD = /^\s*SELECT IF\(UTC_TIMESTAMP\(6\) < '([^']+)'/
const CHANGE = /^\s*(SET\s+(@@)?GLOBAL|STOP|START|CHANGE|RESET|KILL)/i

/** In a table: only there the times are finer than a second on both flavours. */
export async function startGeneralLog(stage: Stage, id: string): Promise<void> {
  await stage.run(id, "SET GLOBAL log_output='TABLE'", 'SET GLOBAL general_log=1')
}

/**
 * Changing statements of Regent's account that were executed. MySQL logs each statement of a packet when its turn comes: what a failed guard kept from
 * running is not there. MariaDB logs a packet as a whole when it arrives, so its guard is judged as the server judged it.
 */
export async function changesTold(stage: Stage, id: string): Promise<readonly Told[]> {
  return (await packetsOf(stage, id)).flatMap(({ from, packet, at }) => {
    const deadline = GUARD.exec(packet)?.[1]
    if (deadline !== undefined && at >= deadline) return []
    const changes = packet.split(';').filter((statement) => CHANGE.test(statement))
    return changes.map((statement) => ({ from, statement: statement.trim(), at }))
  })
}

/** The addresses from which Regent's account said anything at all. */
export async function speakersTold(stage: Stage, id: string): Promise<ReadonlySet<string>> {
  return new Set((await packetsOf(stage, id)).map(({ from }) => from))
}

async function packetsOf(stage: Stage, id: string) {
  const connection = await stage.sandbox.sql(id)
  try {
    await connection.query("SET time_zone='+00:00'")
    const sql = `SELECT CAST(event_time AS CHAR), user_host, CONVERT(argument USING utf8mb4) FROM mysql.general_log
                 WHERE command_type IN ('Query', 'Execute') AND user_host LIKE '${stage.sandbox.users.monitor.user}[%'`
    const [rows] = await connection.query({ sql, rowsAsArray: true })
    return Array.isArray(rows) ? rows.flatMap((row) => (Array.isArray(row) ? [packetIn(row.map(String))] : [])) : []
  } finally {
    connection.destroy()
  }
}

const packetIn = ([at = '', userHost = '', packet = '']: readonly string[]) => ({
  at,
  packet,
  // `monitor[monitor] @  [127.0.0.1]`
  from: /\[([^\]]*)\]\s*$/.exec(userHost)?.[1] ?? '',
})

/** Connections of Regent's account at this moment. */
export async function connectionsOfRegent(stage: Stage, id: string): Promise<ReadonlySet<number>> {
  const connection = await stage.sandbox.sql(id)
  try {
    const { user } = stage.sandbox.users.monitor
    const [rows] = await connection.query({
      sql: `SELECT id FROM information_schema.processlist WHERE user = '${user}'`,
      rowsAsArray: true,
    })
    return new Set(Array.isArray(rows) ? rows.map((row) => (Array.isArray(row) ? Number(row[0]) : 0)) : [])
  } finally {
    connection.destroy()
  }
}
