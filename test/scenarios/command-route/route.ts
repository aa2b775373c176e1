/** An operator's own route, kept in a file: `route.ts FILE withdraw|announce|read|close`. What it was told comes by the environment. */
import { appendFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

const [file = '', verb = ''] = process.argv.slice(2)
const { env } = process

const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`)

function keep(route: unknown): void {
  writeFileSync(`${file}.new`, JSON.stringify(route))
  renameSync(`${file}.new`, file)
  appendFileSync(`${file}.log`, `${JSON.stringify(route)}\n`)
}

const number = { epoch: Number(env['REGENT_EPOCH']), number: Number(env['REGENT_NUMBER']) }
if (verb === 'withdraw') keep({ kind: 'withdrawn', ...number })
if (verb === 'announce')
  keep({ kind: 'open', host: env['REGENT_PRIMARY_HOST'], port: Number(env['REGENT_PRIMARY_PORT']), ...number })
if (verb === 'close') say({ closed: 0, remaining: 0 })
if (verb === 'read') {
  try {
    say({ ...JSON.parse(readFileSync(file, 'utf8')), sessions: 0 })
  } catch {
    say({})
  }
}
