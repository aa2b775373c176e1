import { parse } from 'yaml'
import type { Complaint, Path } from './complaint.ts'
import { samePath } from './complaint.ts'
import { nearest } from './nearest.ts'
import { POLICY_FIELDS } from './policy-fields.ts'

export type Environment = Readonly<Record<string, string | undefined>>

interface Variable {
  /** Where its value goes; `*`: into every cluster. */
  readonly path: Path
  readonly what: string
  /** `text` as it is; `yaml`: read as a value of the file would be. */
  readonly form: 'text' | 'yaml'
}

const ROOT_VARIABLES: Readonly<Record<string, Variable>> = {
  REGENT_STORE: { path: ['store'], form: 'text', what: 'directory of the store' },
  REGENT_VANTAGE: { path: ['vantage'], form: 'text', what: 'name of this observer' },
  REGENT_API_LISTEN: { path: ['api', 'listen'], form: 'text', what: 'host:port of the API and the page' },
  REGENT_API_TOKEN: { path: ['api', 'token'], form: 'text', what: 'token of the API' },
  REGENT_API_TOKEN_FILE: { path: ['api', 'token_file'], form: 'text', what: 'file that holds the token of the API' },
  REGENT_MONITOR_USER: {
    path: ['clusters', '*', 'users', 'monitor', 'user'],
    form: 'text',
    what: 'monitor account of every cluster',
  },
  REGENT_MONITOR_PASSWORD: {
    path: ['clusters', '*', 'users', 'monitor', 'password'],
    form: 'text',
    what: 'its password',
  },
  REGENT_REPLICATION_USER: {
    path: ['clusters', '*', 'users', 'replication', 'user'],
    form: 'text',
    what: 'replication account of every cluster',
  },
  REGENT_REPLICATION_PASSWORD: {
    path: ['clusters', '*', 'users', 'replication', 'password'],
    form: 'text',
    what: 'its password',
  },
}

const policyVariable = (key: string): string => `REGENT_POLICY_${key.toUpperCase()}`

/** Every variable that overrides the file. */
export const VARIABLES: Readonly<Record<string, Variable>> = {
  ...ROOT_VARIABLES,
  ...Object.fromEntries(
    Object.keys(POLICY_FIELDS).map((key) => [
      policyVariable(key),
      {
        path: ['clusters', '*', 'policy', key],
        form: 'yaml',
        what: `policy.${key} of every cluster`,
      } satisfies Variable,
    ]),
  ),
}

/** Written in one place, a value written in another would otherwise make two: the override silences these neighbours. */
const REPLACES: Readonly<Record<string, readonly string[]>> = {
  token: ['token_file'],
  token_file: ['token'],
  password: ['password_file', 'defaults_file'],
}

export interface Overridden {
  readonly value: Record<string, unknown>
  /** The variable that decided this place of the file, if one did. */
  readonly variableOf: (path: Path) => string | undefined
  readonly complaints: readonly Complaint[]
}

/** Lays the variables over the file. An empty variable counts as unset: that is how a shell takes one back. */
export function override(file: Readonly<Record<string, unknown>>, env: Environment): Overridden {
  const value: Record<string, unknown> = structuredClone({ ...file })
  const decided: { path: Path; name: string }[] = []
  for (const [name, variable] of Object.entries(VARIABLES)) {
    const text = env[name]
    if (text === undefined || text === '') continue
    const content = variable.form === 'yaml' ? readYaml(text) : text
    for (const path of expand(variable.path, value)) {
      if (put(value, path, content)) decided.push({ path, name })
    }
  }
  return {
    value,
    variableOf: (path) => decided.find((entry) => samePath(entry.path, path.slice(0, entry.path.length)))?.name,
    complaints: strangers(env),
  }
}

function readYaml(text: string): unknown {
  try {
    return parse(text, { logLevel: 'silent' })
  } catch {
    return text
  }
}

function expand(path: Path, file: Readonly<Record<string, unknown>>): readonly Path[] {
  if (!path.includes('*')) return [path]
  const clusters = file['clusters']
  const names = isBlock(clusters) ? Object.keys(clusters).filter((name) => isBlock(clusters[name])) : []
  return names.map((name) => path.map((step) => (step === '*' ? name : step)))
}

function put(file: Record<string, unknown>, path: Path, content: unknown): boolean {
  let block = file
  for (const step of path.slice(0, -1)) {
    const next = block[step]
    if (next !== undefined && next !== null && !isBlock(next)) return false
    const inner: Record<string, unknown> = isBlock(next) ? next : {}
    block[step] = inner
    block = inner
  }
  const key = String(path.at(-1))
  block[key] = content
  for (const rival of REPLACES[key] ?? []) delete block[rival]
  return true
}

export const isBlock = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A misspelt policy variable would silently leave the default in force: that is an error. */
function strangers(env: Environment): readonly Complaint[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('REGENT_POLICY_') && !Object.hasOwn(VARIABLES, name))
    .map((name) => {
      const meant = nearest(name.slice('REGENT_POLICY_'.length), Object.keys(POLICY_FIELDS))
      return {
        path: [],
        what: `the environment variable ${name} names nothing in the policy`,
        fix:
          meant === undefined
            ? `unset it; known: ${Object.keys(POLICY_FIELDS).map(policyVariable).join(', ')}`
            : `did you mean ${policyVariable(meant)}?`,
      }
    })
}

/** Replaces `${NAME}` in every text by the environment; `$${NAME}` stays `${NAME}`. */
export function interpolate(
  value: unknown,
  env: Environment,
): { readonly value: unknown; readonly complaints: readonly Complaint[] } {
  const complaints: Complaint[] = []
  const visit = (inner: unknown, path: Path): unknown => {
    if (typeof inner === 'string') {
      return inner.replaceAll(/\$?\$\{([^}]*)\}/g, (whole: string, name: string) => {
        if (whole.startsWith('$$')) return whole.slice(1)
        const found = Object.hasOwn(env, name) ? env[name] : undefined
        if (found === undefined || found === '') complaints.push(unset(name, path))
        return found ?? ''
      })
    }
    if (Array.isArray(inner)) return inner.map((item, index) => visit(item, [...path, index]))
    if (isBlock(inner))
      return Object.fromEntries(Object.entries(inner).map(([key, item]) => [key, visit(item, [...path, key])]))
    return inner
  }
  return { value: visit(value, []), complaints }
}

const unset = (name: string, path: Path): Complaint => ({
  path,
  what: `the environment variable ${name === '' ? '(no name)' : name} is not set`,
  fix: `set ${name === '' ? 'a variable and name it between the braces' : name}, or write $\${…} for a literal dollar sign and brace`,
})
