/**
 * Why no change of an old leader takes effect after its lease: a server checks no token, and a process can freeze between
 * its own check and its send. So the deadline travels with the change, on the server's own clock, and the server checks it.
 */

/** Microseconds since 1970 by a server's own clock. Never compared with another clock; below 2^53 until the year 2255. */
export type ServerMicros = number

/** One reading of a server's clock, and what was left of the lease when that answer arrived (ms). */
export interface ClockReading {
  readonly serverUs: ServerMicros
  readonly leftMs: number
}

/**
 * What a step of the server's clock between the reading and the change may be without harm, and the time of a statement
 * that passed the guard just before. Against a time to live of 5 s with a renewal every second it costs nothing.
 */
export const MARGIN_MS = 200

/** The guard's own error: its subquery gives two rows once the deadline has passed, and the rest of the packet is not run. */
export const GUARD_ERROR = 1242

/**
 * The server had read its clock before the answer arrived, so the deadline is never later than the lease's end; undefined
 * when nothing may be sent.
 */
export function deadlineOf(reading: ClockReading): ServerMicros | undefined {
  const leftUs = Math.floor((reading.leftMs - MARGIN_MS) * 1000)
  return reading.leftMs > 0 && leftUs > 0 ? reading.serverUs + leftUs : undefined
}

export const READ_CLOCK = 'SELECT UTC_TIMESTAMP(6) AS server_time'

/**
 * It asks for the time and not for the identity: the time runs on while a packet waits, who answers cannot change before its connection
 * ends, and that was proven when the connection was opened.
 *
 * Not `DO IF(…)`: that does not stop the packet on MariaDB.
 */
export function guard(deadline: ServerMicros): string {
  return `SELECT IF(UTC_TIMESTAMP(6) < '${printServerTime(deadline)}', 0, (SELECT 1 UNION SELECT 2))`
}

/**
 * A guard before each statement, not one before all: a packet whose first statement waits goes on with the second long
 * after the deadline, even when its client is gone.
 */
export function guarded(statements: readonly string[], deadline: ServerMicros): readonly string[] {
  return statements.flatMap((statement) => [guard(deadline), statement])
}

/** Reads `2026-11-21 12:35:04.379702`; undefined when it is no such time. */
export function parseServerTime(printed: string): ServerMicros | undefined {
  const match = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/.exec(printed)
  if (!match) return undefined
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number)
  const ms = Date.UTC(year, month - 1, day, hour, minute, second)
  return ms * 1000 + Number((match[7] ?? '').padEnd(6, '0'))
}

export function printServerTime(us: ServerMicros): string {
  const micros = us % 1000
  const iso = new Date((us - micros) / 1000).toISOString()
  return `${iso.slice(0, 10)} ${iso.slice(11, 23)}${String(micros).padStart(3, '0')}`
}
