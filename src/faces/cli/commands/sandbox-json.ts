import type { Credentials, Flavour, SandboxServer, Shape, UserRole } from '../../../lab/sandbox/index.ts'
import type { Address } from '../../../model/address.ts'
import type { Runners } from '../runners.ts'

export interface UpParts {
  readonly runners: Runners
  readonly onProgress: (line: string) => void
  readonly signal: AbortSignal
}

/** What `sandbox up --json` prints. */
export interface SandboxJson {
  readonly server: Flavour
  readonly shape: Shape
  readonly servers: readonly Pick<SandboxServer, 'id' | 'host' | 'port' | 'socket' | 'pid' | 'dataDir'>[]
  readonly users: { readonly [R in UserRole]: Credentials }
  readonly proxy: Address
  readonly api: { readonly url: string; readonly token: string }
  /** Path of the ready `regent.yaml`. */
  readonly config: string
}
