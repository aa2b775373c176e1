import { atLeast } from '../../model/version.ts'
import { mysqlChanges } from './changes-mysql.ts'
import type { Dialect } from './dialect.ts'
import { mysqlRead } from './mysql-read.ts'

/** MySQL 8.4 LTS and forks of it (Percona Server). */
export const mysql84: Dialect = {
  name: 'mysql84',
  covers: (version) => version.flavour === 'mysql' && atLeast(version, 8, 4) && !atLeast(version, 9, 0),
  proven: [],
  can: {
    superReadOnly: true,
    gtidSets: true,
    keepRelayLog: true,
    waitCount: true,
    killFreesWaitingCommit: false,
  },
  read: mysqlRead,
  change: mysqlChanges,
}
