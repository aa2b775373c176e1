import { type Address, sameAddress } from '../../model/address.ts'
import { done, failed, type Outcome } from '../../model/outcome.ts'
import type { Plan } from '../../model/plan.ts'
import type { RouteMessage } from '../../model/route.ts'
import type { Step } from '../../model/step.ts'
import type { Announcer, Confirmation, SessionsClosed, SessionsOpen } from '../../ports/announcers.ts'
import type { World } from './world.ts'

/** The number is minted by the store for each message, an undo included: no two messages of one epoch are equal and different. */
async function message(world: World, primary: Address | undefined, ahead?: Promise<number>): Promise<RouteMessage> {
  const mint = (): Promise<number> => world.store.nextRouteNumber(world.cluster, world.epoch, world.lease.token)
  const number = await (ahead?.catch(mint) ?? mint())
  const ordinal = { cluster: world.cluster, epoch: world.epoch, number }
  return primary ? { ...ordinal, kind: 'open', primary } : { ...ordinal, kind: 'withdrawn' }
}

async function by(world: World, route: string, act: (announcer: Announcer) => Promise<Outcome>): Promise<Outcome> {
  const announcer = world.announcers.get(route)
  return announcer ? act(announcer) : failed('no_such_route', `no route is called ${route}`)
}

/** Done only where the other side read back that it leads nowhere, and, where sessions are to be closed, that none is left. */
export function withdraw(step: Step<'withdraw_route'>, world: World, signal: AbortSignal): Promise<Outcome> {
  return by(world, step.route, async (announcer) => {
    const confirmation = await announcer.withdraw(await message(world, undefined), signal)
    if (confirmation.kind !== 'confirmed') return unconfirmed(step.route, confirmation)
    // Open sessions go on: what they write now is answered by the closed server (1290), not left without an answer.
    if (step.sessions === 'leave') return done(`${step.route} leads nowhere; new clients wait`)
    if (!announcer.closeSessions) return sessionsLeft(step.route, confirmation.sessionsOpen)
    const closed = await announcer.closeSessions('at_once', signal)
    return closed.remaining === 0
      ? done(`${step.route} leads nowhere; ${closed.closed} sessions closed`)
      : sessionsLeft(step.route, closed.remaining)
  })
}

const sessionsLeft = (route: string, count: SessionsOpen): Outcome =>
  count === 0
    ? done(`${route} leads nowhere and has no session`)
    : failed(
        'sessions_open',
        `${route} leads nowhere, but ${count === 'unknown' ? 'how many sessions it still carries is unknown' : `${count} sessions are still open`}`,
      )

export function announce(step: Step<'announce'>, world: World, signal: AbortSignal): Promise<Outcome> {
  return by(world, step.route, async (announcer) => {
    const primary = await world.addressOf(step.server)
    if (!primary) return failed('forgotten', `no address of ${step.server} is known any more`)
    const ahead = world.mintedAhead?.get(step.route)
    world.mintedAhead?.delete(step.route)
    const confirmation = await announcer.announce(await message(world, primary, ahead), signal)
    return confirmation.kind === 'confirmed'
      ? done(`${step.route} leads to ${primary.host}:${primary.port}`)
      : unconfirmed(step.route, confirmation)
  })
}

function unconfirmed(route: string, confirmation: Exclude<Confirmation, { kind: 'confirmed' }>): Outcome {
  switch (confirmation.kind) {
    case 'unreachable':
      return { kind: 'unknown', says: `${route} has not confirmed: ${confirmation.why}` }
    case 'refused':
      return failed('route_refused', `${route} refused: ${confirmation.why}`)
    case 'unproven':
      return failed('route_unproven', `${route} was told, but it cannot be read back: configure its read command`)
  }
}

/** Clients wait for the opening meanwhile: from a server that takes longer to answer, every session is held, and asked for later. */
const LOOK_MS = 50
/** How often the server is asked again who sleeps. */
const ASK_AGAIN_MS = 10

/**
 * A session is closed only where the server shows it asleep *and* the last bytes that the route saw on it came from the server:
 * bytes forwarded a moment ago may still lie in the server's socket buffer while its thread shows Sleep. Each is closed once: a
 * client that comes back waits for the next primary.
 */
export function closeIdleSessions(
  step: Step<'close_idle_sessions'>,
  world: World,
  signal: AbortSignal,
): Promise<Outcome> {
  return by(world, step.route, async (announcer) => {
    const address = await world.addressOf(step.server)
    if (!announcer.closeIdle || !address)
      return failed('cannot_list', `${step.route} cannot list its sessions: clients keep theirs until they reconnect`)
    const closeIdle = async (withinMs: number): Promise<SessionsClosed> => {
      using look = world.clock.deadline(withinMs, signal)
      const shown = await world.servers.idleSessions({ ...address, id: step.server }, look.signal)
      const idle = shown.filter((s) => s.idle).map((s) => s.peer)
      return (await announcer.closeIdle?.(idle, signal)) ?? { closed: 0, remaining: 1 }
    }
    if (step.until === 'held') return untilHeld(announcer, closeIdle, signal)
    if (!(await leadsElsewhere(announcer, address, signal))) await announcer.hold?.(signal)
    return untilClosed(world, () => closeIdle(step.deadlineMs), signal)
  })
}

/** One look, and whoever has an answer under way keeps it but is heard no more: nothing new reaches the server once another may open. */
async function untilHeld(
  announcer: Announcer,
  closeIdle: (withinMs: number) => Promise<SessionsClosed>,
  signal: AbortSignal,
): Promise<Outcome> {
  // Not held before the look: a session that is idle for certain loses no statement that its client sends meanwhile.
  await announcer.watch?.(signal)
  const { closed, remaining } = await closeIdle(LOOK_MS)
  if (signal.aborted) return failed('sessions_open', `${announcer.name} has not said that its sessions are held`)
  return done(`${closed} sessions closed between statements, ${remaining} are heard no more and end with their answer`)
}

async function untilClosed(
  world: World,
  closeIdle: () => Promise<SessionsClosed>,
  signal: AbortSignal,
): Promise<Outcome> {
  for (let all = 0; ; ) {
    const { closed, remaining } = await closeIdle()
    all += closed
    if (remaining === 0) return done(`${all} sessions closed between statements`)
    if (signal.aborted) return failed('sessions_open', `${remaining} sessions were never idle; ${all} closed`)
    await world.clock.sleep(ASK_AGAIN_MS, signal).catch(() => undefined)
  }
}

/** Then what is left leads to the old one and is held already; all others lead to the new one, and must not be held. */
async function leadsElsewhere(announcer: Announcer, address: Address, signal: AbortSignal): Promise<boolean> {
  const reading = await announcer.read(signal)
  // Unread, it may lead to the new primary already, whose sessions must not be held.
  if (reading.kind !== 'known') return true
  return reading.message.kind === 'open' && !sameAddress(reading.message.primary, address)
}

/** For every route that the plan announces; one that fails is minted when it is needed. */
export function mintAhead(plan: Plan, world: World): Map<string, Promise<number>> {
  const routes = plan.steps.flatMap((s) => (s.kind === 'announce' ? [s.route] : []))
  return new Map(
    routes.map((route) => {
      const number = world.store.nextRouteNumber(world.cluster, world.epoch, world.lease.token)
      number.catch(() => undefined)
      return [route, number]
    }),
  )
}
