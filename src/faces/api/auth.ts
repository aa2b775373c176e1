import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Address } from '../../model/address.ts'
import { problem } from '../../model/problem.ts'
import { answerProblem } from './answers.ts'

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i

export const isLoopback = (host: string): boolean => LOOPBACK.test(host)

/** What one route asks of whoever calls it. */
export type Need = 'nothing' | 'read' | 'change'

export interface Guard {
  readonly listen: Address
  readonly token: string
}

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly need?: Need
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Digests of equal length are compared in constant time: how long it takes tells nothing about the token. */
export function tokenMatches(authorization: string | undefined, token: string): boolean {
  const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
  return given !== undefined && token !== '' && timingSafeEqual(digest(given), digest(token))
}

/**
 * Whoever stands on this host may read; changes need the token everywhere. A page on some other site cannot read through the
 * user's browser: by a name that it made point to loopback the Host header is wrong, and answers carry no CORS header.
 */
export function guard({ listen, token }: Guard) {
  const local = isLoopback(listen.host)
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const need = request.is404 ? 'nothing' : (request.routeOptions.config.need ?? needByPath(request.url))
    if (need === 'nothing') return undefined
    if (local && !isLoopback(hostOf(request.headers.host)))
      return answerProblem(reply, problem('not_allowed', { why: WRONG_HOST }), 403)
    if (need === 'read' && local) return undefined
    if (tokenMatches(request.headers.authorization, token)) return undefined
    const why = request.headers.authorization === undefined ? 'this needs a token' : 'the token is not valid'
    return answerProblem(reply, problem('not_allowed', { why }), 401)
  }
}

/** A route of the API that forgot to say what it needs is shut, not open. */
const needByPath = (url: string): Need => (url.startsWith('/api/') ? 'change' : 'nothing')

const WRONG_HOST = 'this Regent listens on this host only, and was asked for by another name'

/** Without the port: a port forwarded by ssh is another one. */
const hostOf = (header: string | undefined): string => (header ?? '').replace(/:\d+$/, '')
