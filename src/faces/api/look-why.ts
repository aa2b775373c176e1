import { type Address, printAddress } from '../../model/address.ts'
import type { Denial, Look } from '../../model/look.ts'
import { problem } from '../../model/problem.ts'
import type { WhyJson } from './contract.ts'

type Failed = Exclude<Look, { readonly kind: 'answered' }>
interface Whom {
  readonly server: Address
  /** The account that looks. */
  readonly user: string
}

/** Why a server that does not serve us does not, and what to try; undefined where it answered. */
export function whyOf(look: Look, whom: Whom): WhyJson | undefined {
  if (look.kind === 'answered') return undefined
  const tell = TELLERS[look.kind] as (failed: Failed, whom: Whom) => WhyJson
  return tell(look, whom)
}

const unreachable = (why: string, { server, user }: Whom): WhyJson => {
  const { says, tryThis } = problem('unreachable', {
    server: printAddress(server),
    host: server.host,
    port: server.port,
    user,
    why,
  })
  return { says, tryThis }
}

const TELLERS: {
  readonly [K in Failed['kind']]: (look: Extract<Failed, { readonly kind: K }>, whom: Whom) => WhyJson
} = {
  refused: ({ code }, whom) => unreachable(`its host refuses the connection (${code})`, whom),
  closed: ({ code }, whom) => unreachable(`it closed the connection (${code})`, whom),
  silent: ({ code }, whom) => unreachable(SILENCES[code] ?? `silence (${code})`, whom),
  denied: ({ denial, errno, message }, whom) => DENIALS[denial](`error ${errno}: ${message}`, whom),
  unusable: ({ problem: says, tryThis }) => ({ says, tryThis }),
}

const SILENCES: Readonly<Record<string, string>> = {
  DEADLINE: 'nothing came back in time',
  ENOTFOUND: 'its name cannot be resolved',
  EAI_AGAIN: 'its name cannot be resolved now',
  EHOSTUNREACH: 'the network knows no way to it (EHOSTUNREACH)',
  ENETUNREACH: 'the network knows no way to it (ENETUNREACH)',
}

const alive =
  (tryThis: string) =>
  (why: string, { server, user }: Whom): WhyJson => ({
    says: `${printAddress(server)} is alive and does not let ${user} in: ${why}`,
    tryThis,
  })

const DENIALS: { readonly [D in Denial]: (why: string, whom: Whom) => WhyJson } = {
  access_denied: (why, { server, user }) => {
    const { says, tryThis } = problem('access_denied', { server: printAddress(server), user, why })
    return { says, tryThis }
  },
  too_many_connections: alive(
    'raise max_connections, or give Regent a door of its own: admin_port, on MariaDB extra_port',
  ),
  host_blocked: alive('let this host in: the account for this address, and FLUSH HOSTS where it was blocked'),
  shutting_down: alive('it is going down: wait, or see who ends it'),
  starting_up: alive('it is starting: wait'),
  other: alive('look at the server by hand, with that error number'),
}
