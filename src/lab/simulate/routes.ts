import { acceptRoute, printOrdinal, type RouteMessage } from '../../model/route.ts'
import type { Announcer, Confirmation, RouteReading } from '../../ports/announcers.ts'
import { NET_MS } from './latency.ts'
import type { Life } from './life.ts'
import type { Session } from './server.ts'
import type { RoutePlace, Universe } from './universe.ts'

/** One process's hold on one route. The route itself outlives it, and refuses what is older than what it was told last. */
export function modelAnnouncer(universe: Universe, place: RoutePlace, life: Life): Announcer {
  const call = <T>(delayMs: number, signal: AbortSignal, at: () => T, silent: T): Promise<T> =>
    new Promise((resolve) => {
      const over = (): void => resolve(silent)
      if (signal.aborted) return over()
      signal.addEventListener('abort', over, { once: true })
      universe.timeline.after(NET_MS + delayMs, () => {
        if (!place.reachable) return
        const answer = at()
        universe.timeline.after(NET_MS, () => {
          signal.removeEventListener('abort', over)
          resolve(answer)
        })
      })
    })
  const tell = (what: string, message: RouteMessage, signal: AbortSignal): Promise<Confirmation> =>
    life.point(`${what} ${place.name}`, (delayMs) =>
      call(delayMs, signal, () => told(universe, place, message), UNREACHABLE),
    )
  const nothingClosed = { closed: 0, remaining: 1 }
  return {
    name: place.name,
    can: { hold: true },
    withdraw: (message, signal) => tell('withdraw', message, signal),
    announce: (message, signal) => tell('announce', message, signal),
    read: (signal) =>
      life.outlive(call<RouteReading>(0, signal, () => read(universe, place), { kind: 'unknown', why: 'no answer' })),
    closeSessions: (_how, signal) =>
      life.point(`close sessions ${place.name}`, (delayMs) =>
        call(delayMs, signal, () => close(universe, sessionsOf(universe, place)), nothingClosed),
      ),
    hold: (signal) =>
      life.point(`hold ${place.name}`, (delayMs) =>
        call(delayMs, signal, () => ({ held: hold(universe, place, formerSessions(universe, place)) }), { held: 0 }),
      ),
    watch: (signal) =>
      life.outlive(call(0, signal, () => ({ watched: watch(formerSessions(universe, place)) }), { watched: 0 })),
    closeIdle: (peers, signal) =>
      life.point(`close idle ${place.name}`, (delayMs) =>
        call(delayMs, signal, () => closeIdle(universe, place, peers), nothingClosed),
      ),
  }
}

const UNREACHABLE: Confirmation = { kind: 'unreachable', why: 'no answer within the deadline' }

function told(universe: Universe, place: RoutePlace, message: RouteMessage): Confirmation {
  const verdict = acceptRoute(place.message, message)
  if (verdict !== 'accepted' && verdict !== 'same') {
    const has = place.message
    return {
      kind: 'refused',
      why: `${verdict}: it has ${has ? printOrdinal(has) : 'nothing'}`,
      ...(has ? { has } : {}),
    }
  }
  place.message = message
  if (message.kind === 'open') {
    const former = new Set(formerSessions(universe, place))
    for (const session of sessionsOf(universe, place)) if (!former.has(session)) release(session)
    // Whoever is held keeps the answer under way; all others would go on at a server that reigns no more.
    close(
      universe,
      [...former].filter((s) => s.held === undefined),
    )
  }
  return { kind: 'confirmed', readBack: message, sessionsOpen: sessionsOf(universe, place).length }
}

const read = (universe: Universe, place: RoutePlace): RouteReading =>
  place.message
    ? { kind: 'known', message: place.message, sessionsOpen: sessionsOf(universe, place).length }
    : { kind: 'empty' }

const sessionsOf = (universe: Universe, place: RoutePlace): readonly Session[] =>
  universe.servers.flatMap((s) => s.sessions.filter((session) => session.route === place.name && session.open))

/** Sessions of this route that lead elsewhere than the route does now. */
function formerSessions(universe: Universe, place: RoutePlace): readonly Session[] {
  const message = place.message
  const now = message?.kind === 'open' ? universe.at(message.primary)?.name : undefined
  return sessionsOf(universe, place).filter((s) => s.server !== now)
}

/** As long as a route holds a session at most: a client must not hang for ever because its Regent is gone. */
const BOUND_MS = 10_000

function hold(universe: Universe, place: RoutePlace, sessions: readonly Session[]): number {
  for (const session of sessions) {
    if (session.held) continue
    const held: (() => void)[] = []
    session.held = held
    universe.timeline.after(BOUND_MS, () => {
      if (session.held !== held || !session.open) return
      if (place.message?.kind === 'open') close(universe, [session])
      else release(session)
    })
  }
  return sessions.length
}

function release(session: Session): void {
  const said = session.held ?? []
  delete session.held
  for (const go of said) go()
}

function watch(sessions: readonly Session[]): number {
  for (const session of sessions) session.watched = true
  return sessions.length
}

/** Closed is what was looked at before, is idle, and has said nothing since that its server may have heard; the rest is held from now on. */
function closeIdle(universe: Universe, place: RoutePlace, peers: readonly string[]) {
  const all = formerSessions(universe, place)
  const silent = (s: Session): boolean => s.watched === true || s.held !== undefined
  const saidWhileHeld = (s: Session): boolean => (s.held?.length ?? 0) > 0
  const idle = all.filter((s) => peers.includes(s.peer) && silent(s) && (!s.busy || saidWhileHeld(s)))
  const { closed } = close(universe, idle)
  hold(
    universe,
    place,
    all.filter((s) => s.open),
  )
  return { closed, remaining: all.length - closed }
}

function close(universe: Universe, sessions: readonly Session[]): { closed: number; remaining: number } {
  for (const session of sessions) session.open = false
  for (const server of universe.servers) server.sessions = server.sessions.filter((s) => s.open)
  return { closed: sessions.length, remaining: 0 }
}
