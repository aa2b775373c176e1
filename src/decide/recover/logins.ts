import type { Risk } from '../../model/plan.ts'
import type { Follower } from './situation.ts'

/** Errors by which a source turns away the account of a channel: password, host, plugin, expired, locked, no key for the password. */
const TURNED_AWAY: ReadonlySet<number> = new Set([1045, 1130, 1251, 1524, 1698, 1820, 1862, 2059, 2061, 3118, 4151])

/**
 * Whoever could not log in to its source may not be able to log in to the next one either: a channel that does not work is given the
 * configured replication account, and nobody has seen that one log in.
 */
export const turnedAway = (found: readonly Follower[]): readonly Risk[] =>
  found.flatMap(({ id, channel: { receiver, receiverError } }) =>
    receiver !== 'running' && receiverError && TURNED_AWAY.has(receiverError.code)
      ? [
          risk(
            `the replication account of ${id} could not log in to its source (error ${receiverError.code}: ${receiverError.message}): ${id} may not be able to follow the new primary`,
          ),
        ]
      : [],
  )

/** Where the source lives, a receiver that does not run has no login that anybody saw working. */
export const unseenLogins = (found: readonly Follower[]): readonly Risk[] => [
  ...turnedAway(found),
  ...found
    .filter(
      ({ channel: { receiver, receiverError } }) =>
        receiver !== 'running' && !TURNED_AWAY.has(receiverError?.code ?? 0),
    )
    .map(({ id }) =>
      risk(
        `the receiver of ${id} does not run, so its login is not known to work: it gets the configured replication account, and may not be able to follow the new primary (regent config check tries that account)`,
      ),
    ),
]

const risk = (says: string): Risk => ({ code: 'replication_login', says })
