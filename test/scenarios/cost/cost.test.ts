import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { freePorts } from '../../../src/lab/sandbox/free-ports.ts'
import { residentMb } from '../../../src/lab/sandbox/index.ts'
import { setStage, until } from '../stage.ts'

const REGENT = join(import.meta.dirname, '../../../bin/regent')
/** What is promised of a daemon that watches four servers; it takes about 130. */
const MOST_MB = 150
/** Servers are known, sessions stand, both acts were planned once: from then on the same is done over and over. */
const SETTLE_MS = 20_000

/** As a user starts it: how much it takes depends on how the program starts Node. */
async function watching(configPath: string) {
  const [apiPort = 0] = await freePorts(1)
  const env = { ...process.env, REGENT_API_LISTEN: `127.0.0.1:${apiPort}` }
  const child = spawn(REGENT, ['watch', '--config', configPath], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
  return {
    pid: child.pid ?? 0,
    said: () => said,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      await gone
    },
  }
}

test('a daemon that watches four servers takes less than 150 MB', async () => {
  await using stage = await setStage({ shape: '1+3' })
  await using regent = await watching(stage.configPath)
  await until('the daemon serves its API', () => regent.said().includes('the page and the API are served'), {
    seen: () => regent.said(),
  })
  await sleep(SETTLE_MS)
  expect(await residentMb(regent.pid)).toBeLessThan(MOST_MB)
})
