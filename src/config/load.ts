import { hostname } from 'node:os'
import type { RegentConfig } from '../model/cluster.ts'
import { type Problem, problem } from '../model/problem.ts'
import type { Path } from './complaint.ts'
import { type Environment, isBlock } from './environment.ts'
import type { ReadFile } from './files.ts'
import { judge } from './judge.ts'
import { problemsOf, type Source, warningsOf } from './report.ts'
import { exposedLiterals } from './secrets.ts'
import { parseYaml } from './yaml.ts'

/** Of each cluster, the keys that somebody wrote, below `policy` and beside it, and where. A key that is absent has its default. */
export type Origins = ReadonlyMap<string, ReadonlyMap<string, 'file' | 'environment'>>

export type Loaded =
  | {
      readonly kind: 'config'
      readonly config: RegentConfig
      readonly warnings: readonly string[]
      readonly origins: Origins
    }
  | { readonly kind: 'problems'; readonly problems: readonly Problem[] }

/** Where the configuration is looked for when no path is given, in this order. */
export const SEARCHED = ['./regent.yaml', '/etc/regent/regent.yaml'] as const

/**
 * Reads and judges the configuration. All that is wrong is reported at once, each with its line and column; nothing is thrown.
 * `path` undefined: `REGENT_CONFIG`, then `SEARCHED`.
 */
export async function loadConfig(path: string | undefined, env: Environment, readFile: ReadFile): Promise<Loaded> {
  const found = await findFile(path, env, readFile)
  if (found.kind !== 'file') return { kind: 'problems', problems: [found.problem] }
  const yaml = parseYaml(found.text)
  const source: Source = { path: found.path, yaml, variableOf: () => undefined }
  if (!isBlock(yaml.value)) {
    const what = yaml.value === null ? 'the file is empty' : 'the file is not a block of keys'
    const whole = { path: [], what, fix: 'write at least `clusters:` with one cluster' }
    return { kind: 'problems', problems: problemsOf(yaml.value === undefined ? [] : [whole], source) }
  }
  const judgement = await judge({ path: found.path, file: yaml.value, env, readFile, vantage: hostname() })
  const { config, complaints, warnings, variableOf, value } = judgement
  const problems = problemsOf(complaints, { ...source, variableOf })
  if (problems.length > 0) return { kind: 'problems', problems }
  return {
    kind: 'config',
    config,
    warnings: warningsOf([...(found.worldReadable ? exposedLiterals(yaml.value, found.path) : []), ...warnings], {
      ...source,
      variableOf,
    }),
    origins: originsOf(value, variableOf),
  }
}

type Found =
  | { readonly kind: 'file'; readonly path: string; readonly text: string; readonly worldReadable: boolean }
  | { readonly kind: 'none'; readonly problem: Problem }

async function findFile(path: string | undefined, env: Environment, readFile: ReadFile): Promise<Found> {
  const variable = env['REGENT_CONFIG']
  const named = path ?? (variable === '' ? undefined : variable)
  for (const candidate of named === undefined ? SEARCHED : [named]) {
    const read = await readFile(candidate)
    if (read.kind === 'text') return { ...read, kind: 'file', path: candidate }
    if (read.kind === 'missing') continue
    const facts = {
      path: candidate,
      what: `it cannot be read: ${read.why}`,
      fix: read.fix ?? 'let the user that Regent runs as read it',
    }
    return { kind: 'none', problem: problem('config_wrong', facts) }
  }
  return {
    kind: 'none',
    problem:
      named === undefined
        ? problem('config_none', { places: SEARCHED.join(' nor ') })
        : problem('config_missing', { path: named }),
  }
}

function originsOf(value: Readonly<Record<string, unknown>>, variableOf: (path: Path) => string | undefined): Origins {
  const keysOf = (path: Path, block: unknown) =>
    Object.keys(isBlock(block) ? block : {}).map((key) => {
      const origin: 'file' | 'environment' = variableOf([...path, key]) === undefined ? 'file' : 'environment'
      return [key, origin] as const
    })
  const clusters = isBlock(value['clusters']) ? value['clusters'] : {}
  return new Map(
    Object.entries(clusters).map(([alias, block]) => {
      const at = ['clusters', alias]
      const policy = isBlock(block) ? block['policy'] : undefined
      return [alias, new Map([...keysOf(at, block), ...keysOf([...at, 'policy'], policy)])] as const
    }),
  )
}
