import type { ClusterConfig } from '../model/cluster.ts'
import type { Origins } from './load.ts'
import { DECLARED_FIELDS, POLICY_FIELDS } from './policy-fields.ts'

export interface ValueInForce {
  /** As the file names it: `policy.loss`, `clients_only_by_routes`. */
  readonly name: string
  readonly value: string
  readonly source: 'default' | 'file' | 'environment'
  readonly why: string
}

/** Every value of a cluster's policy that is in force, who decided it, and why the default is what it is. */
export function defaultsInForce(cluster: ClusterConfig, origins: Origins): readonly ValueInForce[] {
  const written = origins.get(cluster.alias)
  const row = (key: string, name: string, field: Described): ValueInForce => ({
    name,
    value: field.show(cluster.policy),
    source: written?.get(key) ?? 'default',
    why: field.why,
  })
  return [
    ...Object.entries(DECLARED_FIELDS).map(([key, field]) => row(key, key, field)),
    ...Object.entries(POLICY_FIELDS).map(([key, field]) => row(key, `policy.${key}`, field)),
  ]
}

type Described = { readonly show: (policy: ClusterConfig['policy']) => string; readonly why: string }
