import type { ClusterJson } from '../api/contract.ts'

export type Namer = (text: string) => string

/** Planners speak of servers by identity, which survives a change of address; people by address. */
export function namer(names: Readonly<Record<string, string>>): Namer {
  const known = Object.entries(names).filter(([id]) => id !== '')
  return (text) => known.reduce((said, [id, name]) => said.replaceAll(id, name), text)
}

export const namesOf = ({ servers }: ClusterJson): Readonly<Record<string, string>> =>
  Object.fromEntries(servers.flatMap(({ id, address }) => (id === undefined ? [] : [[id, address]])))
