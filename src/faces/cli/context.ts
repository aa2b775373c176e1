import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { parseDuration } from '../../model/duration.ts'
import { isPlain } from '../../model/plain.ts'
import { ProblemError, problem } from '../../model/problem.ts'
import type { Client } from '../api/contract.ts'
import { ask } from './ask.ts'
import { printProblems } from './exit.ts'
import { chooseOutput, emit, type Output, type Views } from './print.ts'
import type { Runners } from './runners.ts'
import { coloursOn, type Painter, painter } from './table.ts'

/** Streams and environment of this run; a test hands in its own. */
export interface Io {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  readonly env: Readonly<Record<string, string | undefined>>
  /** Fires on SIGINT and SIGTERM. */
  readonly signal: AbortSignal
}

/** Options that every verb has. */
export interface Common {
  readonly config?: string
  readonly api?: readonly string[]
  readonly token?: string
  readonly tokenFile?: string
  readonly output?: string
  readonly json?: boolean
  readonly quiet?: boolean
  readonly watch?: string
  readonly yes?: boolean
  readonly timeout?: string
}

/** Where a change runs: a daemon goes on with it when this program ends. */
export type Where = 'daemon' | 'here'

interface Served {
  readonly client: Client
  readonly where: Where
}

/** How long a person may think before a shown plan is too old to be run. */
const ASK_MS = 30_000

/** One run of one verb: its options, its output, its way to a Regent. */
export class Context {
  readonly io: Io
  readonly runners: Runners
  readonly common: Common
  readonly output: Output
  readonly paint: Painter
  exitCode = 0

  constructor(io: Io, runners: Runners, command: Command) {
    this.io = io
    this.runners = runners
    this.common = command.optsWithGlobals()
    const chosen = chooseOutput(this.common)
    if (chosen.kind === 'problem') throw new ProblemError(chosen.problem)
    this.output = chosen.output
    this.paint = painter(coloursOn(io.stdout, io.env))
  }

  emit(value: unknown, views: Views): void {
    emit(value, { output: this.output, out: (text) => this.io.stdout.write(text) }, views)
  }

  /** For people, beside the result: never on standard output, so that pipes stay clean. */
  note(text: string): void {
    this.io.stderr.write(`${text}\n`)
  }

  /**
   * A daemon where one is named, or where the one of the configuration answers: it has looked for longer than one command can, and
   * holds the lease. Else a Regent in this process. `acting`: one that may change something.
   */
  async #client(acting: boolean): Promise<Served> {
    const changeMs = this.duration(this.common.timeout, '--timeout')
    const named = this.common.api ?? this.io.env['REGENT_API']?.split(/[\s,]+/).filter((url) => url !== '') ?? []
    const token = await this.#token()
    if (named.length > 0) return { client: this.runners.remote(named, token, changeMs), where: 'daemon' }
    const { config, warnings } = await this.runners.loadConfig(this.common.config)
    for (const warning of warnings) this.note(`warning: ${warning}`)
    const daemon = await this.runners.daemonOf(config, token, changeMs)
    if (!daemon) return { client: await this.runners.local(config, acting), where: 'here' }
    if (acting) this.note(this.paint('dim', `the Regent at ${daemon.url} watches these clusters: it gets the command`))
    return { client: daemon.client, where: 'daemon' }
  }

  /** A duration as a person writes it, ms; undefined where none was written. */
  duration(text: string | undefined, option: string): number | undefined {
    if (text === undefined) return undefined
    const ms = parseDuration(text)
    if (ms !== undefined && ms > 0) return ms
    throw new ProblemError(
      problem('usage', { what: `${option} ${text} is no duration`, fix: 'write a number and a unit, for example 30m' }),
    )
  }

  /** Words of a person that are recorded, and shown at other terminals: refused where they could do more there than be read. */
  words(text: string | undefined, option: string): string | undefined {
    if (text === undefined || isPlain(text)) return text
    throw new ProblemError(
      problem('usage', { what: `${option} holds control characters`, fix: 'write it as plain text, on one line' }),
    )
  }

  /**
   * Once, or every `-w` seconds until somebody ends it. A look that fails is told and does not end the watching: what is watched
   * here is often what is broken.
   */
  async repeatedly(look: () => Promise<void>): Promise<void> {
    const { watch } = this.common
    if (watch === undefined) return look()
    const seconds = Number(watch)
    if (!(seconds > 0 && seconds <= 86_400))
      throw new ProblemError(
        problem('usage', { what: `-w ${watch} is no time`, fix: 'write seconds, for example -w 2' }),
      )
    while (!this.io.signal.aborted) {
      this.exitCode = 0
      this.#clear()
      await look().catch((error: unknown) => this.#tell(error))
      await sleep(seconds * 1000, undefined, { signal: this.io.signal }).catch(() => undefined)
    }
  }

  /** As `watch` does it: a terminal shows the newest only, a pipe gets them all. */
  #clear(): void {
    const asTable = this.output.kind === 'format' && this.output.format === 'table'
    if (asTable && this.io.stdout.isTTY) this.io.stdout.write('\u001b[H\u001b[2J\u001b[3J')
  }

  #tell(error: unknown): void {
    if (!(error instanceof ProblemError)) throw error
    const { stderr } = this.io
    this.exitCode = printProblems([error.problem], {
      err: (text) => stderr.write(text),
      paint: this.paint,
      output: this.output,
    })
  }

  /** With a client that is given back whatever happens. */
  async withClient<T>(acting: boolean, work: (client: Client, where: Where) => Promise<T>): Promise<T> {
    const { client, where } = await this.#client(acting)
    try {
      return await work(client, where)
    } finally {
      await client.end()
    }
  }

  /** Shown before; without a terminal and without --yes it is refused. */
  async confirm(question: string): Promise<void> {
    const answer = await ask(question, {
      input: this.io.stdin,
      output: this.io.stderr,
      deadlineMs: ASK_MS,
      yes: this.common.yes ?? false,
      signal: this.io.signal,
    })
    if (answer.kind === 'no') throw new ProblemError(answer.problem)
  }

  /** In the middle of a change. An interrupt and the end of input are no; until `over` nothing but time makes it silence. */
  async asks(question: string, deadlineMs: number, over: AbortSignal): Promise<'yes' | 'no' | 'silence'> {
    const from = performance.now()
    const { stdin: input, stderr: output, signal } = this.io
    const answer = await ask(question, {
      input,
      output,
      deadlineMs,
      yes: false,
      signal: AbortSignal.any([signal, over]),
    })
    if (answer.kind === 'yes') return 'yes'
    return over.aborted || performance.now() - from >= deadlineMs ? 'silence' : 'no'
  }

  async #token(): Promise<string | undefined> {
    if (this.common.token !== undefined) return this.common.token
    if (this.common.tokenFile !== undefined) return this.runners.readSecret(this.common.tokenFile)
    return this.io.env['REGENT_TOKEN']
  }
}
