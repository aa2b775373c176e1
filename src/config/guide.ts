import type { Path } from './complaint.ts'
import { publishedSchema } from './schema.ts'

/** What the published schema says of a place in the file: for errors that name the right key or an example. */

interface SchemaNode {
  readonly type?: string
  readonly title?: string
  readonly description?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly examples?: readonly unknown[]
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly additionalProperties?: SchemaNode | boolean
  readonly items?: SchemaNode
  readonly anyOf?: readonly SchemaNode[]
}

let schema: SchemaNode | undefined
const root = (): SchemaNode => {
  schema ??= publishedSchema()
  return schema
}

const branches = (node: SchemaNode): readonly SchemaNode[] =>
  node.anyOf ? [node, ...node.anyOf.flatMap(branches)] : [node]

function step(node: SchemaNode, key: string | number): readonly SchemaNode[] {
  return branches(node).flatMap((branch) => {
    if (typeof key === 'number') return branch.items ? [branch.items] : []
    const own = branch.properties && Object.hasOwn(branch.properties, key) ? branch.properties[key] : undefined
    if (own) return [own]
    return typeof branch.additionalProperties === 'object' ? [branch.additionalProperties] : []
  })
}

/** Every node that the schema has for this path; several where alternatives exist. */
const nodesAt = (path: Path): readonly SchemaNode[] =>
  path.reduce<readonly SchemaNode[]>((nodes, key) => nodes.flatMap((node) => step(node, key)), [root()])

/** The keys that may stand at this place. */
export const keysAt = (path: Path): readonly string[] => [
  ...new Set(
    nodesAt(path)
      .flatMap(branches)
      .flatMap((node) => Object.keys(node.properties ?? {})),
  ),
]

/** Where else in the file this key belongs, as `clusters.NAME.policy`. */
export function homesOf(key: string): readonly string[] {
  const homes: string[] = []
  const visit = (node: SchemaNode, place: string): void => {
    for (const branch of branches(node)) {
      if (branch.properties && Object.hasOwn(branch.properties, key))
        homes.push(place === '' ? 'the top of the file' : place)
      for (const [name, child] of Object.entries(branch.properties ?? {}))
        visit(child, place === '' ? name : `${place}.${name}`)
      if (typeof branch.additionalProperties === 'object') visit(branch.additionalProperties, `${place}.NAME`)
      if (branch.items) visit(branch.items, `${place}[]`)
    }
  }
  visit(root(), '')
  return [...new Set(homes)]
}

/** Every key of the file, wherever it stands. */
export function allKeys(): readonly string[] {
  const visit = (node: SchemaNode): readonly string[] =>
    branches(node).flatMap((branch) => [
      ...Object.entries(branch.properties ?? {}).flatMap(([key, child]) => [key, ...visit(child)]),
      ...(typeof branch.additionalProperties === 'object' ? visit(branch.additionalProperties) : []),
      ...(branch.items ? visit(branch.items) : []),
    ])
  return [...new Set(visit(root()))]
}

export const titleAt = (path: Path): string | undefined =>
  nodesAt(path)
    .flatMap(branches)
    .find((node) => node.title)?.title

/** `automatic`, `ask`: what may be written where only certain words may. */
export const wordsAt = (path: Path): readonly string[] =>
  nodesAt(path)
    .flatMap(branches)
    .flatMap((node) => [...(node.enum ?? []), ...(node.const === undefined ? [] : [node.const])])
    .map(String)

/** What to write there, in words. */
export function expectationAt(path: Path): string {
  const nodes = nodesAt(path).flatMap(branches)
  const examples = nodes.find((node) => node.examples)?.examples
  if (examples) return examples.map(flow).join(', or ')
  const words = wordsAt(path)
  if (words.length > 0) return words.join(', or ')
  const first = nodes[0]
  if (first?.type === 'boolean') return 'true or false'
  if (first?.type === 'integer') return 'a whole number'
  const keys = keysAt(path)
  if (keys.length > 0) return `a block of keys: ${keys.join(', ')}`
  const item = first?.items
  if (item) return `a list: [${item.examples?.map(flow).join(', ') ?? '…'}]`
  return first?.description ?? 'a text'
}

/** YAML's short form. */
export function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  return `{${Object.entries(value)
    .map(([key, inner]) => `${key}: ${flow(inner)}`)
    .join(', ')}}`
}
