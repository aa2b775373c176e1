import assert from 'node:assert/strict'
import { test } from 'vitest'
import { type Flavour, GRANTS, userStatements } from './grants.ts'
import { type Settings, serverOptions } from './options.ts'
import { LAYOUTS, SHAPES } from './shape.ts'

const place = { serverId: 2, port: 12_000, adminPort: 12_001, socket: '/x/s2.sock', dataDir: '/x/s2' }
const plain: Settings = { semiSync: false, waitCount: 1, coPrimaries: false }
const FLAVOURS: readonly Flavour[] = ['mysql', 'mariadb']

test.each(FLAVOURS)('%s is born fenced, durable, and waits for nobody', (flavour) => {
  const options = serverOptions(flavour, place, { ...plain, semiSync: true })
  for (const wanted of [
    '--read-only=ON',
    '--sync-binlog=1',
    '--innodb-flush-log-at-trx-commit=1',
    '--event-scheduler=OFF',
  ]) {
    assert.ok(options.includes(wanted), wanted)
  }
  assert.ok(options.some((option) => /semi-sync-(source|master)-enabled=OFF$/.test(option)))
  assert.ok(options.some((option) => /semi-sync-(replica|slave)-enabled=ON$/.test(option)))
  assert.ok(options.some((option) => option.endsWith('wait-point=AFTER_SYNC')))
})

test.each(FLAVOURS)(
  '%s has a directory of its own for temporary files: a start clears it, whosever they are',
  (flavour) => {
    const dirOf = (dataDir: string) =>
      serverOptions(flavour, { ...place, dataDir }, plain).filter((option) => option.startsWith('--tmpdir='))
    assert.deepEqual(dirOf('/x/s2'), ['--tmpdir=/x/s2.tmp'])
    assert.deepEqual(dirOf('/x/s3'), ['--tmpdir=/x/s3.tmp'])
  },
)

test.each(FLAVOURS)('trap 61: %s cannot fall back to asynchronous for 49 days', (flavour) => {
  const options = serverOptions(flavour, place, { ...plain, semiSync: true })
  assert.ok(options.some((option) => option.endsWith('-timeout=4294967295')))
  assert.ok(options.some((option) => /wait-no-(replica|slave)=ON$/.test(option)))
})

test.each(FLAVOURS)('%s without semi-sync has no option of it', (flavour) => {
  assert.deepEqual(
    serverOptions(flavour, place, plain).filter((option) => /semi.?sync/.test(option)),
    [],
  )
})

test('the wait count is an option of MySQL only', () => {
  const count = (flavour: Flavour) =>
    serverOptions(flavour, place, { ...plain, semiSync: true, waitCount: 2 }).filter((option) =>
      option.endsWith('count=2'),
    )
  assert.equal(count('mysql').length, 1)
  assert.equal(count('mariadb').length, 0)
})

test('co-primaries never hand out the same AUTO_INCREMENT value', () => {
  const offset = (serverId: number) =>
    serverOptions('mysql', { ...place, serverId }, { ...plain, coPrimaries: true }).find((o) =>
      o.includes('increment-offset'),
    )
  assert.equal(offset(1), '--auto-increment-offset=1')
  assert.equal(offset(2), '--auto-increment-offset=2')
})

test.each(FLAVOURS)('the application on %s has no global privilege, so read_only holds for it (trap 35)', (flavour) => {
  assert.ok(GRANTS[flavour].app.every((grant) => grant.on === '`app`.*'))
  assert.ok(GRANTS[flavour].replication.every((grant) => grant.privileges === 'REPLICATION SLAVE'))
  assert.ok(
    !GRANTS[flavour].monitor.some((grant) => /\b(SUPER|ALL PRIVILEGES)\b/.test(grant.privileges) && grant.on === '*.*'),
  )
})

test.each(FLAVOURS)(
  'the statements that make the users of %s are one to a line, as a bootstrap reads them',
  (flavour) => {
    const statements = userStatements(flavour)
    assert.ok(statements.every((statement) => statement.endsWith(';') && !statement.includes('\n')))
    assert.equal(statements.filter((statement) => statement.startsWith('CREATE USER')).length, 4)
  },
)

test.each(SHAPES)('in shape %s every server is linked and every link names servers of it', (shape) => {
  const { ids, links } = LAYOUTS[shape]
  for (const { replica, source } of links) {
    assert.ok(ids.includes(replica) && ids.includes(source))
    assert.notEqual(replica, source)
  }
  for (const id of ids) assert.ok(links.some((link) => link.replica === id || link.source === id))
})
