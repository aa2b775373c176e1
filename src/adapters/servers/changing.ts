import type { Account, TlsSettings } from '../../model/cluster.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Changing } from '../../ports/servers.ts'
import { Desk } from './change-desk.ts'
import { ChangeSessions } from './change-sessions.ts'
import { connectAs } from './change-wire.ts'
import { changesOfChannels } from './changing-channels.ts'
import { changesOfServers, changesOfSessions } from './changing-servers.ts'

export interface ChangingSettings {
  readonly clock: Clock
  /** The account that looks and changes. */
  readonly account: Account
  readonly tls: TlsSettings
  /** With what channels log in to their source; files of `replicationTls` are paths on the replica's host. */
  readonly replication: Account
  readonly replicationTls: TlsSettings
}

/** Changes of real servers, over sessions of their own. */
export function createChanging(settings: ChangingSettings): Changing {
  const { clock } = settings
  const sessions = new ChangeSessions({ connect: connectAs(settings), clock })
  const login = { account: settings.replication, tls: settings.replicationTls }
  const desk = new Desk({ sessions, clock }, login, settings.account.user)
  return { ...changesOfSessions(desk), ...changesOfChannels(desk), ...changesOfServers(desk) }
}
