import type { Flavour } from '../../../lab/sandbox/index.ts'
import { runDemo } from '../demo/demo.ts'
import { succeeded } from '../demo/facts.ts'
import type { Register } from '../verb.ts'
import { serverFlag } from './sandbox.ts'

interface Options {
  readonly server: Flavour
  readonly once?: boolean
  readonly keep?: boolean
  readonly dir?: string
}

/** Real servers, clients that write, the page, a fault, the recovery, the proof; then keys for more. */
export const registerDemo: Register = (program, verb) => {
  verb(
    program
      .command('demo')
      .addOption(serverFlag())
      .option('--once', 'end after the story: exit 0 only if all went well')
      .option('--keep', 'leave logs and data on the disk')
      .option('--dir <path>', 'where they go (default: a new one below .regent/sandbox)'),
    'real servers here, a writer, the page, a fault, the recovery, the proof',
    'regent demo\n  regent demo --server mysql --once --json',
    async (context, _args, command) => {
      const { server, once, keep, dir } = command.opts<Options>()
      const request = { server, once: once ?? false, keep: keep ?? false, ...(dir === undefined ? {} : { dir }) }
      const facts = await runDemo(context, request)
      if (context.output.kind === 'quiet' || context.output.format !== 'table') {
        context.emit(facts, { table: () => '', names: () => [] })
      }
      context.exitCode = succeeded(facts) ? 0 : 1
    },
  )
}
