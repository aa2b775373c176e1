import assert from 'node:assert/strict'
import { test } from 'vitest'
import { parseVersion, type Version } from '../../model/version.ts'
import { DIALECTS, dialectFor, isProven } from './choose.ts'

function version(text: string, comment?: string): Version {
  const parsed = parseVersion(text, comment)
  assert.ok(parsed, text)
  return parsed
}

const SUPPORTED: readonly (readonly [text: string, dialect: string])[] = [
  ['8.4.0', 'mysql84'],
  ['8.4.3-3', 'mysql84'],
  ['8.10.0', 'mysql84'],
  ['9.0.1', 'mysql9'],
  ['9.7.4-2', 'mysql9'],
  ['10.6.1-MariaDB-log', 'mariadb'],
  ['10.11.19-MariaDB-0+deb12u1-log', 'mariadb'],
  ['5.5.5-10.11.19-MariaDB-0+deb12u1-log', 'mariadb'],
  ['11.4.2-MariaDB', 'mariadb'],
  ['11.8.3-MariaDB', 'mariadb'],
]

test('each supported version has exactly one dialect', () => {
  for (const [text, name] of SUPPORTED) {
    assert.deepEqual(
      DIALECTS.filter((dialect) => dialect.covers(version(text))).map((dialect) => dialect.name),
      [name],
      text,
    )
    assert.equal(dialectFor(version(text))?.name, name)
  }
})

test('a server that Regent does not know has none, instead of the nearest', () => {
  for (const text of ['5.7.44', '8.0.36', '8.0.11-TiDB-v7.5.0', '10.5.23-MariaDB', '10.0.0', '12.1.1-MariaDB']) {
    assert.equal(dialectFor(version(text)), undefined, text)
  }
})

test('trap 11: versions are compared as numbers: 8.10 is newer than 8.4, and MariaDB 10.11 newer than 10.6', () => {
  assert.equal(dialectFor(version('8.10.0'))?.name, 'mysql84')
  assert.equal(dialectFor(version('8.0.9')), dialectFor(version('8.0.14')))
  assert.equal(dialectFor(version('10.11.2-MariaDB'))?.name, 'mariadb')
  assert.equal(dialectFor(version('10.11.2')), undefined)
})

test('only what the tests really ran on counts as proven', () => {
  assert.ok(isProven(version('9.7.4')))
  assert.ok(isProven(version('10.11.19-MariaDB')))
  assert.ok(isProven(version('11.8.6-MariaDB')))
  for (const text of ['8.4.3', '9.70.0', '9.6.0', '10.1.1-MariaDB', '11.4.8-MariaDB', '5.7.1']) {
    assert.ok(!isProven(version(text)), text)
  }
})
