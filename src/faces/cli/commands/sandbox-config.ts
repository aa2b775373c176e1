import { stringify } from 'yaml'
import type { SandboxState } from '../../../lab/sandbox/index.ts'
import { type Address, printAddress } from '../../../model/address.ts'

/** The name by which the configuration calls the sandbox's cluster. */
export const SANDBOX_CLUSTER = 'sandbox'

export interface SandboxPlaces {
  readonly storeDir: string
  readonly api: Address
  readonly token: string
  readonly proxy: Address
  /** Further keys of the policy, as they are written. */
  readonly policy: Readonly<Record<string, unknown>>
}

/**
 * The `regent.yaml` of a sandbox: automatic; clients have no way but the proxy, and servers start read-only, both of which the
 * sandbox itself sees to. The installed version is trusted by name: here nothing but play can be lost.
 */
export function sandboxConfig(state: SandboxState, places: SandboxPlaces): string {
  const { monitor, replication } = state.users
  const [major, minor] = state.serverVersion.split('.')
  const cluster = {
    seeds: state.servers.map((server) => printAddress(server)),
    users: { monitor, replication },
    routes: [{ proxy: { listen: printAddress(places.proxy), spawn: true } }],
    clients_only_by_routes: true,
    servers_start_read_only: true,
    policy: {
      recovery: 'automatic',
      semi_sync: state.semiSync ? { wait_count: state.waitCount } : 'off',
      trust_versions: [`${state.server} ${major}.${minor}`],
      ...places.policy,
    },
  }
  const file = {
    store: places.storeDir,
    api: { listen: printAddress(places.api), token: places.token },
    clusters: { [SANDBOX_CLUSTER]: cluster },
  }
  const says = `# ${state.server} ${state.serverVersion}, shape ${state.shape}: servers of a sandbox. End it: regent sandbox down --dir ${state.dir}\n`
  return says + stringify(file, { lineWidth: 0, aliasDuplicateObjects: false })
}
