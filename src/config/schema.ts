import { z } from 'zod'
import type { Policy } from '../model/policy.ts'
import { address, duration, name, path, program } from './leaves.ts'
import { DECLARED_FIELDS, POLICY_FIELDS, type PolicyField } from './policy-fields.ts'

/** The file as it is written. Strict everywhere: a key that is not known is an error, never ignored. */

const secret = (description: string) => z.string().min(1).meta({ title: 'secret', description })

const account = z
  .strictObject({
    user: z.string().min(1).optional().meta({ description: 'name of the account; may stand in defaults_file instead' }),
    password: secret(`the password itself, or "$\{NAME}" for an environment variable`).optional(),
    password_file: path('file that holds the password and nothing else').optional(),
    defaults_file: path('file like my.cnf with a [client] section that names user and password').optional(),
  })
  .superRefine((value, context) => {
    const sources = [value.password, value.password_file, value.defaults_file].filter((source) => source !== undefined)
    if (sources.length === 1) return
    context.addIssue({
      code: 'custom',
      message:
        sources.length === 0 ? 'the account has no password' : 'the account has its password from more than one place',
      params: { fix: 'write exactly one of password, password_file, defaults_file' },
    })
  })
  .superRefine((value, context) => {
    if (value.user !== undefined || value.defaults_file !== undefined) return
    context.addIssue({ code: 'custom', message: 'the account has no user', params: { fix: 'write user: NAME' } })
  })

const certificates = z.strictObject({
  ca: path('certificates (PEM) that the server is checked against; without it those of the system').optional(),
  cert: path('certificate (PEM) that we show').optional(),
  key: path('key (PEM) of that certificate').optional(),
})

const tls = z.union([z.literal('off'), z.literal('required'), z.strictObject({ verify: certificates })], {
  error: 'this is no setting of TLS',
})
const TLS_EXAMPLES = ['off', 'required', { verify: { ca: '/etc/regent/ca.pem' } }]

const declared = z.strictObject({
  site: z.string().optional().meta({ description: 'where it stands: any word; equal words are one site' }),
  promotion: z
    .enum(['prefer', 'neutral', 'avoid', 'never'])
    .optional()
    .meta({ description: 'how gladly it is made primary' }),
  downtime: z
    .boolean()
    .optional()
    .meta({ description: 'true: out of service by intention; never a candidate, no alarm' }),
})

const proxy = z.strictObject({
  name: name('name of the route').optional(),
  listen: address,
  spawn: z.boolean().optional().meta({ description: 'true: `regent watch` starts it when none runs. Default: false' }),
})

const command = z.strictObject({
  name: name('name of the route'),
  withdraw: program('leads clients nowhere'),
  announce: program('leads clients to the new primary; {host}, {port} and {cluster} are replaced'),
  read: program(
    'prints one line of JSON saying where clients are led now; without it no withdrawal is ever proven',
  ).optional(),
  close_sessions: program('closes the sessions of the route; prints {"closed":n,"remaining":n}').optional(),
  deadline: duration({
    min: 100,
    max: 600_000,
    description: 'longest run of one of these programs. Default: 2s',
  }).optional(),
})

const route = z
  .strictObject({ proxy: proxy.optional(), command: command.optional() })
  .meta({ description: 'one way by which clients reach the primary: proxy or command' })
  .superRefine((value, context) => {
    if (Object.values(value).filter((kind) => kind !== undefined).length === 1) return
    context.addIssue({
      code: 'custom',
      message: 'a route is exactly one of proxy and command',
      params: {
        fix: 'write "- proxy: {listen: 0.0.0.0:3307}" or "- command: {name: …, withdraw: […], announce: […]}"',
      },
    })
  })

const fields: readonly (readonly [string, PolicyField])[] = Object.entries(POLICY_FIELDS)

const policy = z.strictObject(Object.fromEntries(fields.map(([key, field]) => [key, field.schema.optional()])))

export const clusterSchema = z.strictObject({
  seeds: z
    .array(address)
    .min(1, { error: 'a cluster without a seed cannot be found' })
    .meta({
      description: 'some servers of the cluster; the others are found from them',
      examples: [['db1:3306', 'db2:3306']],
    }),
  users: z.strictObject({
    monitor: account.meta({ description: 'logs in to look and to change; `regent grants` prints what it needs' }),
    replication: account.meta({ description: 'replicas log in to their source with it' }),
  }),
  tls: tls.optional().meta({
    description: 'TLS of our own connections; verify checks a certificate against ca, not the name in it. Default: off',
    examples: TLS_EXAMPLES,
  }),
  replication_tls: tls.optional().meta({
    description:
      'TLS of the channels that Regent sets; a channel that works keeps its own. Files are paths on the hosts of the replicas, which ' +
      'with verify also compare the name in the certificate with the address that they follow. Default: as tls',
    examples: TLS_EXAMPLES,
  }),
  servers: z
    .record(z.string(), declared)
    .optional()
    .meta({ description: 'what you know of single servers, by address' }),
  untrusted_addresses: z.array(address).optional().meta({
    description: 'addresses that answer for others (VIP, balancer) or are firewalled: a refusal there proves nothing',
  }),
  routes: z.array(route).optional().meta({ description: 'the ways by which clients reach the primary' }),
  clients_only_by_routes: z.boolean().optional().meta({ description: DECLARED_FIELDS.clients_only_by_routes.why }),
  servers_start_read_only: z.boolean().optional().meta({ description: DECLARED_FIELDS.servers_start_read_only.why }),
  policy: policy.optional().meta({ description: 'what may be done, and how soon' }),
})

const api = z.strictObject({
  listen: address.optional(),
  token: secret('whoever shows it may change things').optional(),
  token_file: path('file that holds the token').optional(),
})

const root = {
  store: path('directory of what Regent remembers. Default: /var/lib/regent').optional(),
  vantage: name('name of this observer, unique among several Regents. Default: the host name').optional(),
  lease: duration({
    min: 1000,
    max: 120_000,
    description: 'how long a Regent that is frozen is waited for before another acts in its place. Default: 5s',
  }).optional(),
  api: z
    .union([z.literal('off'), api], { error: 'this is no setting of the API' })
    .optional()
    .meta({
      description: 'HTTP API and page. Default: 127.0.0.1:3300',
      examples: ['off', { listen: '127.0.0.1:3300' }],
    }),
}

/** The whole file: what the published JSON Schema is printed from. */
export const fileSchema = z
  .strictObject({
    ...root,
    clusters: z.record(z.string(), clusterSchema).meta({ description: 'your clusters, by the name you call them' }),
  })
  .meta({ title: 'Regent configuration' })

/** The same without looking into the clusters, each of which is judged by itself: one wrong cluster hides no error of another. */
export const rootSchema = z.strictObject({ ...root, clusters: z.record(z.string(), z.unknown()) })

export type RootFile = z.output<typeof rootSchema>
export type ClusterFile = z.output<typeof clusterSchema>
export type AccountFile = z.output<typeof account>
export type TlsFile = z.output<typeof tls>
export type RouteFile = z.output<typeof route>
export type PolicyFile = Readonly<Record<string, Partial<Policy> | undefined>>

/** JSON Schema of the file, for editors. Examples are of what is written, so they hold for values that are read into something else too. */
export function publishedSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(fileSchema, {
      io: 'input',
      reused: 'inline',
      override: ({ zodSchema, jsonSchema }) => {
        const examples = zodSchema instanceof z.ZodType ? zodSchema.meta()?.examples : undefined
        if (Array.isArray(examples)) jsonSchema.examples = examples
      },
    }),
  }
}
