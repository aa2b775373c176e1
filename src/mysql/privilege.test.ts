import assert from 'node:assert/strict'
import { test } from 'vitest'
import { missingPrivilege } from './privilege.ts'

test('names the narrowest privilege that the server would accept', () => {
  const message =
    'Access denied; you need (at least one of) the SUPER, REPLICATION CLIENT privilege(s) for this operation'
  assert.deepEqual(missingPrivilege(1227, message), { privilege: 'REPLICATION CLIENT', on: '*.*' })
})

test('names the table and the account where the server does', () => {
  const mysql = "SELECT command denied to user 'm'@'localhost' for table 'replication_connection_status'"
  assert.deepEqual(missingPrivilege(1142, mysql), {
    privilege: 'SELECT',
    on: 'performance_schema.replication_connection_status',
    account: "'m'@'localhost'",
  })
  const mariadb = "SELECT command denied to user 'm'@'localhost' for table `regent`.`heartbeat`"
  assert.deepEqual(missingPrivilege(1142, mariadb), {
    privilege: 'SELECT',
    on: 'regent.heartbeat',
    account: "'m'@'localhost'",
  })
})

test('other errors are not about privileges', () => {
  assert.equal(missingPrivilege(1064, 'You have an error in your SQL syntax'), undefined)
})
