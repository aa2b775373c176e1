import { stringify } from 'yaml'
import { type Problem, problem } from '../../model/problem.ts'

export const FORMATS = ['table', 'tsv', 'json', 'yaml'] as const
export type Format = (typeof FORMATS)[number]

/** What the common options of every verb come to. `quiet`: bare names, one per line, for pipes. */
export type Output = { readonly kind: 'format'; readonly format: Format } | { readonly kind: 'quiet' }

export interface OutputOptions {
  readonly output?: string
  readonly json?: boolean
  readonly quiet?: boolean
}

export type ChosenOutput =
  | { readonly kind: 'chosen'; readonly output: Output }
  | { readonly kind: 'problem'; readonly problem: Problem }

/** `-o table|tsv|json|yaml`, `--json`, `-q`; two that contradict each other are a mistake, not a matter of order. */
export function chooseOutput({ output, json, quiet }: OutputOptions): ChosenOutput {
  const asked = [output, json ? 'json' : undefined, quiet ? 'quiet' : undefined].filter((one) => one !== undefined)
  const distinct = [...new Set(asked)]
  if (distinct.length > 1) return wrong(`${distinct.join(' and ')} cannot be had together`)
  const [only = 'table'] = distinct
  if (only === 'quiet') return { kind: 'chosen', output: { kind: 'quiet' } }
  const format = FORMATS.find((one) => one === only)
  return format ? { kind: 'chosen', output: { kind: 'format', format } } : wrong(`there is no output format "${only}"`)
}

const wrong = (what: string): ChosenOutput => ({
  kind: 'problem',
  problem: problem('usage', { what, fix: `write one of -o ${FORMATS.join('|')}, --json, -q` }),
})

/** Where lines go: standard output, or a test's list. */
export type Out = (text: string) => void

export interface Views {
  readonly table: () => string
  /** Left out: the same as the table. */
  readonly tsv?: () => string
  /** `host:port` or other bare names for `-q`. */
  readonly names: () => readonly string[]
}

export interface Emission {
  readonly output: Output
  readonly out: Out
}

/**
 * The one way by which verbs print a result. JSON is one object, or one per line where the value is a list, so that a pipe can
 * read it as it comes. Nothing is printed for an empty list with `-q`: no name is no line.
 */
export function emit(value: unknown, { output, out }: Emission, views: Views): void {
  if (output.kind === 'quiet') {
    for (const name of views.names()) out(`${name}\n`)
    return
  }
  const text = PRINTERS[output.format](value, views)
  if (text !== '') out(text.endsWith('\n') ? text : `${text}\n`)
}

const PRINTERS: { readonly [F in Format]: (value: unknown, views: Views) => string } = {
  table: (_value, views) => views.table(),
  tsv: (_value, views) => (views.tsv ?? views.table)(),
  json: (value) => (Array.isArray(value) ? value.map(json).join('\n') : json(value)),
  yaml: (value) => stringify(plain(value), { lineWidth: 0, aliasDuplicateObjects: false }),
}

const json = (value: unknown): string => JSON.stringify(value, plainEntry) ?? 'null'

/** Maps and sets would print as `{}`: they become what they hold. */
function plainEntry(_key: string, value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries(value)
  if (value instanceof Set) return [...value]
  return typeof value === 'bigint' ? String(value) : value
}

/** YAML prints the very thing that JSON prints. */
const plain = (value: unknown): unknown => JSON.parse(json(value))
