/**
 * One initialised data directory per flavour, version and set of users, kept under `.servers` and copied for each server:
 * initialising costs seconds, copying a fraction of one. Made beside its place and renamed, so a half-made one is never used.
 */
import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { SandboxError } from './error.ts'
import { userStatements } from './grants.ts'
import { type ServerProgram, serversDir } from './program.ts'

const run = promisify(execFile)

/** Initialising takes 2 to 4 s; a machine under load may need much longer, a server that hangs must not hang the caller. */
const INITIALISE_WITHIN_MS = 120_000

/** The path of the template, which is made first if it does not exist. */
export async function ensureTemplate(program: ServerProgram, onProgress: (line: string) => void): Promise<string> {
  const digest = createHash('sha256').update(userStatements(program.flavour).join('\n')).digest('hex').slice(0, 8)
  const path = join(serversDir(), `template-${program.flavour}-${program.version}-${digest}`)
  if (existsSync(path)) return path
  onProgress(`initialising a template data directory for ${program.flavour} ${program.version} (once)`)
  await mkdir(serversDir(), { recursive: true })
  await sweep(path, Date.now())
  const work = await mkdtemp(join(serversDir(), 'template.new-'))
  try {
    const data = join(work, 'data')
    await initialise(program, work, data)
    // Two servers with one server_uuid would refuse each other: every copy makes its own.
    await rm(join(data, 'auto.cnf'), { force: true })
    await rename(data, path).catch((error: NodeJS.ErrnoException) => {
      // Somebody else finished the same template first: theirs is as good.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
    return path
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function initialise(program: ServerProgram, work: string, data: string): Promise<void> {
  const users = join(work, 'users.sql')
  // MariaDB's bootstrap runs without grant tables until it is told to read them.
  const first = program.flavour === 'mariadb' ? ['FLUSH PRIVILEGES;'] : []
  await writeFile(users, `${[...first, ...userStatements(program.flavour)].join('\n')}\n`)
  try {
    if (program.flavour === 'mysql') await initialiseMysql(program, users, data)
    else await initialiseMariadb(program, users, data)
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    throw new SandboxError(
      `a ${program.flavour} ${program.version} data directory could not be made: ${lastLines(said, 15)}`,
      { cause: error },
    )
  }
}

/** Not the machine's: a server that starts clears this directory of temporary tables, also of those of living servers. */
const besideIt = (data: string): string => `--tmpdir=${dirname(data)}`

async function initialiseMysql(program: ServerProgram, users: string, data: string): Promise<void> {
  const [server, ...first] = program.command
  await run(
    server,
    [
      ...first,
      '--initialize-insecure',
      `--init-file=${users}`,
      `--datadir=${data}`,
      besideIt(data),
      '--secure-file-priv=',
      '--innodb-redo-log-capacity=8M',
      '--innodb-buffer-pool-size=64M',
    ],
    { timeout: INITIALISE_WITHIN_MS, maxBuffer: 1 << 24 },
  )
}

async function initialiseMariadb(program: ServerProgram, users: string, data: string): Promise<void> {
  const { installer } = program
  if (installer === undefined) throw new SandboxError('this MariaDB has no mariadb-install-db')
  if (installer.kind === 'statements') return bootstrapMariadb(program, [...installer.files, users], data)
  const own = program.command.slice(1).filter((option) => option !== '--no-defaults')
  await run(
    installer.path,
    [
      '--no-defaults',
      ...own,
      `--datadir=${data}`,
      besideIt(data),
      `--extra-file=${users}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      '--skip-name-resolve',
      '--innodb-log-file-size=16M',
    ],
    { timeout: INITIALISE_WITHIN_MS, maxBuffer: 1 << 24 },
  )
}

/** What MariaDB's script does, by the tree's own loader. */
async function bootstrapMariadb(program: ServerProgram, files: readonly string[], data: string): Promise<void> {
  const parts = await Promise.all(files.map((file) => readFile(file, 'utf8')))
  // A root for the name of this host would be found by no client: names are not resolved.
  const statements = parts.join('\n').replace(/^.*@current_hostname.*$/gm, '')
  await mkdir(data)
  const [server, ...first] = program.command
  const options = [
    '--bootstrap',
    `--datadir=${data}`,
    besideIt(data),
    '--innodb-log-file-size=16M',
    '--enforce-storage-engine=',
  ]
  const child = spawn(server, [...first, ...options, '--log-warnings=0', '--max-allowed-packet=8M'], {
    stdio: ['pipe', 'ignore', 'pipe'],
    timeout: INITIALISE_WITHIN_MS,
  })
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('exit', resolve))
  // A server that ends early says why on stderr: the broken pipe tells nothing more.
  child.stdin.on('error', () => undefined)
  child.stdin.end(`create database if not exists mysql;\nuse mysql;\nSET @auth_root_socket=NULL;\n${statements}`)
  const [said, code] = await Promise.all([text(child.stderr), ended])
  if (code !== 0) throw new SandboxError(`it ended with ${code}: ${said}`)
}

/** Copies the template; shares blocks where the file system can. */
export async function copyTemplate(template: string, dataDir: string): Promise<void> {
  await run('cp', ['-a', '--reflink=auto', template, dataDir])
}

const UNFINISHED_AFTER_MS = 3_600_000
const OUTDATED_AFTER_MS = 86_400_000

/**
 * Removes what runs that were killed left, and templates of other versions or users. Only what is so old that nobody can
 * still be making or copying it.
 */
async function sweep(keep: string, now: number): Promise<void> {
  for (const name of await readdir(serversDir()).catch(() => [])) {
    const tooOld = name.startsWith('template.new-') ? UNFINISHED_AFTER_MS : OUTDATED_AFTER_MS
    if (!name.startsWith('template') || name === basename(keep)) continue
    const path = join(serversDir(), name)
    const made = await stat(path).catch(() => undefined)
    if (made !== undefined && now - made.mtimeMs > tooOld) await rm(path, { recursive: true, force: true })
  }
}

export const lastLines = (text: string, count: number): string => text.trimEnd().split('\n').slice(-count).join('\n')
