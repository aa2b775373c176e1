import { z } from 'zod'
import { ProblemError, problem } from '../../model/problem.ts'
import type {
  Client,
  ClusterJson,
  CommandJson,
  EndJson,
  ExplainJson,
  PlannedJson,
  RecoveryJson,
} from '../api/contract.ts'

/** A refusal may take a whole recovery: longer than the longest drain, a switchover and an undo together. */
const LONGEST_MS = 300_000
/** For what only looks. */
const LOOK_MS = 10_000

const problemShape = z.object({ code: z.string(), says: z.string(), tryThis: z.string(), exit: z.number().optional() })

/** A daemon over HTTP. Of several URLs the first that answers is asked. */
export class HttpClient implements Client {
  readonly #urls: readonly string[]
  readonly #token: string | undefined

  constructor(urls: readonly string[], token: string | undefined) {
    this.#urls = urls.map((url) => url.replace(/\/+$/, ''))
    this.#token = token
  }

  clusters = (): Promise<readonly ClusterJson[]> => this.#get('/clusters')
  cluster = (name: string): Promise<ClusterJson> => this.#get(`/clusters/${encodeURIComponent(name)}`)
  explain = (name: string): Promise<ExplainJson> => this.#get(`/clusters/${encodeURIComponent(name)}/explain`)
  plan = (name: string, command: CommandJson): Promise<PlannedJson> =>
    this.#post(`/clusters/${encodeURIComponent(name)}/plan`, command)
  run = (name: string, command: CommandJson): Promise<EndJson> =>
    this.#post(`/clusters/${encodeURIComponent(name)}/run`, command)
  history = (name: string, limit: number): Promise<readonly RecoveryJson[]> =>
    this.#get(`/clusters/${encodeURIComponent(name)}/history?limit=${limit}`)
  recovery = (id: string): Promise<RecoveryJson> => this.#get(`/recoveries/${encodeURIComponent(id)}`)

  async pause(name: string, order: { reason: string; by: string; forMs: number }): Promise<void> {
    await this.#post(`/clusters/${encodeURIComponent(name)}/pause`, order)
  }

  async resume(name: string): Promise<void> {
    await this.#post(`/clusters/${encodeURIComponent(name)}/resume`, {})
  }

  async forget(name: string, server: string): Promise<void> {
    await this.#post(`/clusters/${encodeURIComponent(name)}/forget`, { server })
  }

  async end(): Promise<void> {
    return undefined
  }

  #get<T>(path: string): Promise<T> {
    return this.#ask(path, { method: 'GET', signal: AbortSignal.timeout(LOOK_MS) })
  }

  #post<T>(path: string, body: unknown): Promise<T> {
    return this.#ask(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
      signal: AbortSignal.timeout(LONGEST_MS),
    })
  }

  async #ask<T>(path: string, init: RequestInit): Promise<T> {
    const headers = new Headers(init.headers)
    if (this.#token !== undefined) headers.set('authorization', `Bearer ${this.#token}`)
    const tried: string[] = []
    for (const url of this.#urls) {
      const answer = await fetch(`${url}/api/v1${path}`, { ...init, headers }).catch(
        (error: unknown) => void tried.push(`${url}: ${causeOf(error)}`),
      )
      if (answer) return read(answer)
    }
    throw new ProblemError(problem('daemon_unreachable', { url: this.#urls.join(', '), why: tried.join('; ') }))
  }
}

const causeOf = (error: unknown): string =>
  error instanceof Error ? (error.cause instanceof Error ? error.cause.message : error.message) : String(error)

async function read<T>(answer: Response): Promise<T> {
  const body: unknown = answer.status === 204 ? undefined : await answer.json().catch(() => undefined)
  if (answer.ok) return body as T
  const known = problemShape.safeParse(body)
  const base = problem(
    answer.status === 401 || answer.status === 403 ? 'not_allowed' : answer.status === 409 ? 'refused' : 'usage',
    { why: '', what: '', fix: '' },
  )
  const says = known.success
    ? { says: known.data.says, tryThis: known.data.tryThis }
    : { says: `the daemon answered ${answer.status}`, tryThis: 'look at its log' }
  throw new ProblemError({ ...base, ...says })
}
