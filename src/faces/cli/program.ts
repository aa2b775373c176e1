import { Command, CommanderError } from 'commander'
import { problem } from '../../model/problem.ts'
import { registerChanging } from './commands/change.ts'
import { registerDemo } from './commands/demo.ts'
import { registerLooking } from './commands/look.ts'
import { registerOrders } from './commands/orders.ts'
import { registerRunning } from './commands/run.ts'
import { registerSandbox } from './commands/sandbox.ts'
import { registerSetup } from './commands/setup.ts'
import { Context, type Io } from './context.ts'
import { type ProblemPrinting, printProblems, printThrown } from './exit.ts'
import type { Output } from './print.ts'
import type { Runners } from './runners.ts'
import { coloursOn, painter } from './table.ts'
import type { DefineVerb, Register } from './verb.ts'

const REGISTERS: readonly Register[] = [
  registerRunning,
  registerLooking,
  registerChanging,
  registerOrders,
  registerSetup,
  registerSandbox,
  registerDemo,
]

/** Runs one verb. Resolves with the exit code; never throws. */
export async function runCli(
  argv: readonly string[],
  io: Io,
  runners: Runners,
  more: readonly Register[] = [],
): Promise<number> {
  const end: { code: number; output?: Output } = { code: 0 }
  const program = new Command('regent')
    .description('Keeps MySQL and MariaDB replication topologies writable.')
    .version(runners.version)
    .showHelpAfterError('(regent <verb> --help shows how)')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.stdout.write(text), writeErr: (text) => io.stderr.write(text) })
  const verb: DefineVerb = (command, says, example, action) => {
    commonOptions(command.description(says))
      .exitOverride()
      .addHelpText('after', `\nExamples:\n  ${example}`)
      .action(async (...given: unknown[]) => {
        const context = new Context(io, runners, command)
        end.output = context.output
        const args = given.slice(0, -2).map((arg) => (typeof arg === 'string' ? arg : undefined))
        await action(context, args, command)
        end.code = context.exitCode
      })
  }
  for (const register of [...REGISTERS, ...more]) register(program, verb)
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return end.code
  } catch (error) {
    return exitOf(error, io, end.output)
  }
}

const commonOptions = (command: Command): Command =>
  command
    .option('--config <path>', 'the configuration (default: REGENT_CONFIG, ./regent.yaml, /etc/regent/regent.yaml)')
    .option('--api <url>', 'ask the daemon there; several may be named', (url: string, before: string[] = []) => [
      ...before,
      url,
    ])
    .option('--token <token>', 'for changes by a daemon (default: REGENT_TOKEN)')
    .option('--token-file <path>', 'the same, from a file')
    .option('-o, --output <format>', 'table, tsv, json, yaml')
    .option('--json', 'one JSON object, or one per line')
    .option('-q, --quiet', 'bare names, one per line')
    .option('--yes', 'do not ask; covers another winner than shown, never more loss or a weaker fence')

function exitOf(error: unknown, io: Io, output: Output | undefined): number {
  const printing: ProblemPrinting = {
    err: (text) => io.stderr.write(text),
    paint: painter(coloursOn(io.stderr, io.env)),
    ...(output ? { output } : {}),
  }
  if (!(error instanceof CommanderError)) return printThrown(error, printing)
  if (error.exitCode === 0 || error.code === 'commander.help') return error.exitCode === 0 ? 0 : 2
  return error.code.startsWith('commander.')
    ? 2
    : printProblems([problem('usage', { what: error.message, fix: 'regent --help' })], printing)
}
