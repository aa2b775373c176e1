/**
 * The users of a sandbox, and what each may do. They are written into the template data directory, so every server has
 * them from its first start and no history contains them. The passwords are no secret: the servers listen on loopback only.
 */
export type Flavour = 'mysql' | 'mariadb'
export type UserRole = 'admin' | 'monitor' | 'replication' | 'app'

export interface Credentials {
  readonly user: string
  readonly password: string
}

export const USERS: { readonly [R in UserRole]: Credentials } = {
  admin: { user: 'admin', password: 'sandbox-admin' },
  monitor: { user: 'monitor', password: 'sandbox-monitor' },
  replication: { user: 'replication', password: 'sandbox-replication' },
  app: { user: 'app', password: 'sandbox-app' },
}

interface Grant {
  readonly privileges: string
  readonly on: string
  readonly withGrantOption?: true
}

type Grants = { readonly [R in UserRole]: readonly Grant[] }

const ADMIN: readonly Grant[] = [{ privileges: 'ALL PRIVILEGES', on: '*.*', withGrantOption: true }]
const REPLICATION: readonly Grant[] = [{ privileges: 'REPLICATION SLAVE', on: '*.*' }]
/** Nothing global: a client that could bypass read_only would keep writing to a fenced primary. */
const APP: readonly Grant[] = [{ privileges: 'ALL PRIVILEGES', on: '`app`.*' }]

export const GRANTS: { readonly [F in Flavour]: Grants } = {
  mysql: {
    admin: ADMIN,
    monitor: [
      {
        privileges:
          'REPLICATION CLIENT, REPLICATION SLAVE, PROCESS, RELOAD, CONNECTION_ADMIN, REPLICATION_SLAVE_ADMIN, ' +
          // SYSTEM_USER: without it an applier's coordinator, or a client who has it, cannot be killed ("not owner of thread").
          'SYSTEM_VARIABLES_ADMIN, REPLICATION_APPLIER, SERVICE_CONNECTION_ADMIN, SYSTEM_USER, XA_RECOVER_ADMIN',
        on: '*.*',
      },
      { privileges: 'SELECT', on: 'performance_schema.*' },
      { privileges: 'SELECT', on: 'mysql.slave_master_info' },
      { privileges: 'ALL PRIVILEGES', on: '`regent`.*' },
    ],
    replication: REPLICATION,
    app: APP,
  },
  mariadb: {
    admin: ADMIN,
    monitor: [
      {
        privileges:
          'REPLICATION MASTER ADMIN, REPLICATION SLAVE ADMIN, REPLICATION SLAVE, BINLOG MONITOR, SLAVE MONITOR, ' +
          'BINLOG ADMIN, BINLOG REPLAY, CONNECTION ADMIN, READ_ONLY ADMIN, PROCESS, RELOAD',
        on: '*.*',
      },
      { privileges: 'SELECT', on: 'mysql.global_priv' },
      { privileges: 'SELECT', on: 'mysql.roles_mapping' },
      { privileges: 'ALL PRIVILEGES', on: '`regent`.*' },
    ],
    replication: REPLICATION,
    app: APP,
  },
}

const ROLES: readonly UserRole[] = ['admin', 'monitor', 'replication', 'app']

/** The statements that make the users; each on one line, because a server's bootstrap reads statements by line. */
export function userStatements(flavour: Flavour): readonly string[] {
  const plugin = flavour === 'mysql' ? ' WITH caching_sha2_password' : ''
  return ROLES.flatMap((role) => {
    const { user, password } = USERS[role]
    const create = `CREATE USER '${user}'@'%' IDENTIFIED${plugin} BY '${password}';`
    const grants = GRANTS[flavour][role].map(
      (grant) =>
        `GRANT ${grant.privileges} ON ${grant.on} TO '${user}'@'%'${grant.withGrantOption ? ' WITH GRANT OPTION' : ''};`,
    )
    return [create, ...grants]
  })
}
