import type { Context } from '../context.ts'
import type { Check } from '../runners.ts'
import { type Column, type Paint, type Painter, tsv } from '../table.ts'

type Finding = Check['findings'][number]
type Refusal = Check['refusals'][number]
type Setting = Check['defaults'][number]

/** One section per question, the servers last: what is wrong stands where the eye ends. */
export function checkText({ paint, io }: Context, { defaults, refusals, findings }: Check): string {
  // Into a pipe each finding is one line, whole, for whoever searches it.
  const width = io.stdout.isTTY ? Math.max(60, Math.min(io.stdout.columns, 140)) : Number.POSITIVE_INFINITY
  const clusters = [...new Set(defaults.map((d) => d.cluster))]
  const several = clusters.length > 1
  const sections = clusters.flatMap((cluster) => [
    [
      paint('bold', `Settings in force${several ? ` in ${cluster}` : ''}`),
      ...settings(cluster, defaults, { paint, width }),
    ],
    [
      paint('bold', `What the policy${several ? ` of ${cluster}` : ''} would refuse`),
      ...forecasts(
        refusals.filter((r) => r.cluster === cluster),
        { paint, width },
      ),
    ],
  ])
  const checked = [paint('bold', 'Servers, accounts, store'), ...found(findings, { paint, width })]
  return [...sections, checked, [summary(findings, paint)]].map((lines) => lines.join('\n')).join('\n\n')
}

interface Page {
  readonly paint: Painter
  readonly width: number
}

/** Written ones first: they are what a slip of the hand is in. */
function settings(cluster: string, all: readonly Setting[], page: Page): readonly string[] {
  const ofCluster = all.filter((d) => d.cluster === cluster)
  const ordered = [
    ...ofCluster.filter((d) => d.source !== 'default'),
    ...ofCluster.filter((d) => d.source === 'default'),
  ]
  return ordered.flatMap(({ name, value, source, why }) => [
    `  ${name}: ${page.paint('bold', value)}${source === 'default' ? '' : ` (${source})`}`,
    ...wrap(why, page.width - 6).map((line) => `      ${page.paint('dim', line)}`),
  ])
}

const OUTCOMES: Readonly<Record<string, readonly [string, Paint]>> = {
  goes_on: ['goes on', 'green'],
  depends: ['depends', 'yellow'],
  asks: ['asks', 'yellow'],
  refused: ['REFUSED', 'red'],
}

const SITUATIONS: Readonly<Record<string, string>> = {
  silent: 'primary silent',
  refused: 'primary refuses connections',
  answers: 'primary alive (failover)',
  any: '',
}

function forecasts(refusals: readonly Refusal[], { paint, width }: Page): readonly string[] {
  return refusals.flatMap(({ question, situation, outcome, says, tryThis }) => {
    const [word, colour] = OUTCOMES[outcome] ?? [outcome, 'yellow']
    const about = [question, SITUATIONS[situation] ?? situation].filter((part) => part !== '').join(', ')
    return [
      `  ${paint(colour, word)}  ${about}`,
      ...wrap(says, width - 11).map((line) => `           ${line}`),
      ...(tryThis === '' ? [] : wrap(`to change it: ${tryThis}`, width - 11).map((line) => `           ${line}`)),
    ]
  })
}

const LEVELS: { readonly [L in Finding['level']]: readonly [string, Paint] } = {
  ok: ['ok     ', 'green'],
  unknown: ['unknown', 'yellow'],
  warning: ['warning', 'yellow'],
  problem: ['problem', 'red'],
}

function found(findings: readonly Finding[], { paint, width }: Page): readonly string[] {
  return findings.flatMap(({ level, about, says, tryThis }) => {
    const [word, colour] = LEVELS[level]
    const whole = says.startsWith(about) || about === '' ? says : `${about}: ${says}`
    const [first = '', ...rest] = wrap(whole, width - 11)
    return [
      `  ${paint(colour, word)}  ${first}`,
      ...rest.map((line) => `           ${line}`),
      // Not wrapped: statements are copied from here.
      ...(tryThis === '' ? [] : [`           ${paint('dim', 'try:')} ${tryThis}`]),
    ]
  })
}

function summary(findings: readonly Finding[], paint: Painter): string {
  const count = (level: Finding['level']): number => findings.filter((f) => f.level === level).length
  const [problems, warnings, unknown] = [count('problem'), count('warning'), count('unknown')]
  const told = `${plural(problems, 'problem')}, ${plural(warnings, 'warning')}${unknown > 0 ? `, ${unknown} cannot be told from here` : ''}`
  return paint(problems > 0 ? 'red' : warnings > 0 ? 'yellow' : 'green', told)
}

const plural = (n: number, word: string): string => `${n === 0 ? 'no' : n} ${word}${n === 1 ? '' : 's'}`

const COLUMNS: readonly Column<Finding>[] = [
  { title: 'level', cell: (f) => f.level },
  { title: 'cluster', cell: (f) => f.cluster },
  { title: 'about', cell: (f) => f.about },
  { title: 'says', cell: (f) => f.says },
  { title: 'try', cell: (f) => f.tryThis },
]

/** Only what was found: the settings are in the JSON. */
export const checkTsv = ({ findings }: Check): string => tsv(findings, COLUMNS)

/** Lines of at most `width` columns; a word that is longer stands alone. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines
}
