/** Prints `docs/config.md`: the keys of the policy with their defaults, and the environment variables, from the tables that are used. */
import { writeFileSync } from 'node:fs'
import { VARIABLES } from '../src/config/environment.ts'
import { DECLARED_FIELDS, POLICY_FIELDS } from '../src/config/policy-fields.ts'
import { DEFAULT_POLICY } from '../src/model/policy.ts'

export const CONFIG_PAGE_PATH = new URL('../docs/config.md', import.meta.url)

const HEAD = `# Configuration

One YAML file: \`--config PATH\`, else \`REGENT_CONFIG\`, else \`./regent.yaml\`, else \`/etc/regent/regent.yaml\`. \`regent config check\`
judges it, logs in everywhere, and says what the policy would refuse. Printed by \`scripts/print-config.ts\` from the tables that
are used; editors read \`schema/regent.schema.json\`.

\`\`\`yaml
# yaml-language-server: $schema=schema/regent.schema.json
store: /var/lib/regent                 # default
lease: 5s                              # default; how long a frozen Regent is waited for before another acts in its place
api: { listen: 127.0.0.1:3300, token_file: /etc/regent/token }     # or: api: off
clusters:
  shop:
    seeds: [db1:3306, db2:3306]
    users:
      monitor: { user: regent, password_file: /etc/regent/monitor.pass }
      replication: { user: repl, password: "\${REPL_PASSWORD}" }
    tls: required                      # off | required | {verify: {ca: …, cert: …, key: …}}; replication_tls: as tls
    servers:
      db2:3306: { site: east, promotion: prefer, downtime: false }
    untrusted_addresses: [10.0.0.9:3306]
    routes:
      - proxy: { listen: 0.0.0.0:3307, spawn: true }
      - command: { name: vip, withdraw: [/usr/local/bin/vip, off], announce: [/usr/local/bin/vip, on], deadline: 2s }
    clients_only_by_routes: true
    servers_start_read_only: true
    policy:
      anti_flapping: 10m
\`\`\`

Only \`clusters\` with \`seeds\` and \`users\` has no default. Durations name their unit: \`500ms\`, \`1.5s\`, \`10m\`, \`2h\`, \`7d\`. Relative
paths stand beside the file, \`~/\` is the home directory.

Secrets: \`password: …\`, \`password_file: PATH\` (the file holds nothing else), or \`defaults_file: PATH\`, a file like my.cnf with user and
password in its section \`[client]\`. \`\${NAME}\` in any text is replaced by that environment variable, \`$\${NAME}\` stays \`\${NAME}\`. A file
with a secret that everybody can read is warned of.

A key that is not known, a value that cannot be used, and two that contradict each other are errors; all are told at once, with
line, column and the fix.
`

const row = (...cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`

export function configText(): string {
  const declared = Object.entries(DECLARED_FIELDS).map(([key, field]) =>
    row(`\`${key}\``, `\`${field.show(DEFAULT_POLICY)}\``, field.why),
  )
  const policy = Object.entries(POLICY_FIELDS).map(([key, field]) =>
    row(`\`policy.${key}\``, `\`${field.show(DEFAULT_POLICY)}\``, field.why),
  )
  const variables = Object.entries(VARIABLES).map(([name, { what }]) => row(`\`${name}\``, what))
  return [
    HEAD,
    '## Policy of a cluster\n',
    '| key | default | why |\n|---|---|---|',
    ...declared,
    ...policy,
    '\n## Environment variables\n',
    'They override the file. An empty one counts as unset; one that begins with `REGENT_POLICY_` and names nothing is an error.\n',
    '| variable | overrides |\n|---|---|',
    row('`REGENT_CONFIG`', 'the path of the file, where `--config` is not given'),
    ...variables,
    '',
  ].join('\n')
}

if (import.meta.main) writeFileSync(CONFIG_PAGE_PATH, configText())
