import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Version } from '../model/version.ts'
import { grantsFor, PRIVILEGES, type Privilege } from './grants.ts'
import { missingGrants, rolesOf } from './show-grants.ts'

const version = (flavour: Version['flavour']): Version => ({ flavour, numbers: [11, 4, 2], text: '11.4.2' })
const needs = (name: string, on = '*.*', orBy?: readonly string[]): Privilege => ({
  name,
  on,
  why: 'test',
  ...(orBy ? { orBy } : {}),
})
const lacks = (rows: readonly string[], needed: readonly Privilege[]) =>
  missingGrants(rows, needed).map((one) => one.name)

describe('the statements', () => {
  it('give each account exactly what it needs', () => {
    expect(
      grantsFor(version('mysql'), 'replication', { user: 'repl', host: '10.0.%', password: "it's" }).statements,
    ).toEqual([
      "CREATE USER IF NOT EXISTS 'repl'@'10.0.%' IDENTIFIED BY 'it''s';",
      "GRANT REPLICATION SLAVE ON *.* TO 'repl'@'10.0.%';",
    ])
    const { statements } = grantsFor(version('mysql'), 'monitor', { user: 'regent' })
    expect(statements[0]).toContain('<password>')
    expect(statements.at(-1)).toBe("GRANT SELECT ON `performance_schema`.* TO 'regent'@'%';")
  })

  it.each(['mysql', 'mariadb'] as const)('of %s are read back as complete', (flavour) => {
    for (const role of ['monitor', 'replication'] as const) {
      const { statements, privileges } = grantsFor(version(flavour), role, { user: 'u' })
      expect(missingGrants(statements, privileges)).toEqual([])
      for (const one of privileges)
        expect(
          lacks(
            statements.map((row) => row.replace(new RegExp(`${one.name}(, )?`), '')),
            privileges,
          ),
        ).toContain(one.name)
    }
  })

  it('say of every privilege what fails without it', () => {
    for (const one of [...PRIVILEGES.mysql.monitor, ...PRIVILEGES.mariadb.monitor])
      expect(one.why).toMatch(/without it/)
  })
})

describe('SHOW GRANTS', () => {
  const select = needs('SELECT', 'performance_schema.*')
  it.each<[string, readonly string[], readonly Privilege[], readonly string[]]>([
    [
      'all',
      ["GRANT ALL PRIVILEGES ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*AB, PROCESS ON *.* TO ' WITH GRANT OPTION"],
      [needs('PROCESS'), select],
      [],
    ],
    ['nothing', ["GRANT USAGE ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD '*4192'"], [needs('PROCESS')], ['PROCESS']],
    ['no rows', [], [needs('PROCESS')], ['PROCESS']],
    [
      'static and dynamic ones',
      ['GRANT RELOAD, PROCESS ON *.* TO `u`@`%`', 'GRANT CONNECTION_ADMIN,SYSTEM_USER ON *.* TO `u`@`%`'],
      [needs('RELOAD'), needs('SYSTEM_USER'), needs('SUPER')],
      ['SUPER'],
    ],
    [
      'all of one schema only',
      ['GRANT ALL PRIVILEGES ON `app`.* TO `u`@`%`'],
      [needs('PROCESS'), select],
      ['PROCESS', 'SELECT'],
    ],
    ['an escaped underscore', ['GRANT SELECT ON `performance\\_schema`.* TO `u`@`%`'], [select], []],
    ['a pattern', ['GRANT SELECT ON `perf%`.* TO `u`@`%`'], [select], []],
    ['a pattern that does not match', ['GRANT SELECT ON `perf_schema`.* TO `u`@`%`'], [select], ['SELECT']],
    ['one table only', ['GRANT SELECT ON `performance_schema`.`threads` TO `u`@`%`'], [select], ['SELECT']],
    ['columns only', ['GRANT SELECT (`a`, `b`), INSERT ON *.* TO `u`@`%`'], [needs('SELECT')], ['SELECT']],
    [
      'a partial revoke',
      ['GRANT SELECT ON *.* TO `u`@`%`', 'REVOKE SELECT ON `performance_schema`.* FROM `u`@`%`'],
      [select, needs('SELECT')],
      ['SELECT'],
    ],
    [
      'a partial revoke elsewhere',
      ['GRANT SELECT ON *.* TO `u`@`%`', 'REVOKE SELECT ON `mysql`.* FROM `u`@`%`'],
      [select],
      [],
    ],
    [
      'an active role of MariaDB',
      [
        'GRANT `r1` TO `u`@`%`',
        'GRANT USAGE ON *.* TO `u`@`%`',
        'GRANT RELOAD, PROCESS ON *.* TO `r1`',
        'SET DEFAULT ROLE `r1` FOR `u`@`%`',
      ],
      [needs('PROCESS')],
      [],
    ],
    ['an inactive role', ['GRANT `PROCESS`@`%` TO `u`@`%`'], [needs('PROCESS')], ['PROCESS']],
    ['a proxy', ["GRANT PROXY ON ''@'' TO 'root'@'localhost' WITH GRANT OPTION"], [needs('PROXY')], ['PROXY']],
    ['a routine', ['GRANT EXECUTE ON PROCEDURE `a`.`*` TO `u`@`%`'], [needs('EXECUTE', 'a.*')], ['EXECUTE']],
    [
      'names that look like keywords',
      ['GRANT SELECT ON `a ON b TO c`.* TO `x ON *.* TO`@`%`'],
      [needs('SELECT', 'a ON b TO c.*')],
      [],
    ],
    ['a name with a backtick', ['GRANT SELECT ON `per``f`.* TO `u`@`%`'], [needs('SELECT', 'per`f.*')], []],
    ['ANSI quotes', ['GRANT SELECT ON "performance_schema".* TO "u"@"%"'], [select], []],
    [
      'MariaDB words that have two forms',
      ['GRANT REPLICA MONITOR, REPLICATION REPLICA ADMIN ON *.* TO `u`@`%`'],
      [needs('SLAVE MONITOR'), needs('REPLICATION SLAVE ADMIN')],
      [],
    ],
    [
      'SUPER where it serves',
      ['GRANT SUPER ON *.* TO `u`@`%`'],
      [needs('CONNECTION ADMIN', '*.*', ['SUPER']), needs('READ_ONLY ADMIN')],
      ['READ_ONLY ADMIN'],
    ],
  ])('%s', (_name, rows, needed, missing) => expect(lacks(rows, needed)).toEqual(missing))

  it('names the roles, which may hold what is missing', () => {
    expect(
      rolesOf([
        'GRANT `r1`@`%`,`r2`@`host` TO `u`@`%`',
        'GRANT `r3` TO `u`@`%`',
        'GRANT PROCESS ON *.* TO `u`@`%`',
        'SET DEFAULT ROLE `r1` FOR `u`@`%`',
      ]),
    ).toEqual(['r1', 'r2@host', 'r3'])
  })

  it('never makes it throw', () => {
    const part = fc.constantFrom(
      'GRANT ',
      'REVOKE ',
      ' ON ',
      ' TO ',
      ' FROM ',
      '*.*',
      '`',
      "'",
      '(',
      ')',
      ',',
      '.',
      'ALL',
      'a',
      '@',
      '%',
      '\\',
    )
    fc.assert(
      fc.property(
        fc.array(fc.array(part).map((parts) => parts.join(''))),
        (rows) => Array.isArray(missingGrants(rows, [select])) && Array.isArray(rolesOf(rows)),
      ),
    )
  })
})
