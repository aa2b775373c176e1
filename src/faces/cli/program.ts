import { Command, CommanderError } from 'commander'
import { problem } from '../../model/problem.ts'
import { registerRunning } from './commands/run.ts'
import { Context, type Io } from './context.ts'
import { type ProblemPrinting, printProblems, printThrown } from './exit.ts'
import type { Output } from './print.ts'
import type { Runners } from './runners.ts'
import { coloursOn, painter } from './table.ts'
import type { DefineVerb, Register } from './verb.ts'

/** Programs that stay have no use for the other verbs, nor memory for all that those import. */
const STAY: ReadonlySet<string | undefined> = new Set(['watch', 'proxy'])

async function registersFor(verb: string | undefined): Promise<readonly Register[]> {
  if (STAY.has(verb)) return [registerRunning]
  const others = await Promise.all([
    import('./commands/look.ts').then((verbs) => verbs.registerLooking),
    import('./commands/change.ts').then((verbs) => verbs.registerChanging),
    import('./commands/orders.ts').then((verbs) => verbs.registerOrders),
    import('./commands/setup.ts').then((verbs) => verbs.registerSetup),
    import('./commands/sandbox.ts').then((verbs) => verbs.registerSandbox),
    import('./commands/demo.ts').then((verbs) => verbs.registerDemo),
  ])
  return [registerRunning, ...others]
}

const EXIT_CODES = `
Exit codes: 0 fine, 1 it failed or a problem was found, 2 usage or configuration,
3 refused by a safety check, 4 cannot reach what was needed, 5 not allowed,
6 not waited for any longer (the id of the recovery is printed)`

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
    .addHelpText('after', EXIT_CODES)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => write(usageText(text, argv)),
    })
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
  for (const register of [...(await registersFor(argv[0])), ...more]) register(program, verb)
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return end.code
  } catch (error) {
    return exitOf(error, io, end.output)
  }
}

/** What the parser found is told before any option is known: `--json` is looked for by name. */
function usageText(text: string, argv: readonly string[]): string {
  if (!argv.includes('--json')) return `${text}(regent <verb> --help shows how)\n`
  const what = text
    .trim()
    .replace(/^error: /, '')
    .replaceAll('\n', ' ')
  const { code, says, tryThis, exit } = problem('usage', { what, fix: 'regent <verb> --help shows how' })
  return `${JSON.stringify({ problem: code, says, tryThis, exit })}\n`
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
