import { dirname, resolve } from 'node:path'
import type { ClusterConfig, RegentConfig } from '../model/cluster.ts'
import { assembleCluster, assembleRoot } from './assemble.ts'
import { type Complaint, type Path, samePath } from './complaint.ts'
import { conflictsOf } from './conflicts.ts'
import { type Environment, interpolate, isBlock, override } from './environment.ts'
import type { ReadFile } from './files.ts'
import { hazardsOf } from './hazards.ts'
import { complaintsOf } from './issues.ts'
import { NAME_PATTERN } from './leaves.ts'
import { clusterSchema, type RootFile, rootSchema } from './schema.ts'
import { SecretReader } from './secrets.ts'

export interface Material {
  readonly path: string
  readonly file: Readonly<Record<string, unknown>>
  readonly env: Environment
  readonly readFile: ReadFile
  /** Name of this observer where none is configured. */
  readonly vantage: string
}

export interface Judgement {
  /** What could be made of it; to be used only where there are no complaints. */
  readonly config: RegentConfig
  readonly complaints: readonly Complaint[]
  readonly warnings: readonly Complaint[]
  readonly variableOf: (path: Path) => string | undefined
  /** The file with variables laid over it. */
  readonly value: Readonly<Record<string, unknown>>
}

/** Everything that is wrong, not the first thing only: each part is judged by itself, then what lies between them. */
export async function judge({ path, file, env, readFile, vantage }: Material): Promise<Judgement> {
  const filled = interpolate(withoutEmpty(file), env)
  const { value, variableOf, complaints: strangers } = override(isBlock(filled.value) ? filled.value : {}, env)
  const unset = filled.complaints.filter((complaint) => variableOf(complaint.path) === undefined)
  const secrets = new SecretReader({ baseDir: dirname(resolve(path)), env, readFile })
  const root = judgeRoot(value)
  const clusters = await judgeClusters(value['clusters'], secrets)
  const top = await assembleRoot(path, root.file, { secrets, vantage })
  const config: RegentConfig = { ...top, clusters: clusters.clusters }
  // What a missing variable leaves empty is wrong because of the variable only: said once.
  const consequences = [...root.complaints, ...clusters.complaints].filter(
    (complaint) => !unset.some((cause) => samePath(cause.path, complaint.path)),
  )
  return {
    config,
    complaints: [...unset, ...strangers, ...consequences, ...secrets.complaints, ...conflictsOf(config)],
    warnings: [...secrets.warnings, ...hazardsOf(config)],
    variableOf,
    value,
  }
}

function judgeRoot(value: Readonly<Record<string, unknown>>): {
  readonly file: RootFile
  readonly complaints: readonly Complaint[]
} {
  const parsed = rootSchema.safeParse(value)
  // A top of the file that cannot be used must not hide what is wrong between the clusters.
  if (!parsed.success) return { file: { clusters: {} }, complaints: complaintsOf(parsed.error.issues, [], value) }
  const empty = Object.keys(parsed.data.clusters).length === 0
  const complaint = { path: ['clusters'], what: 'no cluster is named', fix: 'write one below `clusters:`' }
  return { file: parsed.data, complaints: empty ? [complaint] : [] }
}

async function judgeClusters(value: unknown, secrets: SecretReader) {
  const clusters: ClusterConfig[] = []
  const complaints: Complaint[] = []
  for (const [alias, block] of isBlock(value) ? Object.entries(value) : []) {
    complaints.push(...wrongAlias(alias))
    const parsed = clusterSchema.safeParse(block)
    if (!parsed.success) {
      complaints.push(...complaintsOf(parsed.error.issues, ['clusters', alias], block))
      continue
    }
    const assembled = await assembleCluster(alias, parsed.data, secrets)
    complaints.push(...assembled.complaints)
    if (assembled.cluster) clusters.push(assembled.cluster)
  }
  return { clusters, complaints }
}

/** A key with nothing behind it (all its lines commented out) counts as absent. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty)
  if (!isBlock(value)) return value
  const filled = Object.entries(value).filter(([, inner]) => inner !== null)
  return Object.fromEntries(filled.map(([key, inner]) => [key, withoutEmpty(inner)]))
}

function wrongAlias(alias: string): readonly Complaint[] {
  if (NAME_PATTERN.test(alias)) return []
  const what = `a cluster cannot be called ${JSON.stringify(alias.slice(0, 80))}`
  const fix = 'use letters, digits, ".", "_" and "-", at most 64, beginning with a letter or digit'
  return [{ path: ['clusters', alias], at: 'key', what, fix }]
}
