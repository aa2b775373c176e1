/** A transaction of 200 MB, and the primary killed when a replica has half of it: what it locks there must hold up nobody. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import mysql from 'mysql2/promise'
import { wallNow } from './figures.ts'
import type { Stage } from './stage.ts'
import type { At } from './writing.ts'

const MB = 1_000_000
const ROWS = 200
const WHOLE = ROWS * MB
const GIVE_UP_MS = 60_000
const TRY_AGAIN_MS = 5

export interface Half {
  /** The commit that nobody will answer. */
  readonly commit: Promise<unknown>
  /** Throws where a replica had the whole of it when the primary died: that measures something else. */
  check(): void
}

/** Resolves when the first replica has received half of the transaction; the primary is to be killed at once then. */
export async function sendHalf(stage: Stage, primary: string): Promise<Half> {
  const client = await stage.sandbox.sql(primary)
  client.on('error', () => undefined)
  const statements = [
    'CREATE DATABASE IF NOT EXISTS app',
    'CREATE TABLE IF NOT EXISTS app.hot (id INT PRIMARY KEY, v INT)',
    'REPLACE INTO app.hot VALUES (1, 0), (2, 0)',
    'CREATE TABLE IF NOT EXISTS app.big (id INT AUTO_INCREMENT PRIMARY KEY, v LONGBLOB)',
    'BEGIN',
    // First, so that these rows are locked on a replica however little of the rest has arrived.
    'UPDATE app.hot SET v = 1',
    ...Array.from({ length: ROWS }, () => `INSERT INTO app.big (v) VALUES (REPEAT('x', ${MB}))`),
  ]
  for (const statement of statements) await client.query(statement)
  const folders = stage.sandbox.servers.filter((s) => s.id !== primary).map((s) => s.dataDir)
  const before = folders.map(relayBytes)
  const received = (): number => Math.max(...folders.map((folder, i) => relayBytes(folder) - (before[i] ?? 0)))

  const commit = client.query('COMMIT').catch(() => undefined)
  const giveUpAt = performance.now() + GIVE_UP_MS
  while (received() < WHOLE / 2) {
    if (performance.now() > giveUpAt) throw new Error('half of the transaction never arrived at a replica')
    await turn()
  }
  return {
    commit: commit.finally(() => client.destroy()),
    check() {
      if (received() >= WHOLE) throw new Error('a replica had the whole transaction before the primary was dead')
    },
  }
}

function relayBytes(folder: string): number {
  const names = readdirSync(folder).filter((name) => /^relay\.\d+$/.test(name))
  return names.reduce((sum, name) => sum + (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0), 0)
}

/** When (wall, ms) a client has changed the very rows that the transaction holds. Throws if it cannot within a minute. */
export async function changeLockedRows(at: At): Promise<number> {
  const giveUpAt = performance.now() + GIVE_UP_MS
  for (;;) {
    try {
      return await changeOnce(at)
    } catch (error) {
      // Until a primary is open, a connection may find nobody; a row lock that stays is what the deadline is for.
      if (performance.now() > giveUpAt)
        throw new Error('the rows of the lost transaction stayed locked', { cause: error })
      await sleep(TRY_AGAIN_MS)
    }
  }
}

async function changeOnce(at: At): Promise<number> {
  const client = await mysql.createConnection({ ...at, connectTimeout: GIVE_UP_MS })
  client.on('error', () => undefined)
  try {
    await client.query({ sql: 'UPDATE app.hot SET v = v + 10', timeout: GIVE_UP_MS })
    return wallNow()
  } finally {
    client.destroy()
  }
}
