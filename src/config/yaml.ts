import { type Document, isAlias, isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import type { Complaint, Path } from './complaint.ts'

/** Where a key or its value stands in the text; lines and columns count from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

export interface ParsedYaml {
  /** Plain values. `undefined` when the text cannot be read as YAML at all. */
  readonly value: unknown
  /** Syntax errors and keys written twice, with their own positions. */
  readonly errors: readonly (Complaint & { readonly position: Position })[]
  /** Position of the nearest thing on `path` that exists in the text. */
  readonly locate: (path: Path, at: 'key' | 'value') => Position
}

const START: Position = { line: 1, column: 1 }

/** Reads one YAML document. Never throws: an alias bomb or a bad tag is an error like any other. */
export function parseYaml(text: string): ParsedYaml {
  const lines = new LineCounter()
  const positionAt = (offset: number): Position => {
    const { line, col } = lines.linePos(offset)
    return line === 0 ? START : { line, column: col }
  }
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true, logLevel: 'silent' })
    const errors = document.errors.map((error) => ({
      path: [],
      what: sentence(error.message),
      fix: FIXES[error.code] ?? 'correct the YAML there',
      position: positionAt(error.pos[0]),
    }))
    const broken = document.errors.some((error) => error.code !== 'DUPLICATE_KEY')
    return {
      value: broken ? undefined : document.toJS({ maxAliasCount: 1000 }),
      errors,
      locate: (path, at) => positionAt(offsetOf(document, path, at)),
    }
  } catch (error) {
    const what = sentence(error instanceof Error ? error.message : String(error))
    return {
      value: undefined,
      errors: [{ path: [], what, fix: 'write plain YAML there', position: START }],
      locate: () => START,
    }
  }
}

const FIXES: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'keep one of the two, or give the other another name',
  TAB_AS_INDENT: 'indent with spaces',
  BAD_INDENT: 'indent the lines of one block by the same number of spaces',
  MISSING_CHAR: 'close the quote or bracket that is open there',
  UNEXPECTED_TOKEN: 'put the value in quotes if that sign belongs to it',
  MULTILINE_IMPLICIT_KEY: 'put a colon and a space after the key, or quote the value',
  BLOCK_AS_IMPLICIT_KEY: 'put the nested part on its own, deeper indented lines',
  MULTIPLE_DOCS: 'keep one document: remove the line "---"',
}

const sentence = (message: string): string => {
  const first = (message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '').trim()
  return first === '' ? 'this is not YAML' : `this is not right YAML: ${first}`
}

function offsetOf(document: Document, path: Path, at: 'key' | 'value'): number {
  let node: unknown = document.contents
  let offset = start(node) ?? 0
  for (const [index, step] of path.entries()) {
    const found = child(resolved(node, document), step)
    if (found === undefined) return offset
    const last = index === path.length - 1
    const value = start(found.value)
    // An empty value has no place of its own that a reader would find: its key has.
    const empty = isScalar(found.value) && found.value.source === ''
    offset = (last && at === 'key') || value === undefined || empty ? (start(found.key) ?? value ?? offset) : value
    node = found.value
  }
  return offset
}

const start = (node: unknown): number | undefined => {
  const range: Node['range'] | undefined =
    isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range : undefined
  return range?.[0]
}

const resolved = (node: unknown, document: Document): unknown => (isAlias(node) ? node.resolve(document) : node)

function child(node: unknown, step: string | number): { readonly key?: unknown; readonly value: unknown } | undefined {
  if (isSeq(node) && typeof step === 'number') {
    return step < node.items.length ? { value: node.items[step] } : undefined
  }
  if (!isMap(node)) return undefined
  return node.items.find((pair) => isPair(pair) && isScalar(pair.key) && String(pair.key.value) === String(step))
}
