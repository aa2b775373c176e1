/** Where the servers' programs are, and how each is started. */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { SandboxError } from './error.ts'
import type { Flavour } from './grants.ts'

const run = promisify(execFile)

export interface ServerProgram {
  readonly flavour: Flavour
  readonly version: string
  /** The program and the arguments that always come first: its own files, its user. */
  readonly command: readonly [string, ...string[]]
  /** How MariaDB's data directory is made; MySQL does it itself. */
  readonly installer: Installer | undefined
}

/**
 * MariaDB's own script, or, in an unpacked tree, the statements which that script feeds to the server: it would start the
 * server without the tree's loader.
 */
export type Installer =
  | { readonly kind: 'script'; readonly path: string }
  | { readonly kind: 'statements'; readonly files: readonly string[] }

/** Where fetched servers and templates are kept: `.servers` of the checkout, or `REGENT_SERVERS_DIR`. */
export const serversDir = (): string =>
  process.env['REGENT_SERVERS_DIR'] ?? resolve(import.meta.dirname, '../../../.servers')

/** A server run as root must be told so; anybody else must not. */
const userOption = (): readonly string[] => (process.getuid?.() === 0 ? ['--user=root'] : [])

function firstExisting(candidates: readonly string[]): string | undefined {
  return candidates.find((path) => existsSync(path))
}

const onPath = (name: string): readonly string[] =>
  [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/bin', '/usr/local/sbin', '/usr/local/bin'].map((dir) =>
    join(dir, name),
  )

const missing = (flavour: Flavour): SandboxError =>
  new SandboxError(`a ${flavour === 'mysql' ? 'MySQL' : 'MariaDB'} server`, {
    code: 'installation_missing',
    tryThis: `scripts/fetch-servers.sh ${flavour}`,
  })

function locate(flavour: Flavour): string {
  const variable = flavour === 'mysql' ? 'REGENT_MYSQLD' : 'REGENT_MARIADBD'
  const named = process.env[variable]
  if (named !== undefined && named !== '') {
    if (existsSync(named)) return resolve(named)
    throw new SandboxError(`${variable} names ${named}, which does not exist`, { tryThis: `unset ${variable}` })
  }
  const found =
    flavour === 'mysql'
      ? firstExisting([join(serversDir(), 'mysql/usr/sbin/mysqld')])
      : firstExisting(onPath('mariadbd'))
  if (found === undefined) throw missing(flavour)
  return found
}

/** An unpacked tree has its own libc beside it, newer than the system's: such a server is started by that tree's loader. */
function ownLoader(root: string): readonly string[] {
  if (root === '/') return []
  const lib = join(root, 'usr/lib')
  if (!existsSync(lib)) return []
  for (const entry of readdirSync(lib, { withFileTypes: true })) {
    const folder = join(lib, entry.name)
    if (!entry.isDirectory() || !existsSync(join(folder, 'libc.so.6'))) continue
    const loader = readdirSync(folder).find((name) => /^ld-linux.*\.so\.\d+$/.test(name))
    if (loader !== undefined) return [join(folder, loader), '--library-path', folder]
  }
  return []
}

function commandOf(flavour: Flavour, binary: string): readonly [string, ...string[]] {
  const base = dirname(dirname(realpathSync(binary)))
  const loader = ownLoader(dirname(base))
  const [first, ...rest] = [...loader, binary]
  const own = ['--no-defaults', ...userOption(), `--basedir=${base}`]
  if (flavour === 'mysql' && loader.length > 0) {
    own.push(`--lc-messages-dir=${base}/share/mysql`, `--plugin-dir=${base}/lib/mysql/plugin`)
  }
  if (first === undefined) throw missing(flavour)
  return [first, ...rest, ...own]
}

function installerOf(flavour: Flavour, binary: string): Installer | undefined {
  if (flavour === 'mysql') return undefined
  const base = dirname(dirname(realpathSync(binary)))
  if (ownLoader(dirname(base)).length > 0) return { kind: 'statements', files: systemTables(base) }
  const found = firstExisting([
    join(base, 'bin/mariadb-install-db'),
    join(base, 'scripts/mariadb-install-db'),
    ...onPath('mariadb-install-db'),
  ])
  if (found === undefined) throw incomplete('mariadb-install-db', binary, 'mariadb')
  return { kind: 'script', path: found }
}

const incomplete = (what: string, binary: string, fetch: string): SandboxError =>
  new SandboxError(`${what}, which belongs to ${binary},`, {
    code: 'installation_missing',
    tryThis: `scripts/fetch-servers.sh ${fetch}`,
  })

/** What the server's own script reads, in its order. */
const SYSTEM_TABLES = [
  'mariadb_system_tables.sql',
  'mariadb_performance_tables.sql',
  'mariadb_system_tables_data.sql',
  'fill_help_tables.sql',
  'maria_add_gis_sp_bootstrap.sql',
  'mariadb_sys_schema.sql',
]

function systemTables(base: string): readonly string[] {
  const files = SYSTEM_TABLES.map((name) => join(base, 'share/mariadb', name))
  const lost = files.find((file) => !existsSync(file))
  if (lost !== undefined) throw incomplete(lost, join(base, 'sbin/mariadbd'), 'mariadb118')
  return files
}

/** Finds the server of that flavour and asks its version. Throws SandboxError with the command that gets it. */
export async function findProgram(flavour: Flavour): Promise<ServerProgram> {
  const binary = locate(flavour)
  const command = commandOf(flavour, binary)
  const [program, ...first] = command
  const { stdout } = await run(program, [...first, '--version'])
  const version = /\bVer (\d+\.\d+\.\d+)/.exec(stdout)?.[1]
  if (version === undefined) throw new SandboxError(`${binary} does not tell its version: ${stdout.trim()}`)
  const isMariadb = /mariadb/i.test(stdout)
  if (isMariadb !== (flavour === 'mariadb')) {
    throw new SandboxError(`${binary} is ${isMariadb ? 'MariaDB' : 'MySQL'}, not what was asked for`, {
      tryThis: `let REGENT_MYSQLD name a MySQL and REGENT_MARIADBD a MariaDB server`,
    })
  }
  return { flavour, version, command, installer: installerOf(flavour, binary) }
}
