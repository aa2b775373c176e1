import type { Command } from 'commander'
import { ProblemError } from '../../model/problem.ts'
import type { Client } from '../api/contract.ts'
import { ask } from './ask.ts'
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

  /** A daemon where one is named; else a Regent in this process. `acting`: one that may change something. */
  async client(acting: boolean): Promise<Client> {
    const urls = this.common.api ?? this.io.env['REGENT_API']?.split(/[\s,]+/).filter((url) => url !== '') ?? []
    if (urls.length > 0) return this.runners.remote(urls, await this.#token())
    const { config, warnings } = await this.runners.loadConfig(this.common.config)
    for (const warning of warnings) this.note(`warning: ${warning}`)
    return this.runners.local(config, acting)
  }

  /** With a client that is given back whatever happens. */
  async withClient<T>(acting: boolean, work: (client: Client) => Promise<T>): Promise<T> {
    const client = await this.client(acting)
    try {
      return await work(client)
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

  async #token(): Promise<string | undefined> {
    if (this.common.token !== undefined) return this.common.token
    if (this.common.tokenFile !== undefined) return this.runners.readSecret(this.common.tokenFile)
    return this.io.env['REGENT_TOKEN']
  }
}
