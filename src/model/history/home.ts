import type { GtidSet } from '../gtid/mysql-set.ts'
import type { ServerId } from '../ids.ts'
import type { History, ReceivedPosition } from './kinds.ts'

/**
 * What a server that receives from several clusters has of its own one. Transactions of another cluster are told by who numbers them:
 * a UUID (MySQL) or a domain (MariaDB) of which the primary has nothing. `members`: a UUID of theirs is never foreign, so what such
 * a server wrote itself stays in, and is seen to be errant.
 *
 * Without this a replica would seem to have received more than the others, or to have parted from them, by what is not theirs.
 */
export function homePart(history: History, primary: History, members: readonly ServerId[]): History {
  if (history.kind === 'mysql' && primary.kind === 'mysql') {
    const known = new Set<string>([...primary.executed.parts.map((part) => part.uuid), ...members])
    const keep = (set: GtidSet): GtidSet => ({ parts: set.parts.filter((part) => known.has(part.uuid)) })
    return { ...history, executed: keep(history.executed), received: keep(history.received) }
  }
  if (history.kind !== 'mariadb' || primary.kind !== 'mariadb') return history
  const known = new Set([
    ...primary.binlogState.domains.map((each) => each.domain),
    ...primary.slavePos.gtids.map((gtid) => gtid.domain),
    // What it wrote itself is no other cluster's, in whatever domain.
    ...history.binlogState.domains.flatMap((each) =>
      each.gtids.flatMap((g) => (g.server === history.serverId ? g.domain : [])),
    ),
  ])
  const keep = (position: ReceivedPosition): ReceivedPosition =>
    position === 'untracked' ? position : { gtids: position.gtids.filter((gtid) => known.has(gtid.domain)) }
  return {
    ...history,
    binlogState: { domains: history.binlogState.domains.filter((each) => known.has(each.domain)) },
    slavePos: { gtids: history.slavePos.gtids.filter((gtid) => known.has(gtid.domain)) },
    ioPos: history.ioPos.map(keep),
  }
}
