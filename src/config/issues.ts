import type { z } from 'zod'
import type { Complaint, Path } from './complaint.ts'
import { printPath } from './complaint.ts'
import { allKeys, expectationAt, homesOf, keysAt, titleAt, wordsAt } from './guide.ts'
import { nearest } from './nearest.ts'

type Issue = z.core.$ZodIssue
type IssueOf<C extends Issue['code']> = Extract<Issue, { code: C }>
type Judge<C extends Issue['code']> = (issue: IssueOf<C>, place: Place) => readonly Complaint[]

interface Place {
  readonly path: Path
  /** What stands there; undefined: nothing. */
  readonly value: unknown
}

/** The schema's issues in people's words. `base`: where in the file the judged value stands. */
export function complaintsOf(issues: readonly Issue[], base: Path, value: unknown): readonly Complaint[] {
  return issues.flatMap((issue) => judge(issue, base, value))
}

function judge(issue: Issue, base: Path, value: unknown): readonly Complaint[] {
  const inner = issue.path.filter((step) => typeof step !== 'symbol')
  const place: Place = { path: [...base, ...inner], value: at(value, inner) }
  const judgement: (issue: never, place: Place) => readonly Complaint[] = JUDGES[issue.code]
  return judgement(issue as never, place)
}

function at(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((found, step) => {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, step)) return undefined
    return (found as Record<string | number, unknown>)[step]
  }, value)
}

const own = (issue: { readonly message: string }, place: Place): readonly Complaint[] => [
  { path: place.path, what: `${printPath(place.path)}: ${issue.message}`, fix: `write ${expectationAt(place.path)}` },
]

const JUDGES: { readonly [C in Issue['code']]: Judge<C> } = {
  unrecognized_keys: (issue, place) => issue.keys.map((key) => unknownKey(key, place.path)),
  invalid_type: (issue, place) => [wrongType(issue, place)],
  invalid_value: (_issue, place) => [wrongWord(place)],
  invalid_union: (issue, place) => wrongAlternative(issue, place),
  custom: (issue, place) => [
    {
      path: place.path,
      what: `${printPath(place.path)}: ${issue.message}`,
      fix: typeof issue.params?.['fix'] === 'string' ? issue.params['fix'] : `write ${expectationAt(place.path)}`,
    },
  ],
  too_small: (issue, place) => [{ ...own(issue, place)[0], path: place.path, ...tooSmall(issue, place) }],
  too_big: own,
  invalid_format: own,
  not_multiple_of: own,
  invalid_key: own,
  invalid_element: own,
}

function unknownKey(key: string, parent: Path): Complaint {
  const known = keysAt(parent)
  const path = [...parent, key]
  const where = parent.length === 0 ? 'at the top of the file' : `in ${printPath(parent)}`
  const what = `there is no key ${printPath([key])} ${where}`
  const meant = nearest(key, known)
  if (meant !== undefined) return { path, at: 'key', what, fix: `did you mean "${meant}"?` }
  const elsewhere = nearest(key, allKeys())
  const homes = elsewhere === undefined ? [] : homesOf(elsewhere)
  if (homes.length > 0)
    return {
      path,
      at: 'key',
      what,
      fix: `${elsewhere === key ? 'it' : `did you mean "${elsewhere}"? It`} belongs in ${homes.join(' or ')}`,
    }
  return { path, at: 'key', what, fix: `keys known there: ${known.join(', ')}` }
}

function wrongType(issue: IssueOf<'invalid_type'>, { path, value }: Place): Complaint {
  const name = printPath(path)
  if (value === undefined) {
    return {
      path,
      what: name === '' ? 'the file is empty' : `${name} is missing`,
      fix: `write ${String(path.at(-1) ?? 'clusters')}: ${hint(path)}`,
    }
  }
  const what = `${name === '' ? 'the file' : name} is ${kindOf(value)}, which cannot be used there`
  if (issue.expected === 'string' && (typeof value === 'number' || typeof value === 'boolean')) {
    const title = titleAt(path)
    if (title === 'duration' && typeof value === 'number')
      return { path, what: `${name}: ${value} has no unit`, fix: `name the unit: ${value}s or ${value}ms` }
    if (title === 'secret' || title === undefined) return { path, what, fix: 'put it in quotes' }
  }
  return { path, what, fix: `write ${hint(path)}` }
}

const hint = (path: Path): string => (path.length === 0 ? 'keys at the top: store, api, clusters' : expectationAt(path))

function kindOf(value: unknown): string {
  if (value === null) return 'empty'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a block of keys'
  return (
    { string: 'a text', number: 'a number', boolean: 'true or false', bigint: 'a number' }[typeof value as string] ??
    'something else'
  )
}

function wrongWord({ path, value }: Place): Complaint {
  const words = wordsAt(path)
  const meant = typeof value === 'string' ? nearest(value, words) : undefined
  const listed = `write ${expectationAt(path)}`
  const said = typeof value === 'string' && value.length <= 60 ? `"${value}"` : kindOf(value)
  return {
    path,
    what: `${printPath(path)} cannot be ${said}`,
    fix: meant === undefined ? listed : `did you mean "${meant}"? ${listed}`,
  }
}

/** Where one alternative has the right form and only something inside it is wrong, that is what is told. */
function wrongAlternative(issue: IssueOf<'invalid_union'>, { path, value }: Place): readonly Complaint[] {
  const insideOf = issue.errors.find((branch) => branch.length > 0 && branch.every(isInside))
  if (insideOf) return complaintsOf(insideOf, path, value)
  if (typeof value === 'boolean')
    return [{ path, what: `${printPath(path)} cannot be ${value}`, fix: `write ${expectationAt(path)}` }]
  return [wrongWord({ path, value })]
}

const isInside = (issue: Issue): boolean =>
  issue.path.length > 0 || issue.code === 'unrecognized_keys' || issue.code === 'custom'

function tooSmall(issue: IssueOf<'too_small'>, { path }: Place): Pick<Complaint, 'what' | 'fix'> {
  const name = printPath(path)
  if (issue.origin === 'string') return { what: `${name} is empty`, fix: 'write a text, or remove the key' }
  return {
    what: `${name}: ${issue.message}`,
    fix: issue.origin === 'array' ? `write ${expectationAt(path)}` : `write ${Number(issue.minimum)} or more`,
  }
}
