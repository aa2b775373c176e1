import { named } from '../../model/naming.ts'
import type { ClusterJson } from '../api/contract.ts'

export type Namer = (text: string) => string

export const namer =
  (names: Readonly<Record<string, string>>): Namer =>
  (text) =>
    named(text, names)

export const namesOf = ({ servers }: ClusterJson): Readonly<Record<string, string>> =>
  Object.fromEntries(servers.flatMap(({ id, address }) => (id === undefined ? [] : [[id, address]])))
