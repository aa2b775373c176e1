import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { type ExitCode, type Problem, ProblemError, problem } from '../../model/problem.ts'
import { closest } from './closest.ts'

/** What went wrong, and what to try: the body of every answer that is not a 2xx. */
export type ProblemJson = Pick<Problem, 'says' | 'tryThis'> & { readonly code: string; readonly exit: ExitCode }

/** One status per kind of end; `exit` in the body is the code that a command line ends with. */
const STATUS: { readonly [E in ExitCode]: number } = { 1: 500, 2: 400, 3: 409, 4: 503, 5: 401, 6: 202 }

export const statusOf = ({ code, exit }: Pick<Problem, 'code' | 'exit'>): number =>
  code === 'cluster_unknown' ? 404 : STATUS[exit]

export function answerProblem(reply: FastifyReply, found: ProblemJson, status: number): FastifyReply {
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="regent"')
  const { code, says, tryThis, exit } = found
  return reply.code(status).send({ code, says, tryThis, exit })
}

/** Refusals that HTTP itself makes, in our words. */
const BY_HTTP: Readonly<Record<string, { readonly status: number; readonly what: string; readonly fix: string }>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    status: 415,
    what: 'the body is not JSON',
    fix: 'send it with content-type: application/json',
  },
  FST_ERR_CTP_INVALID_JSON_BODY: { status: 400, what: 'the body is not valid JSON', fix: 'check it: jq . <body.json' },
  FST_ERR_CTP_EMPTY_JSON_BODY: { status: 400, what: 'the body is empty', fix: 'send {} where nothing is to be said' },
  FST_ERR_BAD_URL: { status: 400, what: 'the path is not valid', fix: 'percent-encode it as UTF-8' },
  FST_ERR_CTP_BODY_TOO_LARGE: { status: 413, what: 'the body is too large', fix: 'send at most 1 MiB' },
}

/** An error as a person's problem. What nobody foresaw is told to `onFault`, and its insides are not shown to the caller. */
export function answerError(
  error: FastifyError | Error,
  reply: FastifyReply,
  onFault: (says: string) => void,
): FastifyReply {
  if (error instanceof ProblemError) return answerProblem(reply, error.problem, statusOf(error.problem))
  const known = 'code' in error ? BY_HTTP[error.code] : undefined
  if (known) return answerProblem(reply, problem('usage', { what: known.what, fix: known.fix }), known.status)
  if ('statusCode' in error && error.statusCode !== undefined && error.statusCode < 500)
    return answerProblem(reply, problem('usage', { what: error.message, fix: DOCUMENTED }), error.statusCode)
  onFault(`the API failed at ${reply.request.method} ${pathOf(reply.request)}: ${error.stack ?? error.message}`)
  const says = 'Regent itself failed at this request'
  return answerProblem(
    reply,
    { code: 'fault', says, tryThis: "see Regent's own log, and report it with these lines", exit: 1 },
    500,
  )
}

const DOCUMENTED = 'see /api/v1/openapi.json'

export const pathOf = (request: FastifyRequest): string => request.url.split('?')[0] ?? ''

export function answerUnknownPath(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const what = `there is no ${request.method} ${pathOf(request)}`
  return answerProblem(reply, problem('usage', { what, fix: `the paths are listed in /api/v1/openapi.json` }), 404)
}

/** One sentence for everything that is wrong with a body or a query. */
export function wrongInput(error: z.ZodError, schema: z.ZodType): ProblemError {
  const said = error.issues.map((issue) => wordsFor(issue, schema))
  const what = said.map((s) => s.what).join('; ')
  const fix = [...new Set(said.map((s) => s.fix))].join('; ')
  return new ProblemError(problem('usage', { what, fix }))
}

function wordsFor(issue: z.core.$ZodIssue, schema: z.ZodType): { readonly what: string; readonly fix: string } {
  const at = issue.path.join('.')
  if (issue.code !== 'unrecognized_keys')
    return { what: at === '' ? issue.message : `${at}: ${issue.message}`, fix: DOCUMENTED }
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
  const fixes = issue.keys.map((key) => {
    const meant = closest(key, known)
    if (meant !== undefined) return `write ${meant} instead of ${key}`
    return known.length > 0 ? `the keys are ${known.join(', ')}` : 'leave it out'
  })
  return { what: `unknown key ${issue.keys.join(', ')}`, fix: fixes.join(', ') }
}
