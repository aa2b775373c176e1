import fastify, { type FastifyInstance } from 'fastify'
import { z } from 'zod'
import { type Address, printAddress } from '../../model/address.ts'
import { ProblemError, problem } from '../../model/problem.ts'
import { answerError, answerProblem, answerUnknownPath, wrongInput } from './answers.ts'
import { guard } from './auth.ts'
import type { Client, EventJson } from './contract.ts'
import { addOpenApi } from './openapi.ts'
import { addPages } from './pages.ts'
import { addRoutes } from './routes.ts'
import { EventStream } from './stream.ts'

export interface ApiParts {
  readonly listen: Address
  /** Whoever shows it may change things. Never logged, never answered. */
  readonly token: string
  readonly client: Client
  readonly subscribe: (listener: (event: EventJson) => void) => Disposable
  /** The built page; where it is missing a plain one says how to build it. */
  readonly webDir: string
  /** Ends the server. */
  readonly signal: AbortSignal
  readonly version?: string
  /** Why this Regent could change nothing now; undefined where it could. Default: never asked. */
  readonly cannotAct?: () => string | undefined
  /** Faults that no caller can mend. Default: standard error. */
  readonly onFault?: (says: string) => void
}

export interface RunningApi extends AsyncDisposable {
  readonly url: string
  readonly listen: Address
  end(): Promise<void>
}

const BODY_LIMIT = 1024 * 1024

/** Listens, or throws `port_taken` where a stranger does already. Port 0 takes any free one. */
export async function startApi(parts: ApiParts): Promise<RunningApi> {
  const app = await buildApi(parts)
  const { host, port } = parts.listen
  const end = (): Promise<void> => app.close()
  const stop = (): void => void end()
  app.addHook('onClose', async () => parts.signal.removeEventListener('abort', stop))
  try {
    await app.listen({ host, port })
  } catch (error) {
    await app.close()
    if (!isTaken(error)) throw error
    throw new ProblemError(problem('port_taken', { address: printAddress(parts.listen), port }), { cause: error })
  }
  parts.signal.addEventListener('abort', stop, { once: true })
  if (parts.signal.aborted) await end()
  const bound = boundTo(app, parts.listen)
  return { url: urlOf(bound), listen: bound, end, [Symbol.asyncDispose]: end }
}

/** All of it without a socket. */
export async function buildApi(parts: ApiParts): Promise<FastifyInstance> {
  const onFault = parts.onFault ?? ((says: string) => void process.stderr.write(`${says}\n`))
  const app = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    forceCloseConnections: true,
    // What fails before there is a route never reaches the handler of errors.
    frameworkErrors: (error, _, reply) => void answerError(error, reply, onFault),
  })
  // Answers are our own typed values: checking them again would only cost time, and hide what a newer part says.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))
  app.setValidatorCompiler(({ schema }) => (data: unknown) => {
    if (!(schema instanceof z.ZodType)) throw new TypeError('every schema of a route is one of zod')
    const read = schema.safeParse(data)
    return read.success ? { value: read.data } : { error: wrongInput(read.error, schema) }
  })
  // A form of a foreign page can post text and form data without asking; JSON it cannot.
  app.removeContentTypeParser('text/plain')
  app.setErrorHandler((error: Error, _, reply) => answerError(error, reply, onFault))
  app.setNotFoundHandler(answerUnknownPath)
  app.addHook('onRequest', guard(parts))
  app.addHook('onRequest', async (request, reply) => {
    if (request.method !== 'POST' || /^application\/json\b/i.test(request.headers['content-type'] ?? ''))
      return undefined
    const fix = 'send it with content-type: application/json'
    return answerProblem(reply, problem('usage', { what: 'the body is not JSON', fix }), 415)
  })
  await addAll(app, parts, onFault)
  return app
}

async function addAll(app: FastifyInstance, parts: ApiParts, onFault: (says: string) => void): Promise<void> {
  const { client, subscribe, webDir, version, cannotAct = () => undefined } = parts
  const now = async (): Promise<readonly EventJson[]> =>
    (await client.clusters()).map((cluster) => ({ kind: 'cluster', cluster }))
  const stream = new EventStream({ subscribe, now, onFault })
  app.addHook('preClose', async () => stream.end())
  await addOpenApi(app, version ?? '0')
  await app.register((api) => addRoutes(api, { client, tell: (event) => stream.tell(event) }), { prefix: '/api/v1' })
  await app.register(async (api) => addEvents(api, stream), { prefix: '/api/v1' })
  addHealth(app, client, cannotAct)
  await addPages(app, webDir)
}

function addEvents(api: FastifyInstance, stream: EventStream): void {
  const summary =
    'server-sent events: every cluster as it is now, then what happens; Last-Event-ID brings what was missed'
  api.get('/events', { config: { need: 'read' }, schema: { tags: ['events'], summary } }, (request, reply) => {
    const last = request.headers['last-event-id']
    return stream.follow(reply, Array.isArray(last) ? last[0] : last)
  })
  api.get('/openapi.json', { config: { need: 'read' }, schema: { hide: true } }, () => api.swagger())
}

/** For supervisors and load balancers: no token, no name, and nothing told. */
function addHealth(app: FastifyInstance, client: Client, cannotAct: () => string | undefined): void {
  app.get('/healthz', { schema: { tags: ['health'], summary: '200 while this Regent runs' } }, () => ({
    running: true,
  }))
  const summary = '200 when every cluster has been looked at and this Regent can act, else 503 with why'
  app.get('/readyz', { schema: { tags: ['health'], summary } }, async (_, reply) => {
    const looked = await client.clusters().then(
      (all) => all.length > 0,
      () => false,
    )
    const why = looked ? cannotAct() : 'not every cluster has been looked at yet'
    return reply
      .code(why === undefined ? 200 : 503)
      .send({ ready: why === undefined, ...(why === undefined ? {} : { why }) })
  })
}

const isTaken = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'

function boundTo(app: FastifyInstance, asked: Address): Address {
  const bound = app.addresses()[0]
  return typeof bound === 'object' ? { host: asked.host, port: bound.port } : asked
}

/** For people and browsers: an address that means "all of them" is none that one can go to. */
function urlOf(bound: Address): string {
  const host = bound.host === '0.0.0.0' || bound.host === '::' ? 'localhost' : bound.host
  return `http://${printAddress({ ...bound, host })}`
}
