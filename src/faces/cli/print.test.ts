import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { ProblemError, problem } from '../../model/problem.ts'
import { type Asking, ask } from './ask.ts'
import { printProblems, printThrown } from './exit.ts'
import { chooseOutput, emit, type Output } from './print.ts'
import { type Column, coloursOn, painter, table, tsv, width } from './table.ts'
import { tree } from './tree.ts'

interface Row {
  readonly name: string
  readonly lag: string
}
const ROWS: readonly Row[] = [
  { name: 'db1:3306', lag: '0' },
  { name: 'db2', lag: '120' },
]
const COLUMNS: readonly Column<Row>[] = [
  { title: 'server', cell: (row) => row.name },
  { title: 'lag', cell: (row) => row.lag, align: 'right' },
  { title: 'note', cell: () => '' },
]
const plain = painter(false)

describe('a table', () => {
  it('aligns its columns and ends no line in spaces', () => {
    expect(table(ROWS, COLUMNS, plain)).toBe('SERVER    LAG  NOTE\ndb1:3306    0\ndb2       120')
  })

  it('is as wide with colours as without', () => {
    const paint = painter(true)
    const painted = table(
      ROWS,
      [
        { title: 'server', cell: (row) => paint('red', row.name) },
        { title: 'lag', cell: (row) => row.lag },
      ],
      paint,
    )
    expect(painted).toContain('\u001b[')
    expect(stripVTControlCharacters(painted)).toBe('SERVER    LAG\ndb1:3306  0\ndb2       120')
  })

  it('keeps one row on one line', () => {
    expect(table([{ name: 'a\nb\tc', lag: '' }], COLUMNS.slice(0, 1), plain)).toBe('SERVER\na b c')
    expect(tsv([{ name: 'a\tb', lag: '1' }], COLUMNS.slice(0, 2))).toBe('server\tlag\na b\t1')
  })

  it('of no rows shows its titles', () => expect(table([], COLUMNS, plain)).toBe('SERVER  LAG  NOTE'))

  it('counts what a terminal shows', () => expect(width(painter(true)('green', 'größe'))).toBe(5))

  it.each([
    [{ isTTY: true }, {}, true],
    [{ isTTY: true }, { NO_COLOR: '1' }, false],
    [{ isTTY: true }, { NO_COLOR: '' }, true],
    [{ isTTY: true }, { TERM: 'dumb' }, false],
    [{ isTTY: false }, {}, false],
    [{}, {}, false],
  ])('is coloured on %j with %j: %s', (stream, env, on) => expect(coloursOn(stream, env)).toBe(on))
})

it('a tree hangs its branches and aligns the columns behind them', () => {
  const leaf = (...text: string[]) => ({ text, children: [] })
  const roots = [
    {
      text: ['db1:3306', 'primary', 'rw'],
      children: [
        { text: ['db2:3306', 'replica', 'ro'], children: [leaf('db4:3306', 'replica', 'ro')] },
        leaf('db3:3306', 'replica', ''),
      ],
    },
    { text: 'db9:3306', children: [] },
  ]
  expect(tree(roots)).toBe(
    [
      'db1:3306        primary  rw',
      '├─ db2:3306     replica  ro',
      '│  └─ db4:3306  replica  ro',
      '└─ db3:3306     replica',
      'db9:3306',
    ].join('\n'),
  )
  expect(tree([])).toBe('')
})

describe('the output', () => {
  const format = (name: 'table' | 'tsv' | 'json' | 'yaml'): Output => ({ kind: 'format', format: name })
  it.each([
    [{}, format('table')],
    [{ json: true }, format('json')],
    [{ output: 'yaml' }, format('yaml')],
    [{ output: 'json', json: true }, format('json')],
    [{ quiet: true }, { kind: 'quiet' }],
  ])('of %j is %j', (options, output) => expect(chooseOutput(options)).toEqual({ kind: 'chosen', output }))

  it.each([
    [{ output: 'xml' }],
    [{ output: 'table', json: true }],
    [{ json: true, quiet: true }],
    [{ output: 'quiet', json: true }],
  ])('of %j is a mistake in usage', (options) =>
    expect(chooseOutput(options)).toMatchObject({ kind: 'problem', problem: { exit: 2 } }),
  )

  const printed = (value: unknown, output: Output): string => {
    const lines: string[] = []
    emit(
      value,
      { output, out: (text) => lines.push(text) },
      {
        table: () => table(ROWS, COLUMNS, plain),
        tsv: () => tsv(ROWS, COLUMNS),
        names: () => ROWS.map((row) => row.name),
      },
    )
    return lines.join('')
  }
  it('is what was asked for', () => {
    expect(printed(ROWS, format('table'))).toBe(`${table(ROWS, COLUMNS, plain)}\n`)
    expect(printed(ROWS, format('tsv'))).toBe('server\tlag\tnote\ndb1:3306\t0\t\ndb2\t120\t\n')
    expect(printed(ROWS, format('json'))).toBe('{"name":"db1:3306","lag":"0"}\n{"name":"db2","lag":"120"}\n')
    expect(printed({ rows: ROWS }, format('json'))).toBe(
      '{"rows":[{"name":"db1:3306","lag":"0"},{"name":"db2","lag":"120"}]}\n',
    )
    expect(printed(ROWS, { kind: 'quiet' })).toBe('db1:3306\ndb2\n')
    expect(printed([], format('json'))).toBe('')
  })

  it('holds the same in YAML as in JSON', () => {
    const value = { map: new Map([['a', 1]]), set: new Set(['x']), absent: undefined, text: 'yes', big: 10n }
    const expected = { map: { a: 1 }, set: ['x'], text: 'yes', big: '10' }
    expect(JSON.parse(printed(value, format('json')))).toEqual(expected)
    expect(parse(printed(value, format('yaml')))).toEqual(expected)
  })
})

describe('a problem', () => {
  const told = (print: (err: (text: string) => void) => number) => {
    const lines: string[] = []
    const exit = print((text) => lines.push(text))
    return { exit, text: lines.join('') }
  }

  it('is two lines and an exit code', () => {
    const { exit, text } = told((err) =>
      printProblems([problem('answered_no'), problem('usage', { what: 'x', fix: 'y' })], { err, paint: plain }),
    )
    expect(exit).toBe(3)
    expect(text).toBe('regent: not done: the answer was not yes\n   try: nothing was changed\nregent: x\n   try: y\n')
  })

  it('is JSON where JSON was asked for', () => {
    const { text } = told((err) =>
      printProblems([problem('usage', { what: 'x', fix: 'y' })], {
        err,
        paint: plain,
        output: { kind: 'format', format: 'json' },
      }),
    )
    expect(JSON.parse(text)).toEqual({ problem: 'usage', says: 'x', tryThis: 'y', exit: 2 })
  })

  it('that was thrown is printed the same; another error shows its stack', () => {
    expect(told((err) => printThrown(new ProblemError(problem('answered_no')), { err, paint: plain }))).toMatchObject({
      exit: 3,
    })
    const fault = told((err) => printThrown(new TypeError('broken'), { err, paint: plain }))
    expect(fault.exit).toBe(1)
    expect(fault.text).toMatch(/TypeError: broken\n\s+at /)
  })
})

describe('a question', () => {
  const asking = (changes: Partial<Asking> = {}) => {
    const input = Object.assign(new PassThrough(), { isTTY: true })
    const output = Object.assign(new PassThrough(), { isTTY: true })
    const at: Asking = { input, output, deadlineMs: 10_000, yes: false, ...changes }
    return { at, input, output }
  }

  it.each([
    ['y\n', 'yes'],
    ['Yes\n', 'yes'],
    ['n\n', 'no'],
    ['\n', 'no'],
    ['yep\n', 'no'],
  ])('answered %j is %s', async (typed, kind) => {
    const { at, input, output } = asking()
    const answer = ask('Go on?', at)
    input.write(typed)
    expect(await answer).toMatchObject({ kind })
    expect(String(output.read())).toContain('Go on? (y/N, within 10s)')
  })

  it('that nobody answers in time is no', async () => {
    expect(await ask('Go on?', asking({ deadlineMs: 20 }).at)).toMatchObject({
      kind: 'no',
      problem: { code: 'answered_no' },
    })
  })

  it('whose input ends, or that is called off, is no', async () => {
    const { at, input } = asking()
    input.end()
    expect(await ask('Go on?', at)).toMatchObject({ kind: 'no' })
    expect(await ask('Go on?', asking({ signal: AbortSignal.abort() }).at)).toMatchObject({ kind: 'no' })
  })

  it('is not asked without a terminal, and not where --yes was given', async () => {
    const piped = Object.assign(new PassThrough(), { isTTY: false })
    expect(await ask('Go on?', asking({ input: piped }).at)).toMatchObject({
      kind: 'no',
      problem: { code: 'needs_yes', exit: 3 },
    })
    expect(await ask('Go on?', asking({ output: piped }).at)).toMatchObject({
      kind: 'no',
      problem: { code: 'needs_yes' },
    })
    expect(await ask('Go on?', asking({ input: piped, yes: true }).at)).toEqual({ kind: 'yes' })
  })
})
