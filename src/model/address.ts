export interface Address {
  readonly host: string
  readonly port: number
}

export const DEFAULT_PORT = 3306

/** `host:port`; an IPv6 host is bracketed. */
export function printAddress(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}

/** Reads `host`, `host:port`, `[ipv6]:port`; undefined when it is none of them. */
export function parseAddress(text: string, defaultPort: number = DEFAULT_PORT): Address | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/.exec(text.trim())
  if (!match) return undefined
  const host = match[1] ?? match[2]
  const port = match[3] === undefined ? defaultPort : Number(match[3])
  if (host === undefined || port < 1 || port > 65_535) return undefined
  return { host: host.toLowerCase(), port }
}

export const sameAddress = (a: Address, b: Address): boolean => a.port === b.port && a.host === b.host
