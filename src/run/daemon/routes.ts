import { recoveryId } from '../../model/ids.ts'
import type { Reign } from '../../model/reign.ts'
import type { Announcer, RouteReading } from '../../ports/announcers.ts'
import type { HeldLease } from '../../ports/lease.ts'
import { announce } from '../execute/doers-route.ts'
import type { Office } from './office.ts'
import { worldFor } from './world.ts'

/** How long one look at a route, and one repair, may take. */
const ROUTE_MS = 1000

export interface NamedReading {
  readonly name: string
  readonly reading: RouteReading
}

/** Changes nothing, so it may be done beside the cycle: a party that does not answer delays no verdict. */
export async function readRoutes(office: Office): Promise<readonly NamedReading[]> {
  const readings = await Promise.all(
    [...office.announcers].map(async ([name, announcer]) => ({ name, reading: await readRoute(office, announcer) })),
  )
  if (readings.some((r) => r.reading.kind === 'unknown')) await revive(office)
  return readings
}

interface Repairing {
  readonly reign: Reign
  readonly lease: HeldLease
  readonly told: Map<string, string>
  /** The recovery by which it was withdrawn last and not led back, or nothing: what was told before that does not count. */
  readonly withdrawnBy: (route: string) => string
  /** Whether one that cannot be read may be told just now. */
  readonly mayTell: (route: string) => boolean
}

/**
 * With a healthy primary every route leads to it: a route party that was restarted, came late, or was changed by somebody is told
 * again, with a number of its own. A newer message than ours is never overruled: it is told, and left.
 */
export async function repairRoutes(
  office: Office,
  readings: readonly NamedReading[],
  { reign, lease, told, withdrawnBy, mayTell }: Repairing,
): Promise<void> {
  // What cannot be read back is told once per reign: told each second, an operator's program would run for ever.
  const message = (name: string): string => `${reign.epoch} ${reign.primary} ${withdrawnBy(name)}`
  const wrong = readings.filter(
    ({ name, reading }) =>
      !leadsTo(office, reign, reading) &&
      !(reading.kind === 'unknown' && (told.get(name) === message(name) || !mayTell(name))),
  )
  if (wrong.length === 0) return
  const world = worldFor(office, { recovery: recoveryId(''), lease, epoch: reign.epoch })
  await Promise.all(
    wrong.map(async ({ name }) => {
      using deadline = office.clock.deadline(ROUTE_MS)
      const step = {
        kind: 'announce',
        id: `announce:${name}`,
        route: name,
        server: reign.primary,
        after: [],
        deadlineMs: ROUTE_MS,
        ifItFails: 'go_on',
      } as const
      const outcome = await announce(step, world, deadline.signal)
      // A program that ended with an error has told nobody.
      if (outcome.kind !== 'failed' || outcome.code !== 'route_refused') told.set(name, message(name))
      if (outcome.kind !== 'done')
        office.tell({
          kind: 'trouble',
          cluster: office.cluster,
          at: office.clock.wall(),
          says: `route ${name}: ${outcome.says}`,
        })
    }),
  )
}

export async function readRoute(office: Office, announcer: Announcer): Promise<RouteReading> {
  using deadline = office.clock.deadline(ROUTE_MS)
  // Awaited here, or the deadline would be disposed before it can fire.
  return await announcer.read(deadline.signal)
}

function leadsTo(office: Office, reign: Reign, reading: RouteReading): boolean {
  if (reading.kind !== 'known' || reading.message.kind !== 'open') return false
  const address = office.observer.addressOf(reign.primary)
  const { message } = reading
  return (
    message.epoch === reign.epoch &&
    address !== undefined &&
    message.primary.host === address.host &&
    message.primary.port === address.port
  )
}

async function revive(office: Office): Promise<void> {
  for (const says of await office.revive())
    office.tell({ kind: 'trouble', cluster: office.cluster, at: office.clock.wall(), says })
}
