import { connect } from 'node:net'
import type { Address } from '../../model/address.ts'
import type { Knock } from '../../model/look.ts'
import type { Clock } from '../../ports/clock.ts'

/**
 * A new TCP connection to each address, all at once, closed as soon as it is accepted. Says what that host's kernel does
 * with newcomers, apart from any login. Addresses that answer for others are the caller's matter.
 */
export function knock(clock: Clock, addresses: readonly Address[], deadlineMs: number): Promise<readonly Knock[]> {
  return Promise.all(addresses.map((address) => knockAt(clock, address, deadlineMs)))
}

function knockAt(clock: Clock, address: Address, deadlineMs: number): Promise<Knock> {
  return new Promise((resolve) => {
    const socket = connect({ host: address.host, port: address.port, noDelay: true })
    const end = (outcome: Knock['outcome']): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ address, outcome, at: clock.now() })
    }
    const timer = setTimeout(() => end('silent'), deadlineMs)
    socket.once('connect', () => end('accepted'))
    // Stays: a reset may still arrive after the outcome is known.
    socket.on('error', (error) => end(OUTCOMES.get(codeOf(error)) ?? 'silent'))
  })
}

/** All others say that the network does not carry us there, which is silence. */
const OUTCOMES: ReadonlyMap<string, Knock['outcome']> = new Map([
  ['ECONNREFUSED', 'refused'],
  ['ECONNRESET', 'reset'],
])

const codeOf = (error: Error): string => ('code' in error && typeof error.code === 'string' ? error.code : '')
