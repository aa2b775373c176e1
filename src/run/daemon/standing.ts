import { wallTime } from '../../model/ids.ts'
import { serverNamed } from './commands.ts'
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

  /** Regent knows nothing of it any more; where another server names it, it is found again. */
  async forget(keeper: Keeper, name: string): Promise<void> {
    const { store, cluster, observer } = keeper.office
    const server = serverNamed(keeper, name)
    await store.forgetServer(cluster, server)
    observer.forget(server)
  },
}
