/** Starts the program; nothing else. */

import { runners } from './compose-runners.ts'
import { runCli } from './faces/cli/program.ts'

const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => stop.abort())
// A pipe that is closed early (`| head`) is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  process.stderr.write(`regent: the output cannot be written: ${error.message}\n`)
  process.exit(1)
})
// Nobody reads what is told beside the result: no reason to end in the middle of a change.
process.stderr.on('error', () => undefined)
const { stdin, stdout, stderr, env } = process
process.exitCode = await runCli(process.argv.slice(2), { stdin, stdout, stderr, env, signal: stop.signal }, runners)
