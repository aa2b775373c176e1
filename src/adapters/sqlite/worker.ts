/**
 * The worker thread that owns the SQLite file: an fsync would stop the main loop, and with it the looking at servers. It executes
 * what it is asked in the order of arrival.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { ProblemError } from '../../model/problem.ts'
import { Database } from './database.ts'
import { handlersOf } from './handlers.ts'
import type { Answer, Call, Failure, FromWorker, ToWorker, WorkerSettings } from './protocol.ts'
import { troubleOf } from './trouble.ts'

/** A pause that long between calls is the moment to fold the log into the file. */
const IDLE_MS = 200
/** Below this many transactions the log is small enough to leave alone. */
const CHECKPOINT_AFTER = 100

const settings: WorkerSettings = workerData
const port = parentPort
if (port === null) throw new Error('the store runs in a worker thread only')
const send = (message: FromWorker): void => port.postMessage(message)

function failureOf(error: unknown): Failure {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const known = error instanceof ProblemError ? error.problem : troubleOf(error, settings.path)
  return known === undefined ? { kind: 'fault', detail } : { kind: 'problem', problem: known, detail }
}

const isLocked = (failure: Failure): boolean => failure.kind === 'problem' && failure.problem.code === 'store_locked'

function open(): Database | undefined {
  try {
    const db = Database.open(settings.path, settings.openedAt)
    if (settings.maxPages !== undefined) db.limitPages(settings.maxPages)
    send({ kind: 'opened' })
    return db
  } catch (error) {
    send({ kind: 'not_opened', failure: failureOf(error) })
    return undefined
  }
}

function serve(db: Database): void {
  const handlers = handlersOf(db, settings)
  let sinceCheckpoint = 0
  let idle: NodeJS.Timeout | undefined

  const execute = ({ name, input }: Call): unknown => (handlers[name] as (input: Call['input']) => unknown)(input)
  const attempt = (work: () => unknown): Answer => {
    try {
      return { ok: true, value: work() }
    } catch (error) {
      return { ok: false, failure: failureOf(error) }
    }
  }
  const batch = (calls: readonly Call[]): readonly Answer[] => {
    const together = attempt(() => db.write(() => calls.map(execute)))
    if (together.ok && Array.isArray(together.value)) return together.value.map((value) => ({ ok: true, value }))
    // Each alone would wait for the same lock again, and the lease's renewal behind them all.
    if (!together.ok && isLocked(together.failure)) return calls.map(() => together)
    return calls.map((call) => attempt(() => execute(call)))
  }
  const tidy = (): void => {
    if (sinceCheckpoint < CHECKPOINT_AFTER) return
    const done = attempt(() => db.checkpoint())
    if (done.ok) sinceCheckpoint = 0
    else send({ kind: 'trouble', failure: done.failure })
  }

  port?.on('message', (message: ToWorker) => {
    clearTimeout(idle)
    if (message.kind === 'end') {
      db[Symbol.dispose]()
      port.close()
      return
    }
    if (message.kind === 'call') send({ kind: 'answer', id: message.id, answer: attempt(() => execute(message.call)) })
    else send({ kind: 'answers', id: message.id, answers: batch(message.calls) })
    sinceCheckpoint += 1
    idle = setTimeout(tidy, IDLE_MS)
  })
}

const db = open()
if (db !== undefined) serve(db)
