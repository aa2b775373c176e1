import type { Address } from './address.ts'
import type { Policy } from './policy.ts'
import type { Declared } from './topology.ts'

export interface Account {
  readonly user: string
  readonly password: string
}

export type TlsSettings =
  | { readonly mode: 'off' }
  /** `required`: encrypted, not verified. `verify`: against `ca`. Paths to PEM files. */
  | { readonly mode: 'required' | 'verify'; readonly ca?: string; readonly cert?: string; readonly key?: string }

export type RouteConfig =
  | { readonly kind: 'proxy'; readonly name: string; readonly listen: Address; readonly spawn: boolean }
  | {
      readonly kind: 'command'
      readonly name: string
      /** Programs with arguments, no shell. */
      readonly withdraw: readonly string[]
      readonly announce: readonly string[]
      /** Absent: what it was told can never be read back, so never be proven. */
      readonly read?: readonly string[]
      readonly closeSessions?: readonly string[]
      readonly deadlineMs: number
    }

/** One cluster as the configuration declares it. */
export interface ClusterConfig {
  readonly alias: string
  readonly seeds: readonly Address[]
  readonly monitor: Account
  readonly replication: Account
  readonly tls: TlsSettings
  readonly replicationTls: TlsSettings
  /** By printed address. */
  readonly servers: ReadonlyMap<string, Declared>
  /** Addresses that answer for others (VIP, balancer) or are firewalled: a refusal there proves nothing. */
  readonly untrustedAddresses: readonly Address[]
  readonly routes: readonly RouteConfig[]
  readonly policy: Policy
}

export interface RegentConfig {
  readonly path: string
  /** Directory of the store (`regent.db`, the proxy's control socket). */
  readonly storeDir: string
  /** Absent: no API. Without a token in the configuration one is made in the store; then it listens on loopback only. */
  readonly api?: { readonly listen: Address; readonly token?: string }
  readonly vantage: string
  /** How long a Regent that is frozen or cut off from its store is waited for before another may act in its place; in ms. */
  readonly leaseMs: number
  readonly clusters: readonly ClusterConfig[]
}

export const UNDECLARED: Declared = { site: '', preference: 'neutral', downtimed: false }
