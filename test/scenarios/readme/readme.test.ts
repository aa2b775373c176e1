// covers O2
/** The README's "Your own cluster", word for word: its configuration and its commands, as a reader would use them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import mysql from 'mysql2/promise'
import { expect, test } from 'vitest'
import type { Check } from '../../../src/faces/cli/runners.ts'
import { freePorts, type Sandbox, startSandbox } from '../../../src/lab/sandbox/index.ts'
import { endAll } from '../stage/leftovers.ts'
import { until } from '../stage/waiting.ts'
import { flavour, words } from '../stage/words.ts'

const ROOT = resolve(import.meta.dirname, '../../..')
/** Each command is a process that starts anew: several of them fit into this on a busy machine. */
const SLOWLY = { withinMs: 60_000 } as const
const PASSWORDS = { regent: 'of the monitor', repl: 'of the replicas' } as const

const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
const section = /^## Your own cluster\n([\s\S]*?)^## /m.exec(readme)?.[1] ?? ''
const block = (language: string): string =>
  new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'm').exec(section)?.[1] ?? ''

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function textOf(stream: Readable | null): () => string {
  const chunks: string[] = []
  stream?.setEncoding('utf8').on('data', (chunk: string) => void chunks.push(chunk))
  return () => chunks.join('')
}

/** A reader's directory: his `regent.yaml` and his password files, and the commands given in it. */
class Reader implements AsyncDisposable {
  readonly dir: string
  readonly #children: ChildProcess[] = []

  constructor(dir: string) {
    this.dir = dir
  }

  /** As the README writes it; `bin/regent` is that of this checkout. */
  start(command: string): ChildProcess {
    const [program = '', ...args] = command.split(' ')
    expect(program).toBe('bin/regent')
    const child = spawn(join(ROOT, program), args, { cwd: this.dir, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#children.push(child)
    return child
  }

  async run(command: string): Promise<Ended> {
    const child = this.start(command)
    const [stdout, stderr] = [textOf(child.stdout), textOf(child.stderr)]
    await once(child, 'close')
    return { code: child.exitCode, stdout: stdout(), stderr: stderr() }
  }

  async end(child: ChildProcess): Promise<number | null> {
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    await gone
    return child.exitCode
  }

  /** Whatever runs in this directory: the proxy outlives the command that started it, and names the file as it was found. */
  pids(): readonly number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .map(Number)
      .filter((pid) => directoryOf(pid) === this.dir)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) if (child.exitCode === null) child.kill('SIGKILL')
    endAll(this.pids())
    await rm(this.dir, { recursive: true, force: true })
  }
}

/** What a reader changes in the file: the addresses, nothing else. */
async function theirAddresses(yaml: string, sandbox: Sandbox): Promise<{ yaml: string; page: number; proxy: number }> {
  const [page = 0, proxy = 0] = await freePorts(2)
  const own = [
    ...sandbox.servers.map((server, i): [string, string] => [`db${i + 1}:3306`, `${server.host}:${server.port}`]),
    ['127.0.0.1:3300', `127.0.0.1:${page}`] as const,
    ['127.0.0.1:3307', `127.0.0.1:${proxy}`] as const,
  ]
  for (const [written] of own) expect(yaml).toContain(written)
  return { yaml: own.reduce((text, [written, mine]) => text.replaceAll(written, mine), yaml), page, proxy }
}

/** The statements of `grants` for this flavour, with passwords in place of `<password>`. */
function statementsIn(printed: string): readonly string[] {
  return printed
    .split(/^-- /m)
    .filter((part) => part.split('\n')[0]?.includes(` ${flavour} `))
    .flatMap((part) => {
      const password = part.includes("'repl'") ? PASSWORDS.repl : PASSWORDS.regent
      return part
        .split('\n')
        .slice(1)
        .map((line) => line.replace('<password>', password))
    })
    .filter((line) => line !== '')
}

async function write(port: number, value: string): Promise<void> {
  const connection = await mysql.createConnection({
    host: '127.0.0.1',
    port,
    user: 'app',
    password: 'sandbox-app',
    connectTimeout: 12_000,
  })
  connection.on('error', () => undefined)
  try {
    await connection.query({ sql: 'INSERT INTO app.notes (note) VALUES (?)', timeout: 5000 }, [value])
  } finally {
    connection.destroy()
  }
}

async function hasNote(sandbox: Sandbox, id: string): Promise<boolean> {
  const connection = await sandbox.sql(id)
  const [rows] = await connection.query('SELECT 1 FROM app.notes')
  connection.destroy()
  return Array.isArray(rows) && rows.length > 0
}

function directoryOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return ''
  }
}

const worked = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => true,
    () => false,
  )

test('the configuration and the commands of the README keep a cluster writable', async () => {
  await using reader = new Reader(await mkdtemp(join(tmpdir(), 'regent-readme-')))
  await using sandbox = await startSandbox({
    server: flavour,
    shape: '1+2',
    semiSync: false,
    dir: join(reader.dir, 'box'),
  })
  const primary = await sandbox.sql('s1')
  for (const statement of words.writable) await primary.query(statement)
  await primary.query('CREATE DATABASE app')
  await primary.query('CREATE TABLE app.notes (id INT AUTO_INCREMENT PRIMARY KEY, note VARCHAR(50))')

  const [grants = '', check = '', adopt = '', watch = '', ...more] = block('sh').trim().split('\n')
  expect(more).toEqual([])
  const mine = await theirAddresses(block('yaml'), sandbox)
  await writeFile(join(reader.dir, 'regent.yaml'), mine.yaml)

  for (const [user, password] of Object.entries(PASSWORDS))
    await writeFile(join(reader.dir, `${user}.pass`), `${password}\n`, { mode: 0o600 })

  const printed = await reader.run(grants)
  expect(printed).toMatchObject({ code: 0 })
  for (const statement of statementsIn(printed.stdout)) await primary.query(statement)
  primary.destroy()

  await until('the accounts have reached the replicas', async () => (await reader.run(check)).code === 0, SLOWLY)
  const checked: Check = JSON.parse((await reader.run(`${check} --json`)).stdout)
  expect(checked.findings.filter((finding) => finding.level === 'problem')).toEqual([])
  expect(checked.findings.length).toBeGreaterThan(sandbox.servers.length)

  // There is no terminal here to say yes on.
  expect((await reader.run(adopt)).code).toBe(3)
  expect(await reader.run(`${adopt} --yes`)).toMatchObject({ code: 0 })

  const watching = reader.start(watch)
  const log = textOf(watching.stdout)
  const page = `http://127.0.0.1:${mine.page}`
  await until('the page is served', () => worked(fetch(`${page}/healthz`)), SLOWLY)
  await until('all is well', async () => (await reader.run(`bin/regent diagnose --api ${page}`)).code === 0, {
    seen: log,
  })
  await until('clients are led to the primary', () => worked(write(mine.proxy, 'before')), SLOWLY)
  // Without semi-sync a write survives only once a replica has it.
  for (const id of ['s2', 's3']) await until(`${id} has the write`, () => hasNote(sandbox, id))
  await sandbox.kill('s1')
  await until('a replica takes writes', () => worked(write(mine.proxy, 'after')), { ...SLOWLY, seen: log })

  const shown = await reader.run('bin/regent diagnose --json')
  expect(JSON.parse(shown.stdout)).toMatchObject({ alias: 'shop', verdict: 'healthy' })
  const notes = await mysql.createConnection({
    host: '127.0.0.1',
    port: mine.proxy,
    user: 'app',
    password: 'sandbox-app',
  })
  const [rows] = await notes.query('SELECT note FROM app.notes GROUP BY note ORDER BY MIN(id)')
  notes.destroy()
  expect(rows).toEqual([{ note: 'before' }, { note: 'after' }])

  expect(await reader.end(watching)).toBe(0)
  expect(await reader.run('bin/regent proxy stop shop --yes')).toMatchObject({ code: 0 })
  await until('nothing of it runs any more', () => reader.pids().length === 0)
}, 300_000)

test('the README names only commands that there are', async () => {
  const help = await new Reader(ROOT).run('bin/regent --help')
  const verbs = [...help.stdout.matchAll(/^ {2}(\w+) /gm)].map(([, verb]) => verb)
  const table = /^## Commands\n([\s\S]*?)^\| exit code/m.exec(readme)?.[1] ?? ''
  const named = [...table.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`(\w+)/g)].map(([, verb]) => verb),
  )
  const ofGroups = ['status', 'kill', 'freeze', 'thaw', 'restart', 'down']
  expect(named.length).toBeGreaterThan(20)
  expect(named.filter((verb) => !ofGroups.includes(verb ?? '') && !verbs.includes(verb ?? ''))).toEqual([])
})
