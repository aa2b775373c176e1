import { type Address, sameAddress } from '../model/address.ts'

/** Names by which others may know a server: as it reports itself to its source, and its host's own name. */
export function aliasesOf(own: {
  hostname: string
  port: number
  reportHost: string
  reportPort: number
}): readonly Address[] {
  const aliases: Address[] = []
  const add = (host: string, port: number): void => {
    const address = { host: host.toLowerCase(), port }
    if (host !== '' && port > 0 && !aliases.some((known) => sameAddress(known, address))) aliases.push(address)
  }
  // MySQL's report_port is 0 where it was not set and the server never registered: the port itself is then reported.
  add(own.reportHost, own.reportPort === 0 ? own.port : own.reportPort)
  add(own.hostname, own.port)
  return aliases
}
