import { type Problem, problem } from '../model/problem.ts'
import type { Complaint, Path } from './complaint.ts'
import type { ParsedYaml, Position } from './yaml.ts'

/** Gives complaints their places in the text, or the variable that the value came from. */
export interface Source {
  readonly path: string
  readonly yaml: ParsedYaml
  readonly variableOf: (path: Path) => string | undefined
}

interface Placed {
  /** `regent.yaml:12:5` */
  readonly place: string
  readonly position: Position
  readonly complaint: Complaint
}

function placed(complaint: Complaint, { path, yaml, variableOf }: Source): Placed {
  const position = yaml.locate(complaint.path, complaint.at ?? 'value')
  const variable = variableOf(complaint.path)
  const place = variable === undefined ? printPlace(path, position) : `environment variable ${variable}`
  return { place, position, complaint }
}

const printPlace = (path: string, { line, column }: Position): string => `${path}:${line}:${column}`

/** All of them, in the order of the file, none twice. */
export function problemsOf(complaints: readonly Complaint[], source: Source): readonly Problem[] {
  const syntax = source.yaml.errors.map((complaint) => ({
    complaint,
    position: complaint.position,
    place: printPlace(source.path, complaint.position),
  }))
  const all = [...syntax, ...complaints.map((complaint) => placed(complaint, source))]
  const told = new Set<string>()
  return all
    .sort((a, b) => a.position.line - b.position.line || a.position.column - b.position.column)
    .filter(({ place, complaint }) => {
      const key = `${place} ${complaint.what}`
      return told.has(key) ? false : Boolean(told.add(key))
    })
    .map(({ place, complaint: { what, fix } }) => problem('config_wrong', { path: place, what, fix }))
}

/** One line each. */
export const warningsOf = (complaints: readonly Complaint[], source: Source): readonly string[] =>
  complaints.map((complaint) => `${placed(complaint, source).place}: ${complaint.what}; ${complaint.fix}`)
