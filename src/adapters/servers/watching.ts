import { type Address, printAddress } from '../../model/address.ts'
import type { Look } from '../../model/look.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Watching } from '../../ports/servers.ts'
import { knock } from './knock.ts'
import { Standing } from './standing.ts'
import type { Login } from './standing-lane.ts'

export type { Login } from './standing-lane.ts'

export interface WatchingOptions {
  readonly clock: Clock
  /** The observing account of that server. Asked once per address, at its first look. */
  readonly loginOf: (address: Address) => Login
}

/** Watching real servers. Each address has its own connections: none waits for another's. */
export function createWatching(options: WatchingOptions): Watching & { end(): void } {
  const standing = new Map<string, Standing>()
  const listeners = new Set<(address: Address, look: Look) => void>()
  const standingAt = (address: Address): Standing => {
    const name = printAddress(address)
    const known = standing.get(name)
    if (known !== undefined) return known
    const opened = new Standing({
      address,
      login: options.loginOf(address),
      clock: options.clock,
      onClosed: (look) => {
        for (const listener of listeners) listener(address, look)
      },
    })
    standing.set(name, opened)
    return opened
  }
  return {
    look: (address, depth, deadlineMs) => standingAt(address).look(depth, deadlineMs),
    knock: (addresses, deadlineMs) => knock(options.clock, addresses, deadlineMs),
    onClosed: (listener) => {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    forget: (address) => {
      standing.get(printAddress(address))?.end()
      standing.delete(printAddress(address))
    },
    end: () => {
      for (const each of standing.values()) each.end()
      standing.clear()
    },
  }
}
