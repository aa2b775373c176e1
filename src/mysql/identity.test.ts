import assert from 'node:assert/strict'
import { test } from 'vitest'
import { fnv1a64, identityFrom, mariadbIdentity } from './identity.ts'

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

test('a MySQL goes by its server_uuid, a MariaDB by its place, and one that does not tell all of it by nothing', () => {
  const uuid = '0a3f5a52-c6d1-11f0-9b1e-0242ac110002'
  const mysql = new Map(Object.entries({ ...place, server_id: '1', server_uuid: uuid }))
  const mariadb = new Map(Object.entries({ hostname: 'db1', port: '3306', datadir: '/var/lib/mysql/', server_id: '1' }))
  const read = (variables: ReadonlyMap<string, string>) => (name: string) => variables.get(name) ?? ''
  assert.equal(identityFrom('mysql', read(mysql)), uuid)
  assert.equal(identityFrom('mariadb', read(mariadb)), mariadbIdentity(place))
  assert.equal(identityFrom('mysql', read(mariadb)), undefined)
  for (const missing of mariadb.keys()) {
    const rest = new Map([...mariadb].filter(([name]) => name !== missing))
    assert.equal(identityFrom('mariadb', read(rest)), undefined, missing)
  }
})
