import { type Address, parseAddress, sameAddress } from '../../model/address.ts'
import { type ServerId, wallTime } from '../../model/ids.ts'
import { ProblemError, problem } from '../../model/problem.ts'
import type { Sighting } from '../../model/sighting.ts'
import { unknownServer } from './commands.ts'
import type { Keeper } from './keeper.ts'

export interface PauseOrder {
  readonly reason: string
  readonly by: string
  readonly forMs: number
}

/** Operator's standing orders: always with a reason, a name and an end. */
export const giveOrders = {
  async pause(keeper: Keeper, { reason, by, forMs }: PauseOrder): Promise<void> {
    const { store, cluster, clock } = keeper.office
    const from = clock.wall()
    await store.giveOrder({ kind: 'pause', cluster, reason, by, from, until: wallTime(from + forMs) })
    await keeper.books.reload()
  },

  async resume(keeper: Keeper): Promise<number> {
    const { store, cluster, clock } = keeper.office
    const ended = await store.withdrawOrder(cluster, 'pause', undefined, clock.wall())
    await keeper.books.reload()
    return ended
  },

  /**
   * Regent knows nothing of it any more, until it restarts with it in its configuration, or sees it attached again. In turn with the
   * cycles: one that is under way would write down again what it has seen.
   */
  async forget(keeper: Keeper, name: string): Promise<void> {
    await keeper.exclusively(async () => {
      const { store, cluster, observer } = keeper.office
      await keeper.books.reload()
      const { id, sightings } = await whoIs(keeper, name)
      if (id !== undefined) {
        refusePrimary(keeper, id)
        await store.forgetServer(cluster, id)
        keeper.books.forget(id)
      } else {
        await forgetAddress(keeper, sightings)
      }
      observer.forget(sightings)
    })
  },
}

/** One server as Regent knows it. Without an id: an address that leads nowhere, of a server that answers at another, or of nobody. */
async function whoIs(
  { office }: Keeper,
  name: string,
): Promise<{ readonly id: ServerId | undefined; readonly sightings: readonly Sighting[] }> {
  const { store, cluster, observer } = office
  const known = observer.sightings()
  const wanted = parseAddress(name)
  const named = known.find((s) => s.id === name || (wanted && sameAddress(s.address, wanted)))
  if (!named) throw unknownServer(office, name)
  const rows = await store.servers(cluster)
  const recorded = rows.find((r) => sameAddress(r.address, named.address))?.id
  const id = named.id ?? (known.some((s) => s.id === recorded) ? undefined : recorded)
  if (id === undefined) return { id, sightings: [named] }
  const addresses = rows.filter((r) => r.id === id).map((r) => r.address)
  const isOld = (s: Sighting): boolean => s.id === undefined && addresses.some((a) => sameAddress(a, s.address))
  return { id, sightings: known.filter((s) => s === named || s.id === id || isOld(s)) }
}

function refusePrimary({ books, office }: Keeper, id: ServerId): void {
  const { alias } = office.config
  if (books.reign()?.primary !== id) return
  const why = `it is the primary of the present reign of ${alias}: Regent would not see it die, nor keep its replacement from harm`
  throw new ProblemError(problem('refused', { why, fix: `move the role first: regent switchover ${alias}` }))
}

/** Its server answers at another address and stays known, with its reading. */
async function forgetAddress({ office }: Keeper, sightings: readonly Sighting[]): Promise<void> {
  const { store, cluster } = office
  const isMeant = (address: Address): boolean => sightings.some((s) => sameAddress(s.address, address))
  const rows = await store.servers(cluster)
  const id = rows.find((r) => isMeant(r.address))?.id
  if (id === undefined) return
  const reading = (await store.readings(cluster)).find((r) => r.server === id)
  await store.forgetServer(cluster, id)
  for (const row of rows) if (row.id === id && !isMeant(row.address)) await store.rememberServer(row)
  if (reading) await store.rememberReading(cluster, reading)
}
