/** The built-in proxy as a route: told and read back over its control socket. */
import {
  type ProxySession,
  type ProxyStatus,
  readProxySessions,
  readProxyStatus,
  readRouteAnswer,
  readSessionsCount,
} from '../../model/proxy-control.ts'
import { isRecord, type RouteMessage, sameRoute } from '../../model/route.ts'
import type { Announcer, Confirmation, RouteReading, SessionsClosed } from '../../ports/announcers.ts'
import { type ProxyAccess, type ProxyAnswer, ProxyLink } from './proxy-link.ts'

export type { ProxyAccess } from './proxy-link.ts'

export interface ProxyAnnouncer extends Announcer, Disposable {
  readonly can: { readonly hold: true }
  closeSessions(how: 'at_once', signal: AbortSignal): Promise<SessionsClosed>
  hold(signal: AbortSignal): Promise<{ readonly held: number }>
  watch(signal: AbortSignal): Promise<{ readonly watched: number }>
  closeIdle(idlePeers: readonly string[], signal: AbortSignal): Promise<SessionsClosed>
  /** `refused`: it answers, and tells nobody who asks like that. */
  status(signal: AbortSignal): Promise<ProxyStatus | NoAnswer>
  sessions(signal: AbortSignal): Promise<readonly ProxySession[] | { readonly unknown: string }>
  /** Undefined once it has said that it stops. */
  stop(signal: AbortSignal): Promise<NoAnswer | undefined>
}

/** Why something is not known: in the proxy's own words, where it `refused`. */
export interface NoAnswer {
  readonly unknown: string
  readonly refused: boolean
}
const noAnswer = (answer: Exclude<ProxyAnswer, { kind: 'ok' }>): NoAnswer => ({
  unknown: answer.why,
  refused: answer.kind === 'refused',
})

/** A closing of unknown outcome proves nothing: at least one session counts as open. */
const UNKNOWN_CLOSING: SessionsClosed = { closed: 0, remaining: 1 }

export function proxyAnnouncer(name: string, access: ProxyAccess): ProxyAnnouncer {
  const link = new ProxyLink(access)
  const count = async (answer: Promise<ProxyAnswer>): Promise<SessionsClosed> => {
    const got = await answer
    return (got.kind === 'ok' ? readSessionsCount(got.value) : undefined) ?? UNKNOWN_CLOSING
  }
  return {
    name,
    can: { hold: true },
    withdraw: (message, signal) => tell(link, message, signal),
    announce: (message, signal) => tell(link, message, signal),
    read: async (signal) => readingOf(await status(link, signal)),
    closeSessions: (_how, signal) => count(link.ask({ ask: 'close_all' }, signal)),
    closeIdle: (peers, signal) => count(link.ask({ ask: 'close_idle', peers }, signal)),
    hold: async (signal) => {
      const got = await link.ask({ ask: 'hold' }, signal)
      const held = got.kind === 'ok' && isRecord(got.value) ? got.value['held'] : undefined
      return { held: typeof held === 'number' ? held : 0 }
    },
    watch: async (signal) => {
      const got = await link.ask({ ask: 'watch' }, signal)
      const watched = got.kind === 'ok' && isRecord(got.value) ? got.value['watched'] : undefined
      return { watched: typeof watched === 'number' ? watched : 0 }
    },
    status: (signal) => status(link, signal),
    sessions: async (signal) => {
      const got = await link.ask({ ask: 'sessions' }, signal)
      if (got.kind !== 'ok') return { unknown: got.why }
      return readProxySessions(got.value) ?? { unknown: 'the proxy listed something that are no sessions' }
    },
    stop: async (signal) => {
      const got = await link.ask({ ask: 'stop' }, signal)
      return got.kind === 'ok' ? undefined : noAnswer(got)
    },
    [Symbol.dispose]: () => link[Symbol.dispose](),
  }
}

/** The read-back is asked in the same breath; the proxy answers in order, so it shows the message's effect. */
async function tell(link: ProxyLink, message: RouteMessage, signal: AbortSignal): Promise<Confirmation> {
  const [told, seen] = await Promise.all([link.ask({ ask: 'route', message }, signal), status(link, signal)])
  if (told.kind === 'refused') return { kind: 'refused', why: told.why }
  if (told.kind !== 'ok') return { kind: 'unreachable', why: told.why }
  const answer = readRouteAnswer(told.value)
  if (!answer) return { kind: 'unreachable', why: 'the proxy answered something that is no answer' }
  if (!answer.kept) return { kind: 'refused', why: answer.says, ...(answer.has && { has: answer.has }) }
  if ('unknown' in seen) return { kind: 'unreachable', why: seen.unknown }
  const readBack = seen.inForce
  if (!readBack || !sameRoute(readBack, message)) {
    const has = readBack ?? answer.has
    return { kind: 'refused', why: 'read back, it says something else than it was told', ...(has && { has }) }
  }
  return { kind: 'confirmed', readBack, sessionsOpen: seen.sessionsOpen }
}

async function status(link: ProxyLink, signal: AbortSignal): Promise<ProxyStatus | NoAnswer> {
  const got = await link.ask({ ask: 'status' }, signal)
  if (got.kind !== 'ok') return noAnswer(got)
  return readProxyStatus(got.value) ?? { unknown: 'the proxy answered something that is no status', refused: false }
}

function readingOf(seen: ProxyStatus | NoAnswer): RouteReading {
  if ('unknown' in seen) return { kind: 'unknown', why: seen.unknown }
  const { inForce, last, sessionsOpen } = seen
  if (inForce) return { kind: 'known', message: inForce, sessionsOpen }
  return last ? { kind: 'empty', refusesBelow: last } : { kind: 'empty' }
}
