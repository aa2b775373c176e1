import type { Flavour, Version } from '../model/version.ts'
import { text } from './change/literal.ts'

export type AccountRole = 'monitor' | 'replication'

/** One privilege, and what fails without it. */
export interface Privilege {
  readonly name: string
  /** `*.*` or `schema.*`, unquoted. */
  readonly on: string
  readonly why: string
  /** Older, wider privileges that serve as well. */
  readonly orBy?: readonly string[]
}

export interface GrantAccount {
  readonly user: string
  /** From where it logs in. Default: `%`. */
  readonly host?: string
  /** Left out: the statement says `<password>`, for a person to replace. */
  readonly password?: string
}

export interface Grants {
  /** To be run once, on the primary: replicas get them by replication. */
  readonly statements: readonly string[]
  readonly privileges: readonly Privilege[]
}

type Table = { readonly [F in Flavour]: { readonly [R in AccountRole]: readonly Privilege[] } }

const global = (name: string, why: string, orBy?: readonly string[]): Privilege => ({
  name,
  on: '*.*',
  why,
  ...(orBy ? { orBy } : {}),
})

/** Found by taking one privilege away at a time on real servers; `test/contracts/grants.test.ts` does it again. */
export const PRIVILEGES: Table = {
  mysql: {
    monitor: [
      global(
        'REPLICATION CLIENT',
        'SHOW REPLICA STATUS, SHOW BINARY LOG STATUS: without it no replication can be seen',
        ['SUPER'],
      ),
      global('REPLICATION SLAVE', 'SHOW REPLICAS: without it nobody knows who is attached'),
      global(
        'PROCESS',
        'sessions of others: without it clients and dump threads are invisible, so nothing is proven cut',
      ),
      global('RELOAD', "RESET REPLICA ALL: without it a new primary's old channel stays"),
      global(
        'REPLICATION_SLAVE_ADMIN',
        'STOP, START, CHANGE and RESET REPLICA: without it nothing is sealed, attached or promoted',
        ['SUPER'],
      ),
      global(
        'SYSTEM_VARIABLES_ADMIN',
        'read_only, super_read_only and semi-sync: without it no server is opened or closed',
        ['SUPER'],
      ),
      global(
        'CONNECTION_ADMIN',
        'KILL: without it clients cannot be cut, and a hanging receiver cannot be sealed; it also gets in when connections are used up',
        ['SUPER'],
      ),
      global(
        'SYSTEM_USER',
        'KILL of sessions of privileged accounts and of appliers: without it root keeps writing, and a half-received transaction keeps its locks for a minute',
      ),
      global(
        'SERVICE_CONNECTION_ADMIN',
        'admin_port: without it a server whose connections are used up cannot be looked at',
      ),
      {
        name: 'SELECT',
        on: 'performance_schema.*',
        why: 'replication_* and threads: without it what was received cannot be read',
      },
    ],
    replication: [
      global('REPLICATION SLAVE', 'replicas fetch the binlog with it: without it no channel that Regent sets connects'),
    ],
  },
  mariadb: {
    monitor: [
      global('SLAVE MONITOR', 'SHOW ALL SLAVES STATUS: without it no replication can be seen', ['SUPER']),
      global('BINLOG MONITOR', 'SHOW MASTER STATUS, SHOW BINARY LOGS: without it the binlog cannot be seen', ['SUPER']),
      global(
        'REPLICATION MASTER ADMIN',
        'SHOW SLAVE HOSTS, semi-sync of the primary: without it nobody knows who is attached, and no wait can be switched',
      ),
      global(
        'REPLICATION SLAVE ADMIN',
        'STOP, START, CHANGE and RESET SLAVE, gtid_slave_pos, semi-sync of the replica: without it nothing is sealed, attached or promoted',
        ['SUPER'],
      ),
      global('READ_ONLY ADMIN', 'read_only: without it no server is opened or closed'),
      global(
        'CONNECTION ADMIN',
        'KILL: without it clients cannot be cut, and a hanging receiver cannot be sealed; it also gets in when connections are used up',
        ['SUPER'],
      ),
      global(
        'PROCESS',
        'sessions of others: without it clients and dump threads are invisible, so nothing is proven cut',
      ),
      global('RELOAD', "RESET SLAVE ALL: without it a new primary's old channel stays"),
      ...['mysql.global_priv', 'mysql.roles_mapping'].map((on) => ({
        name: 'SELECT',
        on,
        why: 'without it nobody knows which accounts write in spite of read_only, no switchover begins and no server rejoins; it shows the hashes of passwords, so keep this account as safe as one of an administrator',
      })),
    ],
    replication: [
      global('REPLICATION SLAVE', 'replicas fetch the binlog with it: without it no channel that Regent sets connects'),
    ],
  },
}

/**
 * What an account needs, and the statements that give it exactly that. The names hold for MySQL 8.4 and 9.x and for MariaDB
 * 10.6 to 11.8: within those neither flavour renamed one.
 */
export function grantsFor(version: Version, role: AccountRole, account: GrantAccount): Grants {
  const privileges = PRIVILEGES[version.flavour][role]
  const name = `${text(account.user)}@${text(account.host ?? '%')}`
  const places = [...new Set(privileges.map((privilege) => privilege.on))]
  const statements = [
    `CREATE USER IF NOT EXISTS ${name} IDENTIFIED BY ${text(account.password ?? '<password>')};`,
    ...places.map((place) => {
      const names = privileges.filter((privilege) => privilege.on === place).map((privilege) => privilege.name)
      return `GRANT ${names.join(', ')} ON ${quotedPlace(place)} TO ${name};`
    }),
  ]
  return { statements, privileges }
}

const quotedPlace = (place: string): string => place.replace(/^[^*.]+/, (schema) => `\`${schema}\``)
