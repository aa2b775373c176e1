import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = resolve(import.meta.dirname, '..')
const PAGES = globSync(['*.md', 'docs/**/*.md'], { cwd: ROOT }).map((path) => ({
  path,
  text: readFileSync(join(ROOT, path), 'utf8'),
}))

/** As a page on the web would make them: lower case, no punctuation, hyphens for spaces. */
const anchors = (text: string): readonly string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )

test('every link of one page to another leads somewhere', () => {
  const broken = PAGES.flatMap(({ path, text }) =>
    [...text.matchAll(/(?<!!)\[[^\]]+\]\(([^)]+)\)/g)].flatMap(([, link = '']) => {
      if (/^https?:/.test(link)) return []
      const [file = '', anchor] = link.split('#')
      const target = file === '' ? path : join(dirname(path), file)
      if (!existsSync(join(ROOT, target))) return [`${path}: ${link}`]
      const there = anchor === undefined || anchors(readFileSync(join(ROOT, target), 'utf8')).includes(anchor)
      return there ? [] : [`${path}: ${link}`]
    }),
  )
  expect(broken).toEqual([])
})

test('a source file that a page names is there', () => {
  const named = PAGES.flatMap(({ path, text }) =>
    [...text.matchAll(/`((?:src|test|scripts|docs|schema|bench)\/[\w./-]+\.\w+)`/g)].map(([, file = '']) => ({
      path,
      file,
    })),
  )
  expect(named.length).toBeGreaterThan(20)
  expect(named.filter(({ file }) => !existsSync(join(ROOT, file)))).toEqual([])
})

test('every decision stands in the list of decisions', () => {
  const list = readFileSync(join(ROOT, 'docs/adr/README.md'), 'utf8')
  const decisions = PAGES.filter(({ path }) => /^docs\/adr\/\d/.test(path))
  expect(decisions.length).toBeGreaterThan(10)
  for (const { path, text } of decisions) {
    const [, number = '', title = ''] = /^# (\d+)\. (.+)$/m.exec(text) ?? []
    expect(list).toContain(`${number}. [${title}](${path.replace('docs/adr/', '')})`)
    for (const part of ['Context', 'Decision', 'Why it is safe', 'Consequences'])
      expect(text).toContain(`\n## ${part}\n`)
  }
})
