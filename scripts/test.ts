/**
 * Runs the tests: `node scripts/test.ts [types] [lint] [units] [contracts] [scenarios]` (all when none is named). Types and
 * lint count as one test each, and do not keep the others from running: one run shows everything that is wrong.
 *
 * Contracts and scenarios need real servers. Each of their files runs on one flavour, chosen by a printed seed (`SEED=n`
 * repeats a run), on `FLAVOUR=mysql|mariadb` or on `FLAVOUR=both`; the file reads it from `REGENT_TEST_FLAVOUR`. `NAME=x`
 * takes only files whose path contains x. The last line is `N passed, N failed`; a test runner that crashed counts as failed.
 */
import { spawn } from 'node:child_process'
import { createHash, randomInt } from 'node:crypto'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

type Flavour = 'mariadb' | 'mysql'
type Part = 'types' | 'lint' | 'units' | 'contracts' | 'scenarios'

interface Outcome {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** What did not run, by name: a test that nobody misses shows nothing. */
  readonly leftOut: readonly string[]
  /** What failed, by name: printed again at the very end, where whoever sees only the tail of a log finds it. */
  readonly broken: readonly string[]
  /** One line per story or suite, for the table of a soak. */
  readonly files: readonly FileLine[]
}

interface FileLine {
  readonly on: string
  readonly file: string
  readonly passed: number
  readonly failed: number
  readonly seconds: number
}

const ROOT = resolve(import.meta.dirname, '..')
const PARTS: readonly Part[] = ['types', 'lint', 'units', 'contracts', 'scenarios']
const FLAVOURS: readonly Flavour[] = ['mariadb', 'mysql']

/** MariaDB 11.8 beside the 10.11 of the system, in a soak: what depends on the server most. */
const NEWER_MARIADB = 'mariadb118'
const ON_NEWER = [
  'contracts/',
  'primary-killed',
  'switchover',
  'returning-primary',
  'half-received',
  'privileged-writer',
]

const isReal = (part: Part): boolean => part === 'contracts' || part === 'scenarios'
const isPart = (word: string): word is Part => PARTS.some((part) => part === word)

function usage(message: string): never {
  console.error(message)
  process.exit(2)
}

function partsWanted(words: readonly string[]): readonly Part[] {
  const unknown = words.find((word) => !isPart(word))
  if (unknown !== undefined) usage(`unknown part "${unknown}"; there are: ${PARTS.join(', ')}`)
  return words.length === 0 ? PARTS : PARTS.filter((part) => words.includes(part))
}

function seedWanted(text: string | undefined): number {
  if (text === undefined || text === '') return randomInt(1, 1_000_000)
  if (!/^\d+$/.test(text)) usage(`SEED must be a number, not "${text}"`)
  return Number(text)
}

/**
 * Both flavours turn up about equally over many seeds, and one file keeps its flavour under one seed. A file named after a
 * flavour (`history-mysql.test.ts`) is about that one: it runs with it, whatever the seed says, and needs its server only.
 */
function flavoursOf(file: string, wanted: string, seed: number): readonly Flavour[] {
  const named = FLAVOURS.find((flavour) => file.endsWith(`-${flavour}.test.ts`))
  if (named !== undefined) return wanted === '' || wanted === 'both' || wanted === named ? [named] : []
  if (wanted === 'both') return FLAVOURS
  const fixed = FLAVOURS.find((flavour) => flavour === wanted)
  if (fixed !== undefined) return [fixed]
  const bit = (createHash('sha256').update(`${seed} ${file}`).digest()[0] ?? 0) & 1
  return [bit === 0 ? 'mariadb' : 'mysql']
}

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((done) => {
    const child = spawn(command, args, { cwd: ROOT, env, stdio: ['ignore', 'inherit', 'inherit'] })
    child.once('error', (error) => {
      console.error(error.message)
      done(1)
    })
    child.once('exit', (code) => done(code ?? 1))
  })
}

const numberIn = (report: object, key: string): number => {
  const value: unknown = Reflect.get(report, key)
  return typeof value === 'number' ? value : 0
}

interface FileReport {
  readonly name?: unknown
  readonly status?: unknown
  readonly message?: unknown
  readonly startTime?: unknown
  readonly endTime?: unknown
  readonly assertionResults?: readonly { status?: unknown; fullName?: unknown; failureMessages?: readonly unknown[] }[]
}

const filesOf = (report: object): readonly FileReport[] => {
  const files: unknown = Reflect.get(report, 'testResults')
  return Array.isArray(files) ? files : []
}

/** A file that failed without a failed test could not be loaded, or a hook of its failed. */
const brokenAsWhole = ({ status, assertionResults = [] }: FileReport): boolean =>
  status === 'failed' && !assertionResults.some((test) => test.status === 'failed')

function linesIn(report: object, on: string): readonly FileLine[] {
  return filesOf(report).map((file) => {
    const counted = (status: string) => (file.assertionResults ?? []).filter((test) => test.status === status).length
    return {
      on,
      file: String(file.name).replace(`${ROOT}/`, ''),
      passed: counted('passed'),
      failed: counted('failed') + (brokenAsWhole(file) ? 1 : 0),
      seconds: Math.round((Number(file.endTime) - Number(file.startTime)) / 1000),
    }
  })
}

/** What a soak has shown: each story with its repetitions, on each flavour. */
function printTable(files: readonly FileLine[]): void {
  console.log('| on | file | passed | failed | s |\n|---|---|---|---|---|')
  for (const { on, file, passed, failed, seconds } of files)
    console.log(`| ${on} | ${file} | ${passed} | ${failed} | ${seconds} |`)
}

const firstLines = (text: unknown): string =>
  String(text ?? '')
    .split('\n')
    .slice(0, 6)
    .join('\n    ')

function brokenIn(report: object): readonly string[] {
  return filesOf(report).flatMap((file) => {
    const path = String(file.name).replace(`${ROOT}/`, '')
    if (brokenAsWhole(file)) return [`${path}\n    ${firstLines(file.message)}`]
    const tests = (file.assertionResults ?? []).filter(({ status }) => status === 'failed')
    return tests.map((test) => `${path} > ${String(test.fullName)}\n    ${firstLines(test.failureMessages?.[0])}`)
  })
}

/** Names alone: why, the test has printed itself, or its file says. */
function leftOutIn(report: object): readonly string[] {
  return filesOf(report).flatMap(({ name, assertionResults = [] }) =>
    assertionResults
      .filter(({ status }) => status === 'skipped' || status === 'pending' || status === 'todo')
      .map(({ fullName }) => `${String(name).replace(`${ROOT}/`, '')} > ${String(fullName)}`),
  )
}

/** Undefined when the runner wrote no report: it crashed. */
function readReport(path: string, on: string): Outcome | undefined {
  try {
    const report: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (typeof report !== 'object' || report === null) return undefined
    return {
      passed: numberIn(report, 'numPassedTests'),
      failed: numberIn(report, 'numFailedTests') + filesOf(report).filter(brokenAsWhole).length,
      skipped: numberIn(report, 'numPendingTests') + numberIn(report, 'numTodoTests'),
      leftOut: leftOutIn(report),
      broken: brokenIn(report),
      files: linesIn(report, on),
    }
  } catch {
    return undefined
  }
}

interface Where {
  readonly env: NodeJS.ProcessEnv
  /** As it stands in the table. */
  readonly on: string
}

async function runVitest(project: 'unit' | 'real', files: readonly string[], { env, on }: Where): Promise<Outcome> {
  const dir = mkdtempSync(join(tmpdir(), 'regent-report-'))
  const path = join(dir, 'report.json')
  try {
    const code = await run(
      process.execPath,
      [
        join(ROOT, 'node_modules/vitest/vitest.mjs'),
        'run',
        `--project=${project}`,
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${path}`,
        ...files,
      ],
      { ...process.env, ...env },
    )
    const report = readReport(path, on)
    if (report === undefined) {
      console.error(`the test runner ended without results (exit code ${code})`)
      return {
        passed: 0,
        failed: 1,
        skipped: 0,
        leftOut: [],
        broken: [`the test runner of ${project} (exit code ${code})`],
        files: [],
      }
    }
    // An error outside any test (an unhandled rejection) fails the run without a failed test.
    const failed = code !== 0 ? Math.max(1, report.failed) : report.failed
    if (code === 0 && report.passed === 0) {
      console.error('not a single test ran')
      return { ...report, failed: failed + 1, broken: [`${project}: not a single test ran`] }
    }
    const outside = failed > 0 && report.broken.length === 0 ? [`${project}: an error outside any test, above`] : []
    return { ...report, failed, broken: [...report.broken, ...outside] }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** One script of package.json, counted as one test. */
async function runScript(name: 'types' | 'lint'): Promise<Outcome> {
  const code = await run('npm', ['run', '--silent', name], process.env)
  console.log(`${code === 0 ? 'ok' : 'FAILED'}: ${name}`)
  return code === 0
    ? { passed: 1, failed: 0, skipped: 0, leftOut: [], broken: [], files: [] }
    : { passed: 0, failed: 1, skipped: 0, leftOut: [], broken: [name], files: [] }
}

async function runReal(parts: readonly Part[], seed: number): Promise<Outcome[]> {
  const wanted = process.env['FLAVOUR'] ?? ''
  if (!['', 'both', ...FLAVOURS].includes(wanted)) usage(`FLAVOUR must be mysql, mariadb or both, not "${wanted}"`)
  const folders = parts.filter(isReal)
  const name = process.env['NAME'] ?? ''
  const files = folders
    .flatMap((folder) => globSync(`test/${folder}/**/*.test.ts`, { cwd: ROOT }))
    .filter((file) => file.includes(name))
    .sort()
  if (files.length === 0 && name !== '') usage(`no test file of ${folders.join(', ')} has "${name}" in its path`)
  const outcomes: Outcome[] = []
  for (const flavour of FLAVOURS) {
    const mine = files.filter((file) => flavoursOf(file, wanted, seed).includes(flavour))
    if (mine.length === 0) continue
    console.log(`on ${flavour} (SEED=${seed}): ${mine.join(' ')}`)
    if (!(await fetched(flavour)))
      outcomes.push({
        passed: 0,
        failed: 1,
        skipped: 0,
        leftOut: [],
        broken: [`fetching the servers of ${flavour}`],
        files: [],
      })
    else
      outcomes.push(
        await runVitest('real', mine, {
          env: { REGENT_TEST_FLAVOUR: flavour, REGENT_TEST_SEED: String(seed) },
          on: flavour,
        }),
      )
  }
  if (process.env['REGENT_SOAK'] !== undefined && wanted !== 'mysql') outcomes.push(...(await runNewer(files, seed)))
  return outcomes
}

const fetched = async (servers: string): Promise<boolean> =>
  (await run(join(ROOT, 'scripts/fetch-servers.sh'), [servers], process.env)) === 0

/** A version that cannot be had here is said to be left out; it is no failure of what is tested. */
async function runNewer(files: readonly string[], seed: number): Promise<readonly Outcome[]> {
  const mine = files.filter((file) => ON_NEWER.some((part) => file.includes(part)) && !file.endsWith('-mysql.test.ts'))
  if (mine.length === 0) return []
  console.log(`on MariaDB 11.8 (SEED=${seed}): ${mine.join(' ')}`)
  if (!(await fetched(NEWER_MARIADB))) {
    console.log('MariaDB 11.8 cannot be fetched here: it is left out')
    return []
  }
  const env = {
    REGENT_TEST_FLAVOUR: 'mariadb',
    REGENT_TEST_SEED: String(seed),
    REGENT_MARIADBD: join(ROOT, '.servers', NEWER_MARIADB, 'usr/sbin/mariadbd'),
  }
  return [await runVitest('real', mine, { env, on: 'mariadb 11.8' })]
}

const parts = partsWanted(process.argv.slice(2))
const seed = seedWanted(process.env['SEED'])
const outcomes: Outcome[] = []
if (parts.includes('types')) outcomes.push(await runScript('types'))
if (parts.includes('lint')) outcomes.push(await runScript('lint'))
// Alone they are the quick gate, and take samples where the whole run takes everything.
const quick = parts.some(isReal) ? {} : { REGENT_QUICK: '1' }
if (parts.includes('units')) outcomes.push(await runVitest('unit', [], { env: quick, on: 'no server' }))
if (parts.some(isReal)) outcomes.push(...(await runReal(parts, seed)))
const total = (key: 'passed' | 'failed' | 'skipped'): number => outcomes.reduce((sum, outcome) => sum + outcome[key], 0)
if (process.env['REGENT_SOAK'] !== undefined) printTable(outcomes.flatMap(({ files }) => files))
if (total('skipped') > 0) console.log(`${total('skipped')} skipped`)
for (const name of outcomes.flatMap(({ leftOut }) => leftOut)) console.log(`skipped: ${name}`)
if (outcomes.length === 0) console.error('nothing to run was found')
for (const name of outcomes.flatMap(({ broken }) => broken)) console.log(`FAILED: ${name}`)
console.log(`${total('passed')} passed, ${total('failed')} failed`)
process.exitCode = outcomes.length === 0 || total('failed') > 0 ? 1 : 0
