import assert from 'node:assert/strict'
import { test } from 'vitest'
import { fnv1a64, mariadbIdentity } from './identity.ts'

const place = { hostname: 'db1', port: '3306', datadir: '/var/lib/mysql/', numericId: '1' }

test('FNV-1a gives the published values', () => {
  assert.equal(fnv1a64(''), 'cbf29ce484222325')
  assert.equal(fnv1a64('a'), 'af63dc4c8601ec8c')
  assert.equal(fnv1a64('foobar'), '85944171f73967e8')
})

test('trap 54: servers that share a server_id are not one', () => {
  const own = mariadbIdentity(place)
  for (const other of [{ hostname: 'db2' }, { port: '3307' }, { datadir: '/srv/mysql/' }, { numericId: '2' }]) {
    assert.notEqual(mariadbIdentity({ ...place, ...other }), own, JSON.stringify(other))
  }
})

test('how a path ends does not make another server, and parts cannot flow into each other', () => {
  assert.equal(mariadbIdentity({ ...place, datadir: '/var/lib/mysql' }), mariadbIdentity(place))
  assert.notEqual(mariadbIdentity({ ...place, hostname: 'db13', port: '306' }), mariadbIdentity(place))
})
