import type { Address } from '../../model/address.ts'
import { type Instant, instant } from '../../model/ids.ts'
import type { Knock, Look } from '../../model/look.ts'
import type { Watching } from '../../ports/servers.ts'
import { NET_MS } from './latency.ts'
import type { Life } from './life.ts'
import { statusOf } from './status.ts'
import type { Wire } from './wire.ts'

/** The eyes of one process: every outcome is a look, the deadline included. */
export function modelWatching(wire: Wire, life: Life): Watching {
  const { universe } = wire
  const { timeline } = universe
  const listeners = new Set<(address: Address, look: Look) => void>()
  const now = (): Instant => instant(timeline.now)

  universe.whenDown((server) => {
    if (!universe.linked('regent', server.name)) return
    timeline.after(NET_MS, () =>
      life.whenAwake(() => {
        const look: Look = { kind: 'closed', sentAt: now(), at: now(), code: 'ECONNRESET' }
        for (const listener of listeners) listener(server.address, look)
      }),
    )
  })

  const look = async (address: Address, deadlineMs: number): Promise<Look> => {
    const sentAt = now()
    using deadline = wire.clock.deadline(deadlineMs)
    const answer = await wire.ask(address, deadline.signal, (server) => statusOf(server, universe))
    if (answer.ok) return { kind: 'answered', sentAt, at: now(), status: answer.value }
    if (deadline.signal.aborted) return { kind: 'silent', sentAt, at: now(), code: 'ETIMEDOUT' }
    return { kind: 'refused', sentAt, at: now(), code: 'ECONNREFUSED' }
  }

  const knock = async (address: Address, deadlineMs: number): Promise<Knock> => {
    using deadline = wire.clock.deadline(deadlineMs)
    return { address, outcome: await wire.knock(address, deadline.signal), at: now() }
  }

  return {
    look: (address, _depth, deadlineMs) => life.outlive(look(address, deadlineMs)),
    knock: (addresses, deadlineMs) => life.outlive(Promise.all(addresses.map((a) => knock(a, deadlineMs)))),
    onClosed: (listener) => {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    forget: () => undefined,
  }
}
