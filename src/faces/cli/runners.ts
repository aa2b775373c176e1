import type { RegentConfig } from '../../model/cluster.ts'
import type { Problem } from '../../model/problem.ts'
import type { Client } from '../api/contract.ts'

export interface GlobalOptions {
  readonly config?: string
  /** URLs of daemons; the first that answers is asked. */
  readonly api: readonly string[]
  readonly token?: string
}

export interface Check {
  readonly defaults: readonly {
    readonly cluster: string
    readonly name: string
    readonly value: string
    readonly source: string
    readonly why: string
  }[]
  readonly refusals: readonly { readonly cluster: string; readonly says: string }[]
  readonly findings: readonly {
    readonly cluster: string
    readonly level: 'ok' | 'unknown' | 'warning' | 'problem'
    readonly says: string
    readonly tryThis: string
  }[]
}

export interface Grant {
  readonly role: string
  readonly server: string
  readonly statement: string
}

/** What the command line needs of the rest; compose hands it in, so that the faces know nobody's insides. */
export interface Runners {
  readonly version: string
  loadConfig(path: string | undefined): Promise<{ readonly config: RegentConfig; readonly warnings: readonly string[] }>
  /** A Regent in this process: looks and acts once. `acting`: takes the lease, or throws `lease_taken`. */
  local(config: RegentConfig, acting: boolean): Promise<Client>
  remote(urls: readonly string[], token: string | undefined): Client
  readSecret(path: string): Promise<string>
  /** Runs until the signal fires; resolves with a problem where it could not start. */
  watch(config: RegentConfig, signal: AbortSignal): Promise<Problem | undefined>
  runProxy(
    config: RegentConfig,
    cluster: string,
    route: string | undefined,
    signal: AbortSignal,
  ): Promise<Problem | undefined>
  proxyStatus(config: RegentConfig, cluster: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  stopProxy(config: RegentConfig, cluster: string): Promise<void>
  check(path: string | undefined): Promise<Check>
  grants(config: RegentConfig | undefined, wanted: { readonly server?: string }): Promise<readonly Grant[]>
}
