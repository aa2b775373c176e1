import { closeSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { ProblemError, problem } from '../../model/problem.ts'
import { demandLocal } from './filesystem.ts'
import { number, type Row } from './row.ts'
import { APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION } from './schema.ts'
import { isBusy } from './trouble.ts'

/** Bridges the moments when another Regent (a verb beside the daemon) commits; longer is somebody's lock, and an intent must not wait for it. */
const BUSY_TIMEOUT_MS = 500
const PAUSE_MS = 20
/** A safety net only: the worker checkpoints when idle, so that an intent rarely pays for it. */
const AUTOCHECKPOINT_PAGES = 4000

/** SQLite does not wait for its busy timeout where two openers switch a new file to WAL at once: one of them is told "locked" immediately. */
function patiently(work: () => void): void {
  const bell = new Int32Array(new SharedArrayBuffer(4))
  const giveUpAt = performance.now() + BUSY_TIMEOUT_MS
  for (;;) {
    try {
      work()
      return
    } catch (error) {
      if (performance.now() > giveUpAt || !isBusy(error)) throw error
      Atomics.wait(bell, 0, 0, PAUSE_MS)
    }
  }
}

/** One SQLite file, opened for writing and brought to the present schema. Synchronous: for the worker thread only. */
export class Database implements Disposable {
  readonly path: string
  readonly #db: DatabaseSync
  readonly #file: number
  readonly #statements = new Map<string, StatementSync>()
  #closed = false

  private constructor(path: string, db: DatabaseSync, file: number) {
    this.path = path
    this.#db = db
    this.#file = file
  }

  /** Creates directory (0700) and file (0600) where missing. Throws what SQLite or the file system says, or a ProblemError. */
  static open(path: string, now: number): Database {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    demandLocal(dirname(path))
    closeSync(openSync(path, 'a', 0o600))
    const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
    try {
      patiently(() => db.exec('PRAGMA journal_mode=WAL'))
      db.exec('PRAGMA synchronous=FULL')
      db.exec(`PRAGMA wal_autocheckpoint=${AUTOCHECKPOINT_PAGES}; PRAGMA trusted_schema=OFF`)
      const database = new Database(path, db, statSync(path).ino)
      database.#migrate(now)
      return database
    } catch (error) {
      db.close()
      throw error
    }
  }

  run(sql: string, ...values: readonly SQLInputValue[]): number {
    return Number(this.#prepare(sql).run(...values).changes)
  }

  get(sql: string, ...values: readonly SQLInputValue[]): Row | undefined {
    return this.#prepare(sql).get(...values)
  }

  all(sql: string, ...values: readonly SQLInputValue[]): readonly Row[] {
    return this.#prepare(sql).all(...values)
  }

  /** One transaction, durable when this returns; inside another one, a part of that. The write lock is taken at the start, so what is read stays true. */
  write<T>(work: () => T): T {
    if (this.#db.isTransaction) return work()
    this.#demandOurFile()
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.#db.exec('COMMIT')
      return result
    } finally {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
    }
  }

  /** Moves the log into the database file without waiting for anybody. */
  checkpoint(): void {
    this.#db.exec('PRAGMA wal_checkpoint(PASSIVE)')
  }

  /** For tests of a full disk. */
  limitPages(pages: number): void {
    this.#db.exec(`PRAGMA max_page_count=${pages}`)
  }

  [Symbol.dispose](): void {
    if (this.#closed) return
    this.#closed = true
    this.#statements.clear()
    this.#db.close()
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#db.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }

  /** A file that was removed or replaced would be written on unseen, while another Regent takes a lease in the new one: two leaders. */
  #demandOurFile(): void {
    const now = statSync(this.path, { throwIfNoEntry: false })?.ino
    if (now === this.#file) return
    const why =
      now === undefined ? 'it was removed while Regent had it open' : 'it was replaced while Regent had it open'
    throw new ProblemError(problem('store_corrupt', { path: this.path, why }))
  }

  #migrate(now: number): void {
    if (this.#found() === SCHEMA_VERSION) return
    this.write(() => {
      const from = this.#found()
      for (const [at, migration] of MIGRATIONS.entries()) if (at >= from) this.#db.exec(migration)
      if (from < SCHEMA_VERSION) this.run('INSERT INTO schema_version VALUES (?, ?)', SCHEMA_VERSION, Math.round(now))
      this.#db.exec(`PRAGMA application_id=${APPLICATION_ID}`)
    })
  }

  /** Schema of the file, 0 when it is empty. Throws where a newer Regent, or another program, wrote it. */
  #found(): number {
    const tables = number(this.get('SELECT count(*) AS n FROM sqlite_schema') ?? {}, 'n')
    if (tables === 0) return 0
    const owner = number(this.get('PRAGMA application_id') ?? {}, 'application_id')
    if (owner !== APPLICATION_ID) {
      throw new ProblemError(problem('store_corrupt', { path: this.path, why: 'it is a database of another program' }))
    }
    const found = number(this.get('SELECT max(version) AS version FROM schema_version') ?? {}, 'version')
    if (found <= SCHEMA_VERSION) return found
    throw new ProblemError(problem('store_newer', { path: this.path, found, known: SCHEMA_VERSION }))
  }
}
