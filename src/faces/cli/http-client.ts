import { isExitCode, isProblemCode, type Problem, ProblemError, problem } from '../../model/problem.ts'
import type {
  Client,
  ClusterJson,
  CommandJson,
  EndJson,
  ExplainJson,
  PlannedJson,
  QuestionJson,
  RecoveryJson,
} from '../api/contract.ts'

export interface HttpTimes {
  /** For what only looks, ms. */
  readonly lookMs: number
  /** For what changes something, ms: longer than the longest drain, a switchover and an undo together. */
  readonly changeMs: number
}

export const HTTP_TIMES: HttpTimes = { lookMs: 10_000, changeMs: 300_000 }

/** What is asked, and how a right answer is known: whatever listens on that port may be somebody else. */
interface Question<T> {
  readonly path: string
  readonly body?: unknown
  readonly is: (value: unknown) => value is T
  /** May take as long as a recovery. */
  readonly changes?: true
  /** The recovery that this starts: it goes on when nobody waits for its answer any more. */
  readonly recovery?: string
}

/** A daemon over HTTP. Of several URLs the first that answers is asked; of several that answer, the one that may act. */
export class HttpClient implements Client {
  readonly #urls: readonly string[]
  readonly #token: string | undefined
  readonly #times: HttpTimes
  readonly #ended = new AbortController()
  /** Who asked: the answer goes to that one and no other. */
  #askedBy: string | undefined

  /** Throws `usage` for what is no URL. */
  constructor(urls: readonly string[], token: string | undefined, times: HttpTimes = HTTP_TIMES) {
    this.#urls = urls.map(urlOf)
    this.#token = token
    this.#times = times
  }

  clusters = (): Promise<readonly ClusterJson[]> => this.#get('/clusters', isListOf(isCluster))
  cluster = (name: string): Promise<ClusterJson> => this.#get(at(name), isCluster)
  explain = (name: string): Promise<ExplainJson> => this.#get(`${at(name)}/explain`, isExplanation)
  history = (name: string, limit: number): Promise<readonly RecoveryJson[]> =>
    this.#get(`${at(name)}/history?limit=${limit}`, isListOf(isRecovery))
  recovery = (id: string): Promise<RecoveryJson> => this.#get(`/recoveries/${encodeURIComponent(id)}`, isRecovery)
  plan = (name: string, body: CommandJson): Promise<PlannedJson> =>
    this.#ask({ path: `${at(name)}/plan`, body, is: isPlanned })

  run(name: string, body: CommandJson): Promise<EndJson> {
    const recovery = body.shown ? { recovery: body.shown.plan.recovery } : {}
    return this.#ask({ path: `${at(name)}/run`, body, is: isEnd, changes: true, ...recovery })
  }

  /** Of several, the one that runs the recovery asks; the others know of no question. */
  async question(id: string): Promise<QuestionJson | undefined> {
    for (const url of this.#urls) {
      const answer = await this.#askOne(url, { path: `/recoveries/${encodeURIComponent(id)}/question`, is: isQuestion })
      if (answer.kind !== 'value' || answer.value === undefined) continue
      this.#askedBy = url
      return answer.value
    }
    return undefined
  }

  answer(id: string, yes: boolean): Promise<void> {
    const question = { path: `/recoveries/${encodeURIComponent(id)}/answer`, body: { yes }, is: isNothing }
    return this.#ask(question, this.#askedBy === undefined ? this.#urls : [this.#askedBy])
  }

  pause = (name: string, order: { reason: string; by: string; forMs: number }): Promise<void> =>
    this.#ask({ path: `${at(name)}/pause`, body: order, is: isNothing })
  resume = (name: string): Promise<void> => this.#ask({ path: `${at(name)}/resume`, body: {}, is: isNothing })
  forget = (name: string, server: string): Promise<void> =>
    this.#ask({ path: `${at(name)}/forget`, body: { server }, is: isNothing })

  /** Whatever is still asked is waited for no more: a program that ends would otherwise live as long as a change takes. */
  async end(): Promise<void> {
    this.#ended.abort()
  }

  #get<T>(path: string, is: (value: unknown) => value is T): Promise<T> {
    return this.#ask({ path, is })
  }

  async #ask<T>(question: Question<T>, urls: readonly string[] = this.#urls): Promise<T> {
    const tried: string[] = []
    let elsewhere: Problem | undefined
    for (const url of urls) {
      const answer = await this.#askOne(url, question)
      if (answer.kind === 'value') return answer.value
      if (answer.kind === 'unreachable') tried.push(`${url}: ${answer.why}`)
      else if (answer.problem.code === 'lease_taken') elsewhere = answer.problem
      else throw new ProblemError(answer.problem)
    }
    throw new ProblemError(elsewhere ?? problem('daemon_unreachable', { url: urls.join(', '), why: tried.join('; ') }))
  }

  async #askOne<T>(url: string, question: Question<T>): Promise<Answer<T>> {
    const { path, body, is } = question
    const headers = new Headers(body === undefined ? {} : { 'content-type': 'application/json' })
    if (this.#token !== undefined) headers.set('authorization', `Bearer ${this.#token}`)
    const deadlineMs = question.changes ? this.#times.changeMs : this.#times.lookMs
    try {
      const answer = await fetch(`${url}/api/v1${path}`, {
        headers,
        signal: AbortSignal.any([AbortSignal.timeout(deadlineMs), this.#ended.signal]),
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      })
      const said: unknown = answer.status === 204 ? undefined : await answer.json().catch(noJson)
      if (!answer.ok) return refusalOf(answer.status, said)
      return is(said) ? { kind: 'value', value: said } : { kind: 'unreachable', why: STRANGER }
    } catch (error) {
      const why = causeOf(error, deadlineMs)
      // Sent, and perhaps taken: asking another one, or this one again, could do it twice.
      if (question.recovery !== undefined && !neverSent(error))
        throw new ProblemError(problem('still_running', { id: question.recovery, why }), { cause: error })
      return { kind: 'unreachable', why }
    }
  }
}

type Answer<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'problem'; readonly problem: Problem }
  | { readonly kind: 'unreachable'; readonly why: string }

const STRANGER = 'what answers there is no Regent'

const at = (name: string): string => `/clusters/${encodeURIComponent(name)}`

/** `host:port` is meant as a URL. */
function urlOf(text: string): string {
  const url = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`
  if (URL.canParse(url) && /^https?:/i.test(url)) return url.replace(/\/+$/, '')
  throw new ProblemError(
    problem('usage', { what: `${text} is no URL of a Regent`, fix: 'write for example --api http://127.0.0.1:3300' }),
  )
}

/** A reset while the body is read is as much an outcome unknown as one before. */
function noJson(error: unknown): undefined {
  if (error instanceof SyntaxError) return undefined
  throw error
}

function causeOf(error: unknown, deadlineMs: number): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return `no answer within ${deadlineMs / 1000} s`
  const { cause } = error
  // Several addresses of one name were tried: the words are in the parts.
  if (cause instanceof AggregateError) return cause.errors.map(String).join(', ')
  return cause instanceof Error ? cause.message : error.message
}

const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

function neverSent(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return typeof code === 'string' && NEVER_SENT.has(code)
}

/** In the words and with the exit code of the daemon; without them it is no Regent that answers. */
function refusalOf(status: number, said: unknown): Answer<never> {
  if (!has(said, 'code', 'says', 'tryThis')) return { kind: 'unreachable', why: `${STRANGER} (HTTP ${status})` }
  const { code, says, tryThis, exit } = said
  const known = isProblemCode(code) ? code : 'reply_unusable'
  const base = problem(known, { server: 'the daemon', what: String(says) })
  return {
    kind: 'problem',
    problem: {
      ...base,
      says: String(says),
      tryThis: String(tryThis),
      ...(isExitCode(exit) ? { exit } : {}),
    },
  }
}

function has(value: unknown, ...keys: readonly string[]): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && keys.every((key) => key in value)
}

const isCluster = (value: unknown): value is ClusterJson => has(value, 'alias', 'verdict', 'servers', 'refusals')
const isExplanation = (value: unknown): value is ExplainJson => has(value, 'alias', 'diagnosis', 'whyNot')
const isRecovery = (value: unknown): value is RecoveryJson => has(value, 'id', 'kind', 'state', 'steps')
const isPlanned = (value: unknown): value is PlannedJson => has(value, 'kind')
const isEnd = (value: unknown): value is EndJson => has(value, 'kind', 'id')
const isQuestion = (value: unknown): value is QuestionJson | undefined =>
  value === undefined || has(value, 'id', 'until', 'differs', 'plan')
const isNothing = (value: unknown): value is undefined => value === undefined
const isListOf =
  <T>(is: (value: unknown) => value is T) =>
  (value: unknown): value is readonly T[] =>
    Array.isArray(value) && value.every(is)
