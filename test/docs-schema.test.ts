import { existsSync, readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { CONFIG_PAGE_PATH, configText } from '../scripts/print-config.ts'
import { PROBLEMS_PATH, problemsText } from '../scripts/print-problems.ts'
import { SCHEMA_PATH, schemaText } from '../scripts/print-schema.ts'
import { load } from '../src/config/fixture.testing.ts'
import { PROBLEMS } from '../src/model/problem.ts'

const PAGES = [
  { path: SCHEMA_PATH, text: schemaText(), script: 'print-schema.ts' },
  { path: PROBLEMS_PATH, text: problemsText(), script: 'print-problems.ts' },
  { path: CONFIG_PAGE_PATH, text: configText(), script: 'print-config.ts' },
]

it.each(PAGES)('what $script prints is what is published; else run it: node scripts/$script', ({ path, text }) => {
  expect(existsSync(path)).toBe(true)
  expect(readFileSync(path, 'utf8')).toBe(text)
})

it('every problem has its entry, and every entry its problem', () => {
  const published = readFileSync(PROBLEMS_PATH, 'utf8')
  const headings = [...published.matchAll(/^## (\w+)$/gm)].map((match) => match[1])
  expect(headings.toSorted()).toEqual(Object.keys(PROBLEMS).toSorted())
  expect(published).not.toMatch(/undefined|NaN|\[object/)
})

describe('the published schema judges as the program does', () => {
  const judge = new Ajv2020({ strict: false }).compile(JSON.parse(schemaText()))
  const shop = {
    seeds: ['db1:3306'],
    users: { monitor: { user: 'a', password: 'b' }, replication: { user: 'c', password: 'd' } },
  }
  const withPolicy = (policy: unknown) => ({ clusters: { shop: { ...shop, policy } } })

  it.each([
    ['the example of the page', parse(/```yaml\n([\s\S]*?)```/.exec(configText())?.[1] ?? ''), true],
    ['the least', { clusters: { shop } }, true],
    [
      'every form of a union',
      withPolicy({ loss: { at_most: '10s' }, semi_sync: { wait_count: 1 }, fence: 'routes', anti_flapping: '0s' }),
      true,
    ],
    ['a key that is not known', withPolicy({ antiFlapping: '1s' }), false],
    ['a number without unit', withPolicy({ anti_flapping: 10 }), false],
    ['a text without unit', withPolicy({ anti_flapping: '10' }), false],
    ['a word that is none', withPolicy({ fence: 'rotes' }), false],
    ['no clusters', { store: '/x' }, false],
    ['no users', { clusters: { shop: { seeds: ['a:1'] } } }, false],
  ])('%s', async (_name, value, good) => {
    expect(judge(value)).toBe(good)
    const files = { '/etc/regent/token': 't', '/etc/regent/monitor.pass': 'p' }
    expect((await load(JSON.stringify(value), { REPL_PASSWORD: 'r' }, files)).kind).toBe(good ? 'config' : 'problems')
  })
})
