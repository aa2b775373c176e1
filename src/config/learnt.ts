/** What was learnt of a cluster's servers for `config check`, and what there is to say of it. */
import type { Address } from '../model/address.ts'
import type { ServerStatus } from '../model/server.ts'

/** A privilege that an account lacks, as the server's own words name it. */
export interface Lack {
  readonly name: string
  readonly on: string
  readonly why: string
}

/** How logging in as one account on one server ended. */
export type Login =
  | {
      readonly kind: 'in'
      readonly account: string
      readonly lacks: readonly Lack[]
      readonly roles: readonly string[]
    }
  | { readonly kind: 'denied'; readonly why: string }
  | { readonly kind: 'not_reached'; readonly why: string }

export interface Learnt {
  readonly server: Address
  readonly monitor: Login
  readonly replication: Login
  /** What a look as the monitor account showed, where it got in. */
  readonly status?: ServerStatus
}

export interface Finding {
  /** `unknown`: it cannot be told from here, which is no reproach. */
  readonly level: 'fine' | 'unknown' | 'warning' | 'problem'
  /** A server's address, or the cluster. */
  readonly about: string
  readonly says: string
  readonly tryThis?: string
}
