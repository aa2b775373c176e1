import { isIP } from 'node:net'
import { type Address, parseAddress } from '../model/address.ts'

/**
 * Whether a server's list of peers (`host:port`) has this end of a connection. A server that resolves names shows the name of our
 * host: then the port decides, which another host's session could share. An address must be ours.
 */
export function isPeer(end: Address | undefined, peers: readonly string[]): boolean {
  if (!end) return false
  const ours = plain(end.host)
  return peers.some((peer) => {
    const shown = parseAddress(peer)
    return shown?.port === end.port && (isIP(shown.host) === 0 || plain(shown.host) === ours)
  })
}

/** An IPv4 address as a dual-stack socket prints it is the same address. */
const plain = (host: string): string => host.toLowerCase().replace(/^::ffff:(?=\d)/, '')
