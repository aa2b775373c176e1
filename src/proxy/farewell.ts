/** How a client is let go: with its last answer, and within a bound. */
import type { Socket } from 'node:net'

/** A client that takes no bytes any more, or does not end its statement, must not keep a dead session. */
export const FLUSH_MS = 1000

/** What the client still says is read and dropped: bytes left unread would turn our end into a reset, which loses its last answer. */
export function flushAndClose(client: Socket, last?: Buffer): void {
  if (last) client.end(last)
  else client.end()
  if (client.readableEnded) client.destroySoon()
  else client.once('end', () => client.destroySoon())
  client.resume()
  endUnlessItTakes(client)
  client.once('finish', () => endWithin(client, FLUSH_MS))
}

export function closeSoon(client: Socket): void {
  client.destroySoon()
  endUnlessItTakes(client)
}

export function endWithin(client: Socket, ms: number): void {
  const bound = setTimeout(() => client.destroy(), ms)
  client.once('close', () => clearTimeout(bound))
}

/** A slow client still gets its last answer, as long as it takes any of it; one that has it all must go. */
function endUnlessItTakes(client: Socket): void {
  client.setTimeout(FLUSH_MS, () => client.destroy())
}
