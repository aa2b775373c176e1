/**
 * What is said over the built-in proxy's control socket: one JSON object per line. The first line of a connection is a hello; the
 * proxy answers it and then every request, in order, each with the request's number.
 */
import type { Address } from './address.ts'
import { type ClusterId, clusterId } from './ids.ts'
import { isRecord, type RouteMessage, type RouteVerdict, readAddress, readRouteMessage } from './route.ts'

export const PROXY_CONTROL_VERSION = 1
/** Far above any real line; below what would hurt to buffer for a client that never ends its line. */
export const LONGEST_CONTROL_LINE = 4_194_304

export interface ProxyHello {
  readonly version: number
  readonly cluster: ClusterId
  readonly token: string
}

export type ProxyRequest =
  | { readonly ask: 'status' }
  | { readonly ask: 'route'; readonly message: RouteMessage }
  | { readonly ask: 'sessions' }
  | { readonly ask: 'close_all' }
  | { readonly ask: 'watch' }
  | { readonly ask: 'close_idle'; readonly peers: readonly string[] }
  | { readonly ask: 'hold' }
  | { readonly ask: 'stop' }

export interface ProxySession {
  readonly id: number
  /** The client's address. */
  readonly client: string
  readonly to: Address
  /** The proxy's own end of the server connection: what the server's process list shows as this session's host. */
  readonly localEnd: string
  readonly lastFrom: 'client' | 'server' | 'none'
  readonly lastAgoMs: number
  readonly openedAgoMs: number
  readonly fromClient: number
  readonly fromServer: number
  readonly held: boolean
}

export interface SessionsCount {
  readonly closed: number
  readonly remaining: number
}

/** The proxy as a vantage: how its latest connection to the primary went. */
export type PrimarySeen =
  | { readonly kind: 'never' }
  | { readonly kind: 'greeted'; readonly to: Address; readonly agoMs: number }
  | { readonly kind: 'failed'; readonly to: Address; readonly agoMs: number; readonly why: string }

export interface ProxyStatus {
  readonly pid: number
  readonly cluster: ClusterId
  readonly listen: Address
  readonly upMs: number
  /** What clients are led by. Absent: nobody has told it since it started, and clients wait. */
  readonly inForce?: RouteMessage
  /** The highest message that it ever accepted, an earlier process included: lower ones are refused. */
  readonly last?: RouteMessage
  readonly waiting: number
  readonly sessionsOpen: number
  readonly primarySeen: PrimarySeen
}

/** `kept: false`: accepted and in force, but a restarted proxy would not remember it (its disk failed): no proof. */
export interface RouteAnswer {
  readonly verdict: RouteVerdict
  readonly kept: boolean
  readonly says: string
  readonly has?: RouteMessage
}

export type ProxyReply = { readonly n: number; readonly ok: unknown } | { readonly n: number; readonly refused: string }

export const printLine = (value: unknown): string => `${JSON.stringify(value)}\n`

/** Undefined when a line is no JSON object. */
export function readLine(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

export function readProxyRequest(value: Readonly<Record<string, unknown>>): ProxyRequest | undefined {
  const { ask } = value
  switch (ask) {
    case 'status':
    case 'sessions':
    case 'close_all':
    case 'watch':
    case 'hold':
    case 'stop':
      return { ask }
    case 'route': {
      const message = readRouteMessage(value['message'])
      return message && { ask, message }
    }
    case 'close_idle':
      return isStrings(value['peers']) ? { ask, peers: value['peers'] } : undefined
    default:
      return undefined
  }
}

export function readSessionsCount(value: unknown): SessionsCount | undefined {
  if (!isRecord(value)) return undefined
  const { closed, remaining } = value
  return isCount(closed) && isCount(remaining) ? { closed, remaining } : undefined
}

const VERDICTS: readonly RouteVerdict[] = [
  'accepted',
  'same',
  'refused_older',
  'refused_conflict',
  'refused_other_cluster',
]

export function readRouteAnswer(value: unknown): RouteAnswer | undefined {
  if (!isRecord(value)) return undefined
  const verdict = VERDICTS.find((known) => known === value['verdict'])
  const { kept, says } = value
  if (verdict === undefined || typeof kept !== 'boolean' || typeof says !== 'string') return undefined
  const has = readRouteMessage(value['has'])
  return has ? { verdict, kept, says, has } : { verdict, kept, says }
}

export function readProxyStatus(value: unknown): ProxyStatus | undefined {
  if (!isRecord(value)) return undefined
  const { pid, cluster, upMs, waiting, sessionsOpen } = value
  const listen = readAddress(value['listen'])
  const primarySeen = readPrimarySeen(value['primarySeen'])
  if (!isCount(pid) || typeof cluster !== 'string' || !listen || typeof upMs !== 'number' || !primarySeen)
    return undefined
  if (!isCount(waiting) || !isCount(sessionsOpen)) return undefined
  const [inForce, last] = [readRouteMessage(value['inForce']), readRouteMessage(value['last'])]
  return {
    pid,
    cluster: clusterId(cluster),
    listen,
    upMs,
    waiting,
    sessionsOpen,
    primarySeen,
    ...(inForce && { inForce }),
    ...(last && { last }),
  }
}

function readPrimarySeen(value: unknown): PrimarySeen | undefined {
  if (!isRecord(value)) return undefined
  const { kind, agoMs, why } = value
  if (kind === 'never') return { kind }
  const to = readAddress(value['to'])
  if (!to || typeof agoMs !== 'number') return undefined
  if (kind === 'greeted') return { kind, to, agoMs }
  return kind === 'failed' && typeof why === 'string' ? { kind, to, agoMs, why } : undefined
}

export function readProxySessions(value: unknown): readonly ProxySession[] | undefined {
  if (!Array.isArray(value)) return undefined
  const sessions = value.map(readProxySession)
  return sessions.every((session) => session !== undefined) ? sessions : undefined
}

function readProxySession(value: unknown): ProxySession | undefined {
  if (!isRecord(value)) return undefined
  const { id, client, localEnd, lastFrom, lastAgoMs, openedAgoMs, fromClient, fromServer, held } = value
  const to = readAddress(value['to'])
  if (!isCount(id) || typeof client !== 'string' || !to || typeof localEnd !== 'string' || typeof held !== 'boolean')
    return undefined
  if (lastFrom !== 'client' && lastFrom !== 'server' && lastFrom !== 'none') return undefined
  if (!isCount(lastAgoMs) || !isCount(openedAgoMs) || !isCount(fromClient) || !isCount(fromServer)) return undefined
  return { id, client, to, localEnd, lastFrom, lastAgoMs, openedAgoMs, fromClient, fromServer, held }
}

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
const isStrings = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((v) => typeof v === 'string')
