/**
 * The arrows of the house, enforced: who may import whom, what the pure parts may not touch, and how long a file may be. Every
 * exception stands in a table with its reason, and one that is no longer needed fails as well.
 */
import { globSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { codeOf, hasComputedImport, importsOf } from './source-reading.ts'

const ROOT = resolve(import.meta.dirname, '..')

const DECIDERS = [
  'decide/discover',
  'decide/diagnose',
  'decide/recover',
  'decide/announce',
  'decide/fence',
  'decide/reconcile',
  'decide/safeguard',
] as const

/** `part: parts that it may import`, itself included without saying. `*`: everything but main. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  main: ['compose', 'faces/cli'],
  compose: ['*'],
  model: [],
  'decide/discover': ['model'],
  'decide/diagnose': ['model'],
  'decide/recover': ['model', 'decide/announce', 'decide/fence', 'decide/reconcile', 'decide/safeguard'],
  'decide/announce': ['model'],
  'decide/fence': ['model'],
  'decide/reconcile': ['model'],
  'decide/safeguard': ['model'],
  ports: ['model'],
  config: ['model'],
  mysql: ['model'],
  'adapters/servers': ['model', 'ports', 'mysql'],
  'adapters/sqlite': ['model', 'ports', 'mysql'],
  'adapters/system': ['model', 'ports', 'mysql'],
  'adapters/announce': ['model', 'ports', 'mysql'],
  'proxy/gate': ['model'],
  proxy: ['model', 'ports', 'proxy/gate'],
  'run/execute': ['model', 'ports'],
  'run/daemon': ['model', 'ports', 'run/execute', ...DECIDERS],
  'faces/api': ['model', 'run/daemon'],
  'faces/cli': ['model', 'faces/api', 'lab/sandbox'],
  'faces/web': ['faces/api'],
  'lab/sandbox': ['model', 'ports', 'mysql'],
  'lab/simulate': ['model', 'ports', 'run/execute', 'run/daemon', 'proxy/gate', ...DECIDERS],
}

/** Where one part may be entered by another through one file only. */
const DOORS: Readonly<Record<string, string>> = {
  'main -> faces/cli': 'src/faces/cli/program.ts',
  'faces/api -> run/daemon': 'src/run/daemon/index.ts',
  'faces/cli -> faces/api': 'src/faces/api/contract.ts',
  'faces/web -> faces/api': 'src/faces/api/contract.ts',
  'faces/cli -> lab/sandbox': 'src/lab/sandbox/index.ts',
}

/** Tests beside a file obey its arrows. These need more. */
const TESTS_MAY_ALSO: Readonly<Record<string, { readonly parts: readonly string[]; readonly because: string }>> = {
  'decide/discover': { parts: ['decide/diagnose'], because: 'the builder of readings stands there' },
  'decide/diagnose': { parts: ['decide/discover'], because: 'verdicts are judged on topologies as they are assembled' },
}

/** Packages from the registry, by the part that may know them. A package that two parts share is a type that they share. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  compose: ['pino'],
  config: ['yaml', 'zod'],
  mysql: ['mysql2'],
  'lab/sandbox': ['mysql2'],
  'faces/api': ['fastify', 'fastify-type-provider-zod', '@fastify/swagger', 'zod'],
  'faces/cli': ['commander', 'yaml', 'zod'],
  'faces/web': ['react', 'react-dom', '@xyflow/react', 'd3-hierarchy', 'uplot', 'vite', '@vitejs/plugin-react'],
}
const TEST_PACKAGES = ['vitest', 'fast-check', 'playwright-core']

/** The driver is known to as few files as can be, so that another driver is a change of these. */
const KNOW_THE_DRIVER = ['src/mysql/driver.ts', 'src/lab/sandbox/sql.ts', 'src/lab/sandbox/writer-session.ts']

const FORBIDDEN = {
  time: /\bDate\b|\bperformance\b|\bTemporal\b/,
  timers: /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b|\bAbortSignal\.timeout\b/,
  chance: /\bMath\.random\b|\bcrypto\b|\brandomUUID\b/,
  surroundings: /\bprocess\b(?=[.[])|\bglobalThis\b|\bfetch\(/,
  waiting: /\basync\b|\bawait\b|\bPromise\b/,
} as const
/** Whether a part may not have it: pure parts are functions of a snapshot; driven ones take time, chance and I/O from ports. */
const PURE = ['model', ...DECIDERS]
const DRIVEN = ['run/execute', 'run/daemon', 'proxy/gate']

const LONGEST = 400
const LONGEST_TEST = 500
const LONGER: Readonly<Record<string, string>> = {
  'src/decide/diagnose/primary-rules.ts': 'one table, one row for each verdict about the primary',
}

interface SourceFile {
  readonly path: string
  readonly part: string
  readonly isTest: boolean
  readonly source: string
}

const isTestPath = (path: string): boolean => /\.(?:test|testing)\.tsx?$/.test(path)

function partOf(path: string): string {
  const [top = '', second = ''] = relative('src', path).split('/')
  if (top === 'main.ts') return 'main'
  if (/^compose[\w-]*(?:\.test)?\.ts$/.test(top)) return 'compose'
  if (top === 'proxy' && /^gate\b/.test(second)) return 'proxy/gate'
  return ['decide', 'run', 'adapters', 'faces', 'lab'].includes(top) ? `${top}/${second}` : top
}

const FILES: readonly SourceFile[] = globSync('src/**/*.{ts,tsx}', { cwd: ROOT })
  .filter((path) => !path.includes('/dist/'))
  .toSorted()
  .map((path) => ({
    path,
    part: partOf(path),
    isTest: isTestPath(path),
    source: readFileSync(join(ROOT, path), 'utf8'),
  }))

interface Arrow {
  readonly from: SourceFile
  readonly typeOnly: boolean
  readonly to:
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'package' | 'node'; readonly name: string }
}

function arrowsOf(from: SourceFile): readonly Arrow[] {
  return importsOf(from.source).map(({ target, typeOnly }) => {
    if (target.startsWith('.'))
      return { from, typeOnly, to: { kind: 'file', path: relative(ROOT, resolve(ROOT, from.path, '..', target)) } }
    if (target.startsWith('node:')) return { from, typeOnly, to: { kind: 'node', name: target } }
    const name = target.split('/', target.startsWith('@') ? 2 : 1).join('/')
    return { from, typeOnly, to: { kind: 'package', name } }
  })
}

const ARROWS = FILES.flatMap(arrowsOf)
const fileArrows = ARROWS.flatMap(({ from, typeOnly, to }) =>
  to.kind === 'file' && to.path.startsWith('src/') ? [{ from, typeOnly, path: to.path, part: partOf(to.path) }] : [],
)

const mayImport = (from: SourceFile, part: string): boolean => {
  const allowed = MAY_IMPORT[from.part] ?? []
  const also = from.isTest ? (TESTS_MAY_ALSO[from.part]?.parts ?? []) : []
  return part === from.part || [...allowed, ...also].includes(part) || (allowed.includes('*') && part !== 'main')
}

describe('arrows', () => {
  test('every folder of the house has its row', () => {
    const parts = new Set(FILES.map((file) => file.part))
    expect([...parts].filter((part) => !(part in MAY_IMPORT))).toEqual([])
  })

  test('nobody imports what is not his to know', () => {
    const wrong = fileArrows.filter(({ from, part }) => !mayImport(from, part))
    expect(wrong.map(({ from, path }) => `${from.path} -> ${path}`)).toEqual([])
  })

  test('a part with a door is entered by that door', () => {
    const wrong = fileArrows.filter(({ from, part, path }) => {
      const door = DOORS[`${from.part} -> ${part}`]
      return door !== undefined && path !== door
    })
    expect(wrong.map(({ from, path }) => `${from.path} -> ${path}`)).toEqual([])
  })

  test("the browser's code takes types of the contract, and nothing that runs", () => {
    const wrong = fileArrows.filter(
      ({ from, part, typeOnly }) => from.part === 'faces/web' && part !== from.part && !typeOnly,
    )
    expect(wrong.map(({ from, path }) => `${from.path} -> ${path}`)).toEqual([])
  })

  test('what is only for tests is known only to tests', () => {
    const wrong = fileArrows.filter(({ from, path }) => isTestPath(path) && !from.isTest)
    expect(wrong.map(({ from, path }) => `${from.path} -> ${path}`)).toEqual([])
  })

  test('nobody imports main, tests and benches included', () => {
    const outside = globSync('{test,bench,scripts}/**/*.ts', { cwd: ROOT }).flatMap((path) =>
      arrowsOf({ path, part: 'outside', isTest: true, source: readFileSync(join(ROOT, path), 'utf8') }),
    )
    const wrong = [...ARROWS, ...outside].filter(({ to }) => to.kind === 'file' && to.path === 'src/main.ts')
    expect(wrong.map(({ from }) => from.path)).toEqual([])
  })

  test('no import is computed: each can be read', () => {
    expect(FILES.filter(({ source }) => hasComputedImport(source)).map(({ path }) => path)).toEqual([])
  })

  test('no two files need each other to be loaded', () => {
    expect(cycles()).toEqual([])
  })
})

describe('packages', () => {
  test('each is known to the parts that may know it', () => {
    const wrong = ARROWS.filter(({ from, to }) => {
      if (to.kind !== 'package') return false
      const allowed = [...(PACKAGES[from.part] ?? []), ...(from.isTest ? TEST_PACKAGES : [])]
      return !allowed.includes(to.name) && !(from.isTest && Object.values(PACKAGES).flat().includes(to.name))
    })
    expect(wrong.map(({ from, to }) => `${from.path} -> ${'name' in to ? to.name : ''}`)).toEqual([])
  })

  test('the driver is known to one file of mysql, and to the two of the sandbox that speak SQL', () => {
    const knowing = ARROWS.filter(({ to, from }) => to.kind === 'package' && to.name === 'mysql2' && !from.isTest)
    expect([...new Set(knowing.map(({ from }) => from.path))].toSorted()).toEqual(KNOW_THE_DRIVER.toSorted())
  })
})

describe('purity', () => {
  const uses = (parts: readonly string[], what: keyof typeof FORBIDDEN): readonly string[] =>
    FILES.filter((file) => parts.includes(file.part) && !file.isTest).flatMap(({ path, source }) =>
      codeOf(source)
        .split('\n')
        .flatMap((line) => (FORBIDDEN[what].test(line) ? [`${path}: ${line.trim()}`] : [])),
    )
  const usesNode = (parts: readonly string[]): readonly string[] =>
    ARROWS.filter(({ from, to }) => to.kind === 'node' && parts.includes(from.part) && !from.isTest).map(
      ({ from }) => from.path,
    )

  test.each(Object.keys(FORBIDDEN) as (keyof typeof FORBIDDEN)[])('model and decide know nothing of %s', (what) => {
    expect(uses(PURE, what)).toEqual([])
  })

  test.each(['time', 'timers', 'chance', 'surroundings'] as const)('run and the gate take %s from ports', (what) => {
    expect(uses(DRIVEN, what)).toEqual([])
  })

  test('neither knows Node', () => {
    expect(usesNode([...PURE, ...DRIVEN])).toEqual([])
  })
})

describe('files', () => {
  const tooLong = FILES.filter(
    ({ source, isTest }) => source.split('\n').length - 1 > (isTest ? LONGEST_TEST : LONGEST),
  )

  test(`none is longer than ${LONGEST} lines (a test: ${LONGEST_TEST}), tables excepted`, () => {
    expect(tooLong.map(({ path }) => path)).toEqual(Object.keys(LONGER))
  })

  test('no name says nothing', () => {
    expect(
      FILES.map(({ path }) => path).filter((path) => /\b(?:utils?|helpers?|managers?|common|misc)\b/i.test(path)),
    ).toEqual([])
  })

  test.each(Object.entries(TESTS_MAY_ALSO))(
    'the tests of %s need what they are allowed',
    (part, { parts, because }) => {
      const needed = fileArrows.filter(({ from }) => from.isTest && from.part === part).map((arrow) => arrow.part)
      expect(
        parts.filter((allowed) => !needed.includes(allowed)),
        because,
      ).toEqual([])
    },
  )
})

/** Hosts that a text may name. Documentation (the servers' makers too) and licences; the reserved names of examples; and this host itself. */
const HOSTS =
  /^(?:www\.apache\.org|dev\.mysql\.com|mariadb\.com|json-schema\.org|www\.sqlite\.org|www\.w3\.org|127\.0\.0\.1|localhost|(?:[\w-]+\.)*example(?:\.org|\.com|\.net)?)$/

describe('texts', () => {
  const texts = globSync(
    '{*,.ci/*,bench/**/*,bin/*,docs/**/*,schema/*,scripts/*,src/**/*,test/**/*}.{ts,tsx,json,md,sh,yaml,yml,html,css}',
    { cwd: ROOT },
  )
    .concat(['Makefile', '.ci/run', 'bin/regent', '.npmrc'])
    .filter((path) => !path.includes('/dist/') && !path.startsWith('bench/results/'))
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))

  const containing = (pattern: RegExp): readonly string[] =>
    texts.flatMap(({ path, text }) =>
      text.split('\n').flatMap((line, n) => (pattern.test(line) ? [`${path}:${n + 1}: ${line.trim()}`] : [])),
    )

  test('nothing is left for later', () => {
    expect(containing(new RegExp(`\\b(?:TO${'DO'}|FIX${'ME'}|X${'XX'})\\b`))).toEqual([])
  })

  test('no path of one machine: its home, its checkout', () => {
    const own = [ROOT, homedir()]
      .filter((path) => path.length > 1)
      .map((path) => path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    expect(containing(new RegExp(`(?:^|[\\s'"\`=:(])(?:${own.join('|')})(?:/|\\b)`))).toEqual([])
    expect(containing(/\/(?:home|Users)\/(?!op\b)\w/)).toEqual([])
  })

  test('no host but those that everybody knows', () => {
    const named = texts
      .filter(({ path }) => path !== 'package-lock.json')
      .flatMap(({ path, text }) =>
        [...text.matchAll(/\bhttps?:\/\/([\w.-]+)/g)].flatMap(([, host = '']) =>
          HOSTS.test(host) ? [] : [`${path}: ${host}`],
        ),
      )
    expect(named).toEqual([])
    expect(
      containing(/\b(?:registry|mirrors?|artifactory|nexus)\.[\w-]+\.(?:org|com|net|io|dev|local|internal)\b/),
    ).toEqual([])
  })

  test('the lock records no download addresses', () => {
    expect(texts.find(({ path }) => path === 'package-lock.json')?.text).not.toContain('"resolved"')
  })
})

/** Each ring of files that import each other at run time, once, from its alphabetically first file. */
function cycles(): readonly string[] {
  const needs = new Map<string, string[]>()
  for (const { from, path, typeOnly } of fileArrows)
    if (!typeOnly) needs.set(from.path, [...(needs.get(from.path) ?? []), path])
  const found = new Set<string>()
  const settled = new Set<string>()
  const visit = (path: string, way: readonly string[]): void => {
    const since = way.indexOf(path)
    if (since >= 0) {
      found.add([...way.slice(since)].toSorted().join(' <-> '))
      return
    }
    if (settled.has(path)) return
    for (const next of needs.get(path) ?? []) visit(next, [...way, path])
    settled.add(path)
  }
  for (const path of needs.keys()) visit(path, [])
  return [...found]
}
