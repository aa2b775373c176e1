import type { Flavour } from './grants.ts'

/** What is particular to one server of a sandbox. */
export interface Place {
  readonly serverId: number
  readonly port: number
  /** MySQL's `admin_port`, MariaDB's `extra_port`: still answers when `max_connections` is used up. */
  readonly adminPort: number
  readonly socket: string
  readonly dataDir: string
}

export interface Settings {
  readonly semiSync: boolean
  readonly waitCount: number
  readonly coPrimaries: boolean
}

type Options = (place: Place, settings: Settings) => readonly string[]

/**
 * A server deletes every `#sql*` file of this directory when it starts. In one that it shares, those are the temporary tables of
 * living servers: MariaDB 10.11 and 11.8 end with signal 11 where one of its own is gone between making and opening it.
 */
export const tempDirOf = (dataDir: string): string => `${dataDir}.tmp`

/** The largest that both flavours take: 49 days. A shorter one would let a commit fall back to asynchronous silently. */
const NEVER_FALL_BACK_MS = '4294967295'

/**
 * Durable (an acknowledged write survives SIGKILL), small, and born fenced: a server always starts read-only and without
 * the source side of semi-sync, so that one which comes back by itself can neither take writes nor wait for acknowledgements.
 */
const common: Options = (place) => [
  `--datadir=${place.dataDir}`,
  `--tmpdir=${tempDirOf(place.dataDir)}`,
  `--socket=${place.socket}`,
  `--port=${place.port}`,
  '--bind-address=127.0.0.1',
  `--server-id=${place.serverId}`,
  '--report-host=127.0.0.1',
  `--report-port=${place.port}`,
  '--log-bin=binlog',
  '--relay-log=relay',
  '--binlog-format=ROW',
  '--sync-binlog=1',
  '--innodb-flush-log-at-trx-commit=1',
  '--read-only=ON',
  '--event-scheduler=OFF',
  '--skip-name-resolve',
  '--max-connections=60',
  '--table-open-cache=200',
  '--table-definition-cache=400',
  '--innodb-buffer-pool-size=32M',
  '--innodb-log-buffer-size=2M',
  '--innodb-read-io-threads=1',
  '--innodb-write-io-threads=1',
  '--innodb-purge-threads=1',
  '--key-buffer-size=64K',
  '--thread-cache-size=8',
]

/** Two servers that could both be opened never hand out the same AUTO_INCREMENT value. */
const coPrimary: Options = (place, settings) =>
  settings.coPrimaries
    ? ['--auto-increment-increment=2', `--auto-increment-offset=${((place.serverId - 1) % 2) + 1}`]
    : []

/** Tables that replication status, threads and the process list need stay; what only statistics need is sized to nothing. */
const SMALL_PERFORMANCE_SCHEMA = [
  '--performance-schema=ON',
  '--performance-schema-digests-size=0',
  '--performance-schema-error-size=0',
  '--performance-schema-events-statements-history-size=0',
  '--performance-schema-events-statements-history-long-size=0',
  '--performance-schema-events-stages-history-size=0',
  '--performance-schema-events-stages-history-long-size=0',
  '--performance-schema-events-waits-history-size=0',
  '--performance-schema-events-waits-history-long-size=0',
  '--performance-schema-events-transactions-history-size=0',
  '--performance-schema-events-transactions-history-long-size=0',
  '--performance-schema-max-index-stat=0',
  '--performance-schema-max-table-lock-stat=0',
  '--performance-schema-max-prepared-statements-instances=0',
  '--performance-schema-max-program-instances=0',
  '--performance-schema-max-statement-stack=1',
  '--performance-schema-max-memory-classes=0',
  '--performance-schema-max-cond-classes=0',
  '--performance-schema-max-mutex-classes=0',
  '--performance-schema-max-rwlock-classes=0',
  '--performance-schema-max-file-classes=0',
  '--performance-schema-max-socket-classes=0',
  '--performance-schema-accounts-size=20',
  '--performance-schema-hosts-size=20',
  '--performance-schema-users-size=20',
]

const mysqlSemiSync: Options = (_place, settings) =>
  settings.semiSync
    ? [
        '--plugin-load-add=semisync_source.so',
        '--plugin-load-add=semisync_replica.so',
        '--rpl-semi-sync-source-enabled=OFF',
        '--rpl-semi-sync-replica-enabled=ON',
        '--rpl-semi-sync-source-wait-point=AFTER_SYNC',
        `--rpl-semi-sync-source-timeout=${NEVER_FALL_BACK_MS}`,
        '--rpl-semi-sync-source-wait-no-replica=ON',
        `--rpl-semi-sync-source-wait-for-replica-count=${settings.waitCount}`,
      ]
    : []

/** `relay_log_recovery` stays at the server's default, which is OFF: received, unapplied relay log survives a restart. */
const mysql: Options = (place, settings) => [
  ...common(place, settings),
  '--super-read-only=ON',
  '--gtid-mode=ON',
  '--enforce-gtid-consistency=ON',
  '--log-replica-updates=ON',
  '--replica-net-timeout=4',
  '--admin-address=127.0.0.1',
  `--admin-port=${place.adminPort}`,
  '--mysqlx=OFF',
  '--require-secure-transport=OFF',
  '--secure-file-priv=',
  '--innodb-redo-log-capacity=8M',
  '--innodb-page-cleaners=1',
  '--temptable-max-ram=2M',
  ...SMALL_PERFORMANCE_SCHEMA,
  ...mysqlSemiSync(place, settings),
  ...coPrimary(place, settings),
]

/** MariaDB has no wait count: one acknowledgement is always enough. */
const mariadbSemiSync: Options = (_place, settings) =>
  settings.semiSync
    ? [
        '--rpl-semi-sync-master-enabled=OFF',
        '--rpl-semi-sync-slave-enabled=ON',
        '--rpl-semi-sync-master-wait-point=AFTER_SYNC',
        `--rpl-semi-sync-master-timeout=${NEVER_FALL_BACK_MS}`,
        '--rpl-semi-sync-master-wait-no-slave=ON',
      ]
    : []

const mariadb: Options = (place, settings) => [
  ...common(place, settings),
  '--gtid-strict-mode=ON',
  '--log-slave-updates=ON',
  '--slave-net-timeout=4',
  `--extra-port=${place.adminPort}`,
  '--extra-max-connections=4',
  '--innodb-log-file-size=16M',
  '--innodb-fast-shutdown=1',
  '--aria-pagecache-buffer-size=2M',
  ...mariadbSemiSync(place, settings),
  ...coPrimary(place, settings),
]

const OPTIONS: { readonly [F in Flavour]: Options } = { mysql, mariadb }

/** The start options of one server, without those that only say where the program's own files are. */
export const serverOptions = (flavour: Flavour, place: Place, settings: Settings): readonly string[] =>
  OPTIONS[flavour](place, settings)
