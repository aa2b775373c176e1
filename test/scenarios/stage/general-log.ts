/** What a server was told, by whom, in order: its general log. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Stage } from '../stage.ts'

export interface Told {
  readonly connection: number
  readonly statement: string
}

const FILE = 'general.log'
const LINE = /(?:^|\s)(\d+) (Query|Execute)\s+(.*)$/
const CHANGE = /^\s*(SET\s+(@@)?GLOBAL|STOP|START|CHANGE|RESET|KILL)/i

export async function startGeneralLog(stage: Stage, id: string): Promise<void> {
  await stage.run(id, `SET GLOBAL general_log_file='${FILE}'`, 'SET GLOBAL general_log=1')
}

/** Changing statements that were executed: a guard that failed ends its packet, and what follows it is never logged. */
export async function changesTold(stage: Stage, id: string): Promise<readonly Told[]> {
  const text = await readFile(join(stage.sandbox.server(id).dataDir, FILE), 'utf8').catch(() => '')
  return text.split('\n').flatMap((line) => {
    const match = LINE.exec(line)
    const statement = match?.[3] ?? ''
    return match && CHANGE.test(statement) ? [{ connection: Number(match[1]), statement }] : []
  })
}

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
