import { expect, test } from 'vitest'
import { codeOf, hasComputedImport, importsOf } from './source-reading.ts'

const targets = (source: string): readonly string[] => importsOf(source).map(({ target }) => target)

test.each([
  ["import { a } from './a.ts'", './a.ts'],
  ["import {\n  a,\n  type B,\n} from './a.ts'", './a.ts'],
  ["import a, { b } from 'a'", 'a'],
  ["import * as a from '@a/b'", '@a/b'],
  ["import './a.ts'", './a.ts'],
  ["export { a } from './a.ts'", './a.ts'],
  ["export * from './a.ts'", './a.ts'],
  ["const { a } = await import('./a.ts')", './a.ts'],
  ["new Worker(new URL('./a.ts', import.meta.url))", './a.ts'],
  ["const path = fileURLToPath(new URL('../a.ts', import.meta.url))", '../a.ts'],
])('%s is seen', (source, target) => {
  expect(targets(source)).toEqual([target])
})

test('types are told from what runs', () => {
  expect(importsOf("import type { A } from './a.ts'")).toEqual([{ target: './a.ts', typeOnly: true }])
  expect(importsOf("export type { A } from './a.ts'")).toEqual([{ target: './a.ts', typeOnly: true }])
  expect(importsOf("import { type A, b } from './a.ts'")).toEqual([{ target: './a.ts', typeOnly: false }])
})

test('a comment imports nothing, and an address in a string is no comment', () => {
  expect(targets("// import { a } from './a.ts'\n/* import './b.ts' */")).toEqual([])
  expect(targets("const at = 'http://localhost' // x\nimport { a } from './a.ts'")).toEqual(['./a.ts'])
})

test('strings and comments are no code, what a template computes is', () => {
  expect(codeOf('const a = \'async\' // Date\n/* Date */ const b = "x"')).toBe("const a = ''  \n  const b = ''")
  expect(codeOf('const a = `Date $' + '{f({ b: `async $' + '{new Date()}` })} process.`')).toBe(
    'const a = `$' + '{f({ b: `$' + '{new Date()}` })}`',
  )
})

test('a quote in a regular expression opens no string', () => {
  expect(codeOf("const a = /'[/]\"/.test(b) || new Date('x')")).toBe("const a = / /.test(b) || new Date('')")
  expect(codeOf("const half = a / 2 + b / 3 + 'x'")).toBe("const half = a / 2 + b / 3 + ''")
})

test('an import whose target is computed is noticed', () => {
  expect(hasComputedImport('await import(path)')).toBe(true)
  expect(hasComputedImport("await import('./a.ts')")).toBe(false)
  expect(hasComputedImport("const a = require('a')")).toBe(true)
})
