import { isAbsolute, join, normalize } from 'node:path'
import type { Account } from '../model/cluster.ts'
import type { Complaint, Path } from './complaint.ts'
import { type Environment, isBlock } from './environment.ts'
import type { ReadFile } from './files.ts'
import { readClientSection } from './mycnf.ts'
import type { AccountFile } from './schema.ts'

export interface Reading {
  readonly baseDir: string
  readonly env: Environment
  readonly readFile: ReadFile
}

/** Reads the files that secrets stand in, and gathers what is wrong with them. */
export class SecretReader {
  readonly complaints: Complaint[] = []
  readonly warnings: Complaint[] = []
  readonly #reading: Reading

  constructor(reading: Reading) {
    this.#reading = reading
  }

  /** A path of the configuration: `~/` is the home directory, relative ones stand beside the configuration file. */
  readonly place = (path: string): string => {
    const home = this.#reading.env['HOME']
    const expanded = path.startsWith('~/') && home !== undefined ? join(home, path.slice(2)) : path
    return isAbsolute(expanded) ? normalize(expanded) : join(this.#reading.baseDir, expanded)
  }

  /** The text of a file without its last line break; undefined after a complaint. */
  async secret(file: string, at: Path): Promise<string | undefined> {
    const read = await this.#text(file, at)
    if (read === undefined) return undefined
    const line = read.replace(/\r?\n$/, '')
    if (line !== '' && !line.includes('\n')) return line
    const what = `${this.place(file)} ${line === '' ? 'is empty' : 'has more than one line'}`
    this.complaints.push({ path: at, what, fix: 'let it hold the secret on one line, and nothing else' })
    return undefined
  }

  async account(file: AccountFile, at: Path): Promise<Account | undefined> {
    if (file.defaults_file !== undefined) {
      return this.#fromDefaults(file.defaults_file, file.user, [...at, 'defaults_file'])
    }
    const password =
      file.password_file === undefined ? file.password : await this.secret(file.password_file, [...at, 'password_file'])
    if (password === undefined || file.user === undefined) return undefined
    return { user: file.user, password }
  }

  async #fromDefaults(file: string, user: string | undefined, at: Path): Promise<Account | undefined> {
    const read = await this.#text(file, at)
    if (read === undefined) return undefined
    const client = readClientSection(read)
    const name = user ?? client.get('user')
    const password = client.get('password')
    if (name !== undefined && password !== undefined) return { user: name, password }
    const lacks = name === undefined ? 'user' : 'password'
    const what = `${this.place(file)} has no ${lacks} in its section [client]`
    this.complaints.push({ path: at, what, fix: `write ${lacks}=… below [client]` })
    return undefined
  }

  async #text(file: string, at: Path): Promise<string | undefined> {
    const found = await this.#reading.readFile(this.place(file))
    if (found.kind === 'text') {
      if (found.worldReadable) this.warnings.push(exposed(this.place(file), at))
      return found.text
    }
    const why = found.kind === 'missing' ? 'does not exist' : `cannot be read: ${found.why}`
    const other = found.kind === 'unreadable' ? found.fix : undefined
    const fix = other ?? 'write it, readable by the user that Regent runs as, or correct the path'
    this.complaints.push({ path: at, what: `${this.place(file)} ${why}`, fix })
    return undefined
  }
}

const exposed = (file: string, at: Path): Complaint => ({
  path: at,
  what: `everybody on this machine can read ${file}`,
  fix: `chmod o-rwx ${/^[\w./-]+$/.test(file) ? file : `'${file.replaceAll("'", "'\\''")}'`}`,
})

const SECRET_KEYS = new Set(['password', 'token'])

/** Secrets that stand in the configuration itself, where everybody can read that: the first is enough to say so. */
export function exposedLiterals(file: Readonly<Record<string, unknown>>, configPath: string): readonly Complaint[] {
  const visit = (block: unknown, at: Path): Path | undefined => {
    if (!isBlock(block)) return undefined
    for (const [key, value] of Object.entries(block)) {
      const path = [...at, key]
      if (SECRET_KEYS.has(key) && typeof value === 'string' && !value.includes('$' + '{')) return path
      const below = visit(value, path)
      if (below) return below
    }
    return undefined
  }
  const path = visit(file, [])
  return path ? [exposed(configPath, path)] : []
}
