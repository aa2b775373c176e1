import { setImmediate as polled, setTimeout as sleep } from 'node:timers/promises'
import type { SqlConnection } from '../../../src/lab/sandbox/index.ts'

/**
 * An error and the end of its connection are two packets: a client that sends again before it could have seen the second one loses that
 * statement to any server that goes away.
 */
const AFTER_ERROR_MS = 50

/** What a client got on one connection until that ended. */
export interface Stayed {
  readonly answers: number
  /** By MySQL's number. */
  readonly errors: ReadonlyMap<string, number>
  /** A statement was sent, and the connection ended before its whole answer: which, and how that looked. */
  readonly unanswered: readonly string[]
}

/**
 * A client that never leaves by itself: it reads and writes in turn on one connection, whatever it is answered, until that is closed.
 * So do pools that take an error of a statement for the statement's.
 */
export async function stayUntilClosed(connection: SqlConnection, name: string, everyMs: number): Promise<Stayed> {
  const errors = new Map<string, number>()
  let answers = 0
  let closed = false
  connection.on('error', () => {
    closed = true
  })
  connection.on('end', () => {
    closed = true
  })
  for (let n = 0; !closed; n++) {
    const sentAt = performance.now()
    let failed = false
    try {
      if (n % 2 === 0) await connection.query('SELECT 1')
      else await connection.query('INSERT INTO app.writes (writer, n, at) VALUES (?, ?, NOW(6))', [name, n])
      answers++
    } catch (error) {
      const code = error instanceof Error && 'errno' in error ? Number(error.errno) : 0
      if (!(code > 0))
        return {
          answers,
          errors,
          unanswered: [
            `${name}, statement ${n}, after ${Math.round(performance.now() - sentAt)} ms, ${answers} answers, ${JSON.stringify([...errors])}: ${String(error)}`,
          ],
        }
      failed = true
      errors.set(String(code), (errors.get(String(code)) ?? 0) + 1)
    }
    await sleep(failed ? AFTER_ERROR_MS : everyMs)
    // A closing that has arrived meanwhile is known after the network was looked at once more.
    await polled()
  }
  return { answers, errors, unanswered: [] }
}
