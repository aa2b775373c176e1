/** What the stories themselves say to servers, in the words of the flavour under test. */
import type { Flavour } from '../../../src/lab/sandbox/index.ts'

export const flavour: Flavour = process.env['REGENT_TEST_FLAVOUR'] === 'mysql' ? 'mysql' : 'mariadb'
export const soak = process.env['REGENT_SOAK'] === '1'

interface Words {
  readonly stop: string
  readonly start: string
  readonly stopReceiver: string
  readonly stopApplier: string
  readonly startApplier: string
  readonly forget: string
  readonly status: string
  readonly receiver: string
  readonly applier: string
  readonly sourceSide: string
  readonly sourceOff: string
  readonly clients: string
  readonly writable: readonly string[]
  readonly readOnly: readonly string[]
  readonly executed: string
}

const MARIADB: Words = {
  stop: 'STOP SLAVE',
  start: 'START SLAVE',
  stopReceiver: 'STOP SLAVE IO_THREAD',
  stopApplier: 'STOP SLAVE SQL_THREAD',
  startApplier: 'START SLAVE SQL_THREAD',
  forget: 'RESET SLAVE ALL',
  status: 'SHOW ALL SLAVES STATUS',
  receiver: 'Slave_IO_Running',
  applier: 'Slave_SQL_Running',
  sourceSide: 'SELECT @@GLOBAL.rpl_semi_sync_master_enabled',
  sourceOff: 'SET GLOBAL rpl_semi_sync_master_enabled=0',
  clients: "SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_master_clients'",
  writable: ['SET GLOBAL read_only=0'],
  readOnly: ['SET GLOBAL read_only=1'],
  executed: 'SELECT @@GLOBAL.gtid_binlog_pos',
}

const MYSQL: Words = {
  stop: 'STOP REPLICA',
  start: 'START REPLICA',
  stopReceiver: 'STOP REPLICA IO_THREAD',
  stopApplier: 'STOP REPLICA SQL_THREAD',
  startApplier: 'START REPLICA SQL_THREAD',
  forget: 'RESET REPLICA ALL',
  status: 'SHOW REPLICA STATUS',
  receiver: 'Replica_IO_Running',
  applier: 'Replica_SQL_Running',
  sourceSide: 'SELECT @@GLOBAL.rpl_semi_sync_source_enabled',
  sourceOff: 'SET GLOBAL rpl_semi_sync_source_enabled=0',
  clients: "SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_source_clients'",
  writable: ['SET GLOBAL super_read_only=0', 'SET GLOBAL read_only=0'],
  readOnly: ['SET GLOBAL super_read_only=1'],
  executed: 'SELECT @@GLOBAL.gtid_executed',
}

export const words: Words = flavour === 'mysql' ? MYSQL : MARIADB
