import type { RegentConfig } from '../../model/cluster.ts'
import type { Problem } from '../../model/problem.ts'
import type { Client } from '../api/contract.ts'

export interface Check {
  readonly defaults: readonly {
    readonly cluster: string
    readonly name: string
    readonly value: string
    readonly source: string
    readonly why: string
  }[]
  readonly refusals: readonly {
    readonly cluster: string
    readonly question: string
    readonly situation: string
    readonly outcome: string
    readonly says: string
    readonly tryThis: string
  }[]
  readonly findings: readonly {
    readonly cluster: string
    readonly level: 'ok' | 'unknown' | 'warning' | 'problem'
    /** A server's address, the cluster, or the file. */
    readonly about: string
    readonly says: string
    readonly tryThis: string
  }[]
}

export interface Grant {
  readonly cluster?: string
  readonly role: string
  readonly server: string
  readonly statement: string
}

export interface NamedDaemon {
  readonly url: string
  readonly client: Client
}

/** What the command line needs of the rest; compose hands it in, so that the faces know nobody's insides. */
export interface Runners {
  readonly version: string
  loadConfig(path: string | undefined): Promise<{ readonly config: RegentConfig; readonly warnings: readonly string[] }>
  /** A Regent in this process: looks and acts once. `acting`: takes the lease, or throws `lease_taken`. */
  local(config: RegentConfig, acting: boolean): Promise<Client>
  /** `changeMs`: how long the answer to a change is waited for. */
  remote(urls: readonly string[], token: string | undefined, changeMs?: number): Client
  /** The daemon that the configuration itself names, where one answers there and knows these clusters. */
  daemonOf(config: RegentConfig, token: string | undefined, changeMs?: number): Promise<NamedDaemon | undefined>
  /** Throws `usage` where the file cannot be read. */
  readSecret(path: string): Promise<string>
  /** Runs until the signal fires; resolves with a problem where it could not start. */
  watch(config: RegentConfig, signal: AbortSignal): Promise<Problem | undefined>
  runProxy(
    config: RegentConfig,
    cluster: string,
    route: string | undefined,
    signal: AbortSignal,
  ): Promise<Problem | undefined>
  /** One row per proxy route: what it says of itself; one that does not answer has `unknown`, with why. */
  proxyStatus(config: RegentConfig, cluster: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  /** Throws `proxy_unreachable` where one of them did not hear. */
  stopProxy(config: RegentConfig, cluster: string): Promise<void>
  check(path: string | undefined): Promise<Check>
  grants(
    config: RegentConfig | undefined,
    wanted: { readonly server?: string; readonly cluster?: string },
  ): Promise<readonly Grant[]>
}
