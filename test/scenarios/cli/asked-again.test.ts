// The seal shows another winner than the dry run: whoever gave the command is asked again, at their terminal.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ClusterJson, PlanJson, RecoveryJson } from '../../../src/faces/api/contract.ts'
import type { Sandbox } from '../../../src/lab/sandbox/index.ts'
import type { Desk } from '../bad-input/desk.ts'
import { until } from '../stage/waiting.ts'
import { words } from '../stage/words.ts'
import { openShop, type Shop } from './shop.ts'

const MAIN = join(import.meta.dirname, '../../../src/main.ts')

let shop: Shop
let box: Sandbox
let desk: Desk

beforeAll(async () => {
  shop = await openShop({ policy: { ask_deadline: '15s' } })
  ;({ box, desk } = shop)
  const opened = await desk.regent('adopt', '--open', '--server', address('s1'), '--yes')
  expect(opened.code, opened.err).toBe(0)
})
afterAll(() => shop?.[Symbol.asyncDispose]())

const address = (id: string): string => shop.address(id)
const idAt = (found: string): string => box.servers.find((s) => address(s.id) === found)?.id ?? ''

async function on(id: string, ...statements: readonly string[]): Promise<string> {
  const connection = await box.sql(id)
  try {
    let cell = ''
    for (const sql of statements) {
      const [rows] = await connection.query({ sql, rowsAsArray: true })
      const first: unknown = Array.isArray(rows) ? rows[0] : undefined
      cell = Array.isArray(first) ? String(first[0]) : ''
    }
    return cell
  } finally {
    connection.destroy()
  }
}

const json = async <T>(...args: readonly string[]): Promise<T> => JSON.parse((await desk.regent(...args, '--json')).out)
const topology = (): Promise<ClusterJson> => json('topology', 'shop')
async function lastFailover(): Promise<RecoveryJson> {
  const { out } = await desk.regent('history', '--json')
  const records: readonly RecoveryJson[] = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const found = records.find((r) => r.kind === 'failover')
  if (!found) throw new Error(`no failover is on record: ${out}`)
  return found
}

/** The program at a terminal: what is typed is typed by a person who waits for the prompt. */
class Terminal {
  readonly #child: ReturnType<typeof spawn>
  text = ''

  constructor(...args: readonly string[]) {
    const command = [process.execPath, '--disable-warning=ExperimentalWarning', MAIN, ...args]
    const quoted = command.map((word) => `'${word}'`).join(' ')
    const env = { ...process.env, NO_COLOR: '1', REGENT_CONFIG: '', REGENT_API: '', TERM: 'dumb' }
    this.#child = spawn('script', ['-qefc', quoted, '/dev/null'], {
      cwd: desk.dir,
      env,
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.text += text
    })
  }

  says(text: string): Promise<void> {
    return until(`the terminal shows ${text}`, () => this.text.includes(text), { seen: () => this.text })
  }

  type(text: string): void {
    this.#child.stdin?.write(text)
  }

  async ends(): Promise<number | null> {
    if (this.#child.exitCode === null) await once(this.#child, 'close')
    return this.#child.exitCode
  }
}

interface Upset {
  readonly terminal: Terminal
  /** As the dry run had it, and as the seal will. */
  readonly expected: string
  readonly real: string
}

/** Between the yes and the seal the expected winner receives nothing more, and the other one has what it lacks. */
async function upset(...more: readonly string[]): Promise<Upset> {
  const planned = await json<PlanJson>('plan', 'failover', 'shop')
  const second = planned.expected
  if (!second || 'reasons' in second) throw new Error(`no second act: ${JSON.stringify(planned)}`)
  const expected = idAt(planned.names[second.plan.mints?.winner ?? ''] ?? '')
  const old = idAt((await topology()).primary ?? '')
  const real = box.servers.map((s) => s.id).find((id) => id !== expected && id !== old) ?? ''
  const terminal = new Terminal('failover', 'shop', ...more)
  await terminal.says('Run this plan?')
  expect(terminal.text).toContain('Act 2, as expected now')
  await on(expected, `${words.stop} IO_THREAD`)
  await on(
    old,
    'CREATE DATABASE IF NOT EXISTS late',
    'CREATE TABLE IF NOT EXISTS late.t (i INT PRIMARY KEY AUTO_INCREMENT)',
    'INSERT INTO late.t VALUES ()',
  )
  const written = await on(old, 'SELECT COUNT(*) FROM late.t')
  await until('the other one has it', async () => {
    const arrived = await on(real, 'SELECT COUNT(*) FROM late.t').catch(() => 'nothing')
    return arrived === written
  })
  terminal.type('y\r')
  return { terminal, expected, real }
}

async function untilHealthy(primary: string): Promise<void> {
  await until(
    'it is as it was, and everybody follows',
    async () => {
      const { verdict, primary: found, servers } = await topology()
      const following = servers.filter((s) =>
        s.sources.some((c) => c.receiver === 'running' && c.applier === 'running'),
      )
      return verdict === 'healthy' && found === address(primary) && following.length === 2
    },
    { withinMs: 30_000, seen: async () => JSON.stringify(await topology()) },
  )
}

test('an interrupt, and silence: act 1 is taken back, and the primary serves as before', async () => {
  for (const answer of ['silence', 'interrupt'] as const) {
    const { terminal, expected, real } = await upset()
    await terminal.says('Go on with this plan?')
    expect(terminal.text).toContain(`${address(real)} becomes the primary, not ${address(expected)}`)
    expect(terminal.text).toMatch(/within \d+s/)
    if (answer === 'interrupt') terminal.type('\u0003')
    expect(await terminal.ends(), terminal.text).toBe(3)
    expect(terminal.text).toContain('act 1 was taken back')
    await untilHealthy('s1')
    const { state, events } = await lastFailover()
    expect(state).toBe('undone')
    expect(events.map((e) => e.says)).toContain(answer === 'silence' ? 'nobody answered in time' : 'the answer was no')
    await on('s1', 'INSERT INTO late.t VALUES ()')
  }
})

test('yes, to a daemon: it goes on with the winner that was asked about', async () => {
  await using watch = desk.start('watch')
  await watch.says(/"verdict":"healthy"/)
  const { terminal, expected, real } = await upset()
  expect(terminal.text).toContain('it gets the command')
  await terminal.says('Go on with this plan?')
  const differs = [{ kind: 'other_winner', says: `${address(real)} becomes the primary, not ${address(expected)}` }]
  // Not by another run of the program: on a busy machine the question would not wait for it to start.
  const shown = await fetch(`http://127.0.0.1:${desk.apiPort}/api/v1/clusters/shop`)
  expect(await shown.json()).toMatchObject({ question: { differs } })
  terminal.type('yes\r')
  expect(await terminal.ends(), terminal.text).toBe(0)
  expect(terminal.text).toContain(`done: ${address(real)} reigns, epoch 2`)
  const now = await topology()
  expect(now.primary).toBe(address(real))
  expect(now).not.toHaveProperty('question')
  expect(watch.out).toContain('"msg":"asked again"')
})
