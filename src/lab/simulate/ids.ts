import { clusterId, recoveryId } from '../../model/ids.ts'
import type { Ids } from '../../ports/ids.ts'
import type { Durable } from './durable.ts'

/** Ids of one store, the same in every run: in the order of their minting, whichever process asks. */
export function modelIds(durable: Durable): Ids {
  const next = (): number => {
    durable.minted += 1
    return durable.minted
  }
  return {
    cluster: () => clusterId(`c${next()}`),
    recovery: () => recoveryId(`r-${String(next()).padStart(6, '0')}`),
  }
}
