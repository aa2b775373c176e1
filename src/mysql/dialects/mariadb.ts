import { atLeast } from '../../model/version.ts'
import { mariadbChanges } from './changes-mariadb.ts'
import type { Dialect } from './dialect.ts'
import { mariadbRead } from './mariadb-read.ts'

/** MariaDB from 10.6 to the last of 11. */
export const mariadb: Dialect = {
  name: 'mariadb',
  covers: (version) => version.flavour === 'mariadb' && atLeast(version, 10, 6) && !atLeast(version, 12, 0),
  proven: ['10.11', '11.8'],
  can: {
    superReadOnly: false,
    gtidSets: false,
    keepRelayLog: false,
    waitCount: false,
    killFreesWaitingCommit: true,
  },
  read: mariadbRead,
  change: mariadbChanges,
}
