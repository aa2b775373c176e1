import mysql from 'mysql2'
import type { Endpoint } from './sql.ts'

interface Login extends Endpoint {
  readonly user: string
  readonly password: string
  readonly name: string
  readonly answerWithinMs?: number
}

const MAKE_TABLE = `CREATE TABLE IF NOT EXISTS app.writes (
  id bigint AUTO_INCREMENT PRIMARY KEY,
  writer varchar(32) NOT NULL,
  n bigint NOT NULL,
  at datetime(6) NOT NULL,
  UNIQUE KEY writer_n (writer, n)
)`

/** Shorter than any client would accept; long enough that a proxy which holds connections during a switch is waited for. */
const ANSWER_WITHIN_MS = 30_000

/** One connection of a writer. It is never used again after an error: its state would be unknown. */
export class WriterSession {
  readonly #connection: mysql.Connection
  readonly #login: Login
  readonly #ended = new AbortController()

  private constructor(connection: mysql.Connection, login: Login) {
    this.#connection = connection
    this.#login = login
    const end = (): void => this.#ended.abort()
    connection.on('error', end)
    connection.on('end', end)
  }

  /** Connects and logs in. Rejects with the error of the network, the server, or the deadline (`ETIMEDOUT`). */
  static open(login: Login, signal?: AbortSignal): Promise<WriterSession> {
    return new Promise((resolve, reject) => {
      const connection = mysql.createConnection({
        host: login.host,
        port: login.port,
        user: login.user,
        password: login.password,
        connectTimeout: login.answerWithinMs ?? ANSWER_WITHIN_MS,
      })
      const session = new WriterSession(connection, login)
      const giveUp = (): void => {
        session.destroy()
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', giveUp, { once: true })
      connection.connect((error) => {
        signal?.removeEventListener('abort', giveUp)
        if (error === null) return resolve(session)
        session.destroy()
        reject(error)
      })
    })
  }

  get isClosed(): boolean {
    return this.#ended.signal.aborted
  }

  /** Aborted when the connection has ended, by whomever. */
  get closed(): AbortSignal {
    return this.#ended.signal
  }

  async makeTable(): Promise<void> {
    await this.#query('CREATE DATABASE IF NOT EXISTS app', [])
    await this.#query(MAKE_TABLE, [])
  }

  insert(n: number): Promise<void> {
    return this.#query('INSERT INTO app.writes (writer, n, at) VALUES (?, ?, NOW(6))', [this.#login.name, n])
  }

  /**
   * Resolves on the OK packet only; a connection that ends first, `destroy`, and the deadline reject. The deadline is a timer of our
   * own: the driver's goes on when the connection has ended, and keeps the process alive with it.
   */
  #query(sql: string, values: readonly (string | number)[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => end(noAnswer()), this.#login.answerWithinMs ?? ANSWER_WITHIN_MS)
      const lost = (): void => end(connectionLost())
      const end = (error: Error | null): void => {
        clearTimeout(late)
        this.closed.removeEventListener('abort', lost)
        if (error === null) resolve()
        else reject(error)
      }
      this.closed.addEventListener('abort', lost, { once: true })
      this.#connection.query({ sql, values: [...values] }, end)
    })
  }

  destroy(): void {
    this.#connection.destroy()
    this.#ended.abort()
  }
}

const connectionLost = (): Error =>
  Object.assign(new Error('the connection ended before the answer'), { code: 'CONNECTION_LOST' })

const noAnswer = (): Error => Object.assign(new Error('no answer before the deadline'), { code: 'ETIMEDOUT' })
